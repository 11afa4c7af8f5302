"""A gateway's words about a refund that it can't send, never or not now (PS-017)."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from shared.gateways.errors import GatewayRefused, GatewayUnavailable
from shared.gateways.midtrans.gateway import MidtransGateway
from shared.gateways.protocol import Gateway, SendableRefund
from shared.gateways.xendit.client import Xendit
from shared.gateways.xendit.gateway import XenditGateway

XENDIT: Gateway = XenditGateway(cast("Any", None))
MIDTRANS: Gateway = MidtransGateway(cast("Any", None))
REFUND = cast(
    "SendableRefund",
    SimpleNamespace(id=uuid4(), gateway_reference="inv-1", amount=50_000, kind="requested", gateway_refund_id=None),
)


class RefusingXendit(Xendit):
    """A client whose refunds are refused with a code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def refund(self, **_: object) -> Any:
        raise GatewayRefused("xendit", status=400, code=self.code)


@pytest.mark.parametrize("channel", ["QRIS", "OVO", "DANA", "CREDIT_CARD", "gopay"])
@pytest.mark.parametrize("gateway", [XENDIT, MIDTRANS], ids=["xendit", "midtrans"])
def test_wallets_cards_and_qris_go_back_the_way_they_came(gateway: Gateway, channel: str):
    assert channel.upper() not in gateway.unrefundable_channels


@pytest.mark.parametrize(
    ("gateway", "channel"),
    [
        (XENDIT, "BCA"),
        (XENDIT, "SAHABAT_SAMPOERNA"),
        (XENDIT, "ALFAMART"),
        (MIDTRANS, "bca_va"),
        (MIDTRANS, "permata_va"),
        (MIDTRANS, "echannel"),
        (MIDTRANS, "cstore"),
    ],
)
def test_virtual_accounts_and_shops_can_not_be_refunded(gateway: Gateway, channel: str):
    assert channel.upper() in gateway.unrefundable_channels


@pytest.mark.parametrize(
    ("code", "error"),
    [("INSUFFICIENT_BALANCE", GatewayUnavailable), ("REFUND_NOT_SUPPORTED", GatewayRefused)],
)
def test_what_is_refused_for_now_is_tried_again_and_the_rest_is_not(code: str, error: type[Exception]):
    with pytest.raises(error, match=code):
        XenditGateway(RefusingXendit(code)).refund(REFUND)
