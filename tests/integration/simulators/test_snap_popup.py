"""Snap's popup at the simulator: what its page tells `snap.js`, and what that makes of it in a browser (MID-1)."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests
from werkzeug.wrappers import Response

from shared.gateways.midtrans.client import Midtrans
from shared.gateways.statuses import Customer, GatewayPaymentState, OpenedPayment, PaymentMethod
from tests import chromium
from tests.integration.simulators.conftest import CLIENT_KEY
from tests.integration.simulators.world import Payer, Receiver, served

SHOP = "http://127.0.0.1:9"
RETURN_URL = f"{SHOP}/orders/1"
CHROMIUM = chromium.find()


def opened_by(midtrans: Midtrans, method: PaymentMethod = PaymentMethod.ANY, *, minutes: float = 10) -> OpenedPayment:
    return midtrans.open_payment(
        order_id=str(uuid4()),
        amount=100_000,
        method=method,
        expires_at=datetime.now(UTC) + timedelta(minutes=minutes),
        customer=Customer(name="Siti", email="siti@example.com"),
        finish_url=RETURN_URL,
    )


def popup(base_url: str, token: str | None, **changes: str) -> requests.Response:
    query = {"client_key": CLIENT_KEY, "parent": SHOP} | changes
    return requests.get(f"{base_url}/simulators/midtrans/snap/v4/popup/{token}", params=query, timeout=10)


def told(page: requests.Response) -> dict[str, Any] | None:
    """The messages of the page to the script."""
    found = re.search(r"^  tell\((\{.*\})\);$", page.text, re.MULTILINE)
    return json.loads(found[1]) if found else None


def press(page: requests.Response, button: str, **fields: str) -> requests.Response:
    """Press a button of the popup's page; the page that follows."""
    address = re.search(rf'action="([^"]+/{button})"', page.text)
    back = re.search(r'name="back" value="([^"]+)"', page.text)
    assert address is not None
    assert back is not None
    return requests.post(address[1], data={"back": unescape(back[1]), **fields}, timeout=10)


def test_a_page_on_which_nothing_is_chosen_tells_nothing(midtrans: Midtrans, base_url: str) -> None:
    page = popup(base_url, opened_by(midtrans).snap_token)
    assert told(page) is None
    for words in ("Bayar nanti", "Gagalkan", "Kedaluwarsakan", "Tutup", f'"{SHOP}"'):
        assert words in page.text
    assert "Kembali ke" not in page.text


def test_paying_tells_success_with_the_published_fields(midtrans: Midtrans, base_url: str) -> None:
    opened = opened_by(midtrans)
    message = told(press(popup(base_url, opened.snap_token), "pay", channel="BNI"))
    assert message is not None
    assert message["outcome"] == "success"
    result = message["result"]
    assert (result["status_code"], result["transaction_status"]) == ("200", "settlement")
    assert result["order_id"] == opened.gateway_reference
    assert result["gross_amount"] == "100000.00"
    assert result["va_numbers"][0]["bank"] == "bni"
    finish = urlsplit(result["finish_redirect_url"])
    assert parse_qs(finish.query) == {
        "order_id": [opened.gateway_reference],
        "status_code": ["200"],
        "transaction_status": ["settlement"],
    }


def test_choosing_to_pay_later_is_pending_and_known_to_core(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, base_url: str
) -> None:
    opened = opened_by(midtrans)
    page = press(popup(base_url, opened.snap_token), "choose", channel="PERMATA")
    message = told(page)
    assert message is not None
    assert (message["outcome"], message["result"]["status_code"]) == ("pending", "201")
    number = message["result"]["permata_va_number"]
    assert number in page.text
    assert midtrans.payment_status(opened.gateway_reference).state is GatewayPaymentState.PENDING
    (webhook,) = receiver.wait_for(1, opened.gateway_reference)
    assert json.loads(webhook.body)["transaction_status"] == "pending"
    again = told(popup(base_url, opened.snap_token))  # opened a second time: the same number waits
    assert again is not None
    assert again["result"]["permata_va_number"] == number
    midtrans_payer.does("pay", opened.gateway_reference)
    assert midtrans.payment_status(opened.gateway_reference).state is GatewayPaymentState.PAID


@pytest.mark.slow("it waits for a payment to expire")
def test_a_chosen_payment_that_nobody_pays_says_that_it_has_expired(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver
) -> None:
    opened = opened_by(midtrans, minutes=1 / 30)
    midtrans_payer.does("choose", opened.gateway_reference, channel="BCA")
    webhooks = receiver.wait_for(2, opened.gateway_reference)
    statuses = {json.loads(webhook.body)["transaction_status"] for webhook in webhooks}
    assert statuses == {"pending", "expire"}


@pytest.mark.parametrize(("button", "code", "status"), [("fail", "202", "deny"), ("expire", "202", "expire")])
def test_failing_tells_an_error(midtrans: Midtrans, base_url: str, button: str, code: str, status: str) -> None:
    message = told(press(popup(base_url, opened_by(midtrans, PaymentMethod.OVO).snap_token), button))
    assert message is not None
    assert message["outcome"] == "error"
    assert (message["result"]["status_code"], message["result"]["transaction_status"]) == (code, status)


def test_what_was_decided_before_is_told_as_published(midtrans: Midtrans, midtrans_payer: Payer, base_url: str) -> None:
    opened = opened_by(midtrans)
    midtrans_payer.does("pay", opened.gateway_reference, channel="GOPAY")
    published = {"status_code": "406", "status_message": ["transaction has been processed"]}
    assert told(popup(base_url, opened.snap_token)) == {"outcome": "error", "result": published}
    midtrans.cancel(closed := str(uuid4()))
    page = midtrans.open_payment(
        order_id=closed,
        amount=100_000,
        method=PaymentMethod.ANY,
        expires_at=datetime.now(UTC) + timedelta(minutes=10),
        customer=Customer(name="Siti", email="siti@example.com"),
    )
    midtrans.cancel(closed, page.snap_token)
    message = told(popup(base_url, page.snap_token))
    assert message is not None
    assert message["outcome"] == "error"


def test_an_unknown_token_and_another_client_key_open_nothing(midtrans: Midtrans, base_url: str) -> None:
    for page in (popup(base_url, "unknown"), popup(base_url, opened_by(midtrans).snap_token, client_key="another")):
        assert page.status_code == 404
        assert "Bayar" not in page.text
        assert "Tutup" in page.text


def test_a_button_leads_nowhere_but_back_to_the_simulator(midtrans: Midtrans, base_url: str) -> None:
    opened = opened_by(midtrans, PaymentMethod.OVO)
    address = f"{base_url}/simulators/midtrans/payments/{opened.gateway_reference}/choose"
    form = {"channel": "OVO", "back": "http://elsewhere.example/"}
    answer = requests.post(address, data=form, timeout=10, allow_redirects=False)
    assert answer.headers["Location"] == opened.redirect_url


def test_the_redirect_page_leads_back_with_what_became_of_it(midtrans: Midtrans, base_url: str) -> None:
    opened = opened_by(midtrans)
    address = f"{base_url}/simulators/midtrans/payments/{opened.gateway_reference}"
    assert "Kembali ke" not in requests.get(str(opened.redirect_url), timeout=10).text
    page = unescape(requests.post(f"{address}/choose", data={"channel": "BCA"}, timeout=10).text)
    assert f"{RETURN_URL}?order_id={opened.gateway_reference}&status_code=201&transaction_status=pending" in page
    paid = requests.post(f"{address}/pay", data={"channel": "BCA"}, timeout=10, allow_redirects=False)
    assert paid.headers["Location"].endswith("&status_code=200&transaction_status=settlement")


class Shop:
    """A merchant's page that opens the popup, under the strict policy of ours; what it learns stands in its title."""

    PAGE = """<!doctype html><html lang="id"><head><meta charset="utf-8"><title></title>
        <script src="{script}" data-client-key="{key}"></script><script src="/shop.js" type="module"></script>
        </head><body><button id="buy">Bayar</button></body></html>"""

    def __init__(self, script: str, steps: str) -> None:
        self.script, self.steps = script, steps

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/shop.js":
            return Response(self.steps, mimetype="text/javascript")(environ, start_response)
        page = self.PAGE.format(script=self.script, key=CLIENT_KEY)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.script))
        answer = Response(page, mimetype="text/html")
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {origin}; frame-src {origin}"
        )
        return answer(environ, start_response)


CALLBACKS = """
const seen = [];
const note = (name) => (result) => {
  seen.push(result ? `${name} ${result.status_code}` : name);
  document.title = seen.join(", ");
};
const callbacks = {
  onSuccess: note("success"), onPending: note("pending"), onError: note("error"), onClose: note("close"),
};
const pay = (token) => snap.pay(token, callbacks);
const find = (selector) => document.querySelector("iframe").contentDocument?.querySelector(selector);
const press = async (selector) => {
  while (!find(selector)) await new Promise((go) => setTimeout(go, 20));
  find(selector).click();
};
const closed = async () => { while (document.querySelector("iframe")) await new Promise((go) => setTimeout(go, 20)); };
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
@pytest.mark.parametrize(
    ("steps", "title"),
    [
        (
            'pay("{token}"); try {{ pay("{token}"); }} catch (error) {{ note(error.message)(); }}',
            "snap.pay is not allowed to be called in this state. "
            "Invalid state transition from PopupInView to PopupInView",
        ),
        ('pay("{token}"); snap.hide(); pay("{token}"); await press("#close"); await closed();', "close"),
        (
            'pay("{token}"); await press("button[formaction]"); await press("img.qr");'
            ' await press("#close"); await closed(); pay("{token}"); await press("button.pay"); await closed();',
            "pending 201, success 200",
        ),
        ('pay("{token}"); await press("button.fail"); await closed();', "error 202"),
        ('pay("{token}"); await press("button.expire"); await closed(); pay("{token}"); await closed();',
         "error 202, error 406"),
        ('pay("unknown"); await press("#close"); await closed();', "close"),
    ],
    ids=["twice", "closed", "paid later", "failed", "expired", "unknown"],
)  # fmt: skip
def test_the_script_calls_back_as_midtrans_s_does(
    midtrans: Midtrans, base_url: str, tmp_path: Path, steps: str, title: str
) -> None:
    steps = CALLBACKS + steps.format(token=opened_by(midtrans).snap_token)
    assert browse(Shop(f"{base_url}/simulators/midtrans/snap/snap.js", steps), tmp_path) == title


def browse(shop: Shop, folder: Path) -> str:
    """Open the shop in a browser that lets its script press the popup's buttons; the title in the end."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--dump-dom"]
    reach_in = ["--disable-web-security", "--disable-site-isolation-trials"]
    with served(shop) as url:
        command = [str(CHROMIUM), *options, *reach_in, f"--user-data-dir={folder}", f"{url}/"]
        page = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r"<title>(.*?)</title>", page)
    assert found is not None
    return unescape(found[1])
