"""The page a payer is sent to, and the control calls behind its buttons."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import requests

from shared.gateways.midtrans.client import Midtrans
from shared.gateways.statuses import Customer, GatewayPaymentState, OpenedPayment, PaymentMethod
from shared.gateways.xendit.client import Xendit
from tests.integration.simulators.world import Payer

SITI = Customer(name="Siti", email="siti@example.com")
RETURN_URL = "http://127.0.0.1:9/orders/1"


def at_xendit(xendit: Xendit, method: PaymentMethod = PaymentMethod.BCA) -> OpenedPayment:
    return xendit.open_invoice(
        external_id=str(uuid4()),
        amount=1_234_567,
        description="Tiket",
        duration_seconds=600,
        method=method,
        customer=SITI,
        success_url=RETURN_URL,
    )


def at_midtrans(midtrans: Midtrans, method: PaymentMethod) -> OpenedPayment:
    return midtrans.open_payment(
        order_id=str(uuid4()),
        amount=1_234_567,
        method=method,
        expires_at=datetime.now(UTC) + timedelta(minutes=10),
        customer=SITI,
        finish_url=RETURN_URL,
    )


def page_of(opened: OpenedPayment) -> str:
    assert opened.redirect_url is not None
    return requests.get(opened.redirect_url, timeout=10).text


def press(opened: OpenedPayment, button: str) -> requests.Response:
    """Send the form of a button as a browser would."""
    form = re.search(rf'<form method="post" action="([^"]+/{button})">(.*?)</form>', page_of(opened), re.DOTALL)
    assert form is not None
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', form[2]))
    return requests.post(form[1], data=fields or {"channel": "BCA"}, timeout=10, allow_redirects=False)


def test_the_page_says_who_asks_how_much_by_which_way(xendit: Xendit) -> None:
    opened = at_xendit(xendit)
    page = page_of(opened)
    assert '<html lang="id">' in page
    for text in ("Karcis", "Rp 1.234.567", "BCA", opened.va_number or "", "Bayar", "Gagalkan", "Kedaluwarsakan"):
        assert text in page


@pytest.mark.parametrize("method", [PaymentMethod.QRIS, PaymentMethod.BCA, PaymentMethod.ANY])
def test_midtrans_s_pages_have_the_buttons_too(midtrans: Midtrans, method: PaymentMethod) -> None:
    page = page_of(at_midtrans(midtrans, method))
    assert "Rp 1.234.567" in page
    assert ("data:image/png" in page) is (method is PaymentMethod.QRIS)
    assert ('<select id="channel"' in page) is (method is PaymentMethod.ANY)


def test_the_pay_button_pays_and_sends_the_payer_back(xendit: Xendit, midtrans: Midtrans) -> None:
    invoice, snap = at_xendit(xendit), at_midtrans(midtrans, PaymentMethod.OVO)
    assert press(invoice, "pay").headers["Location"] == RETURN_URL
    assert press(snap, "pay").headers["Location"].startswith(f"{RETURN_URL}?order_id={snap.gateway_reference}")
    assert xendit.payment_status(invoice.gateway_reference).state is GatewayPaymentState.PAID
    assert midtrans.payment_status(snap.gateway_reference).state is GatewayPaymentState.PAID
    assert "Lunas" in page_of(invoice)
    assert "Gagalkan" not in page_of(invoice)


def test_the_other_buttons_lead_back_to_the_page(midtrans: Midtrans) -> None:
    for button, text in (("fail", "Gagal"), ("expire", "Kedaluwarsa")):
        opened = at_midtrans(midtrans, PaymentMethod.BCA)
        assert press(opened, button).headers["Location"] == opened.redirect_url
        assert text in page_of(opened)


@pytest.mark.parametrize("method", [PaymentMethod.PERMATA, PaymentMethod.MANDIRI])
def test_an_account_is_paid_by_its_number_as_at_a_bank(
    midtrans: Midtrans, base_url: str, method: PaymentMethod
) -> None:
    opened = at_midtrans(midtrans, method)
    at_bank = f"{base_url}/simulators/midtrans/va"
    number = opened.va_number or ""
    page = requests.get(at_bank, params={"number": f"{number[:4]} {number[4:]}"}, timeout=10)
    assert page.url == opened.redirect_url
    for text in ("Rp 1.234.567", number, opened.biller_code or ""):
        assert text in page.text
    assert press(opened, "pay").status_code == 303
    assert midtrans.payment_status(opened.gateway_reference).state is GatewayPaymentState.PAID
    assert "tidak dikenal" in requests.get(at_bank, params={"number": "1"}, timeout=10).text
    assert "tidak dikenal" not in requests.get(at_bank, timeout=10).text


@pytest.mark.parametrize("path", ["/simulators", "/simulators/", "/simulators/xendit", "/simulators/xendit/"])
def test_the_latest_payments_are_listed(xendit: Xendit, base_url: str, path: str) -> None:
    opened = at_xendit(xendit)
    assert f'href="{opened.redirect_url}"' in requests.get(base_url + path, timeout=10).text


def test_an_unknown_page_is_not_found(base_url: str) -> None:
    assert requests.get(f"{base_url}/simulators/xendit/web/unknown", timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("action", "wanted", "status"),
    [
        ("pay", {"amount": "banyak"}, 400),
        ("pay", {"amount": -1}, 400),
        ("pay", {"deliver": "someday"}, 400),
        ("pay", {"channel": "cowries"}, 400),
        ("refund", {}, 409),
        ("dance", {}, 404),
        ("challenge", {}, 404),
    ],
)
def test_control_calls_that_make_no_sense_are_refused(
    xendit: Xendit, xendit_payer: Payer, action: str, wanted: dict[str, object], status: int
) -> None:
    opened = at_xendit(xendit)
    assert xendit_payer.tries(action, opened.gateway_reference, **wanted).status_code == status
    assert xendit_payer.state(opened.gateway_reference)["status"] == "pending"


def test_what_is_paid_is_not_paid_again(xendit: Xendit, xendit_payer: Payer) -> None:
    opened = at_xendit(xendit)
    xendit_payer.does("pay", opened.gateway_reference)
    for action in ("pay", "fail", "expire"):
        assert xendit_payer.tries(action, opened.gateway_reference).status_code == 409


def test_a_fault_nobody_knows_is_refused(base_url: str) -> None:
    response = requests.post(f"{base_url}/simulators/xendit/faults", json={"explode": True}, timeout=10)
    assert response.status_code == 400
