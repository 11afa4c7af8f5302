"""The instructions of a payment tell how this one can be paid."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from shared.gateways.statuses import PaymentMethod
from shared.sales.schemas import PaymentResponse

_NOTHING: dict[str, Any] = dict.fromkeys(
    ("gateway_reference", "received_amount", "redirect_url", "snap_token", "qr_string", "va_number", "biller_code")
)


def instructions(method: str, **has: str) -> str:
    row: Any = {
        **_NOTHING,
        "id": uuid4(),
        "order_id": uuid4(),
        "gateway": "xendit",
        "status": "pending",
        "amount": 100_000,
        "payment_method": method,
        "expires_at": datetime.now(UTC),
        "paid_at": None,
        "is_opening": False,
        **has,
    }
    return PaymentResponse.of(row).instructions


def test_nothing_is_to_be_done_where_nothing_is_to_be_paid():
    assert instructions("FREE") == "Tidak ada yang perlu dibayar."


def test_a_code_is_scanned_here_or_on_the_gateways_page():
    assert "pindai kode ini" in instructions("QRIS", qr_string="0002...")
    assert "Buka halaman pembayaran" in instructions("QRIS", redirect_url="https://gateway.example/1")


def test_a_transfer_goes_to_the_number_here_or_on_the_gateways_page():
    assert instructions("BNI", va_number="988").startswith("Transfer jumlah yang tepat ke virtual account BNI dari")
    assert instructions("BNI", redirect_url="https://gateway.example/1").startswith("Buka halaman pembayaran")
    assert "kode perusahaan 70012" in instructions("MANDIRI", va_number="988", biller_code="70012")


@pytest.mark.parametrize("method", [*PaymentMethod])
def test_every_method_has_some(method: PaymentMethod):
    assert "{" not in instructions(method)
