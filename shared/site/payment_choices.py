"""The ways to pay that a buyer chooses from: QRIS first, then virtual accounts, then e-wallets (reference: 6.3)."""

from dataclasses import dataclass
from typing import Literal

from shared.cloud.settings import settings
from shared.sales.schemas import OrderResponse

Group = Literal["qris", "bank", "wallet", "other"]
_GATEWAYS = ("xendit", "midtrans")
_NAMES: dict[str, tuple[str, Group]] = {
    "QRIS": ("QRIS", "qris"),
    "BCA": ("BCA", "bank"),
    "MANDIRI": ("Mandiri", "bank"),
    "BNI": ("BNI", "bank"),
    "BRI": ("BRI", "bank"),
    "PERMATA": ("Permata", "bank"),
    "GOPAY": ("GoPay", "wallet"),
    "OVO": ("OVO", "wallet"),
    "DANA": ("DANA", "wallet"),
    "LINKAJA": ("LinkAja", "wallet"),
}


@dataclass(frozen=True)
class PaymentChoice:
    """A way to pay at a gateway; `value` is what the form sends."""

    method: str
    gateway: str
    name: str
    group: Group

    @property
    def value(self) -> str:
        """The method and the gateway together."""
        return f"{self.method}@{self.gateway}"


def of_order(order: OrderResponse, *, failed_gateway: str | None = None) -> list[PaymentChoice]:
    """The ways to pay an order; all at the other gateway where one has just failed."""
    del order
    return [
        PaymentChoice(method, _gateway(method, failed_gateway), name, group) for method, (name, group) in _NAMES.items()
    ]


def _gateway(method: str, failed_gateway: str | None) -> str:
    """The gateway that shows a method in our own page, or else the usual one; the other where that has failed."""
    chosen = "midtrans" if method == "QRIS" else settings().default_gateway
    return next(each for each in _GATEWAYS if each != failed_gateway) if chosen == failed_gateway else chosen


def name_of(method: str) -> str:
    """What people call a method."""
    return _NAMES.get(method, (method, "other"))[0]
