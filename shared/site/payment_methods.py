"""The payment methods as people know them, in the order in which they are offered."""

from collections.abc import Mapping
from typing import Final, Literal

from shared.gateways.statuses import PaymentMethod

Group = Literal["qris", "bank", "wallet"]
NAMES: Final[Mapping[PaymentMethod, tuple[str, Group]]] = {
    PaymentMethod.QRIS: ("QRIS", "qris"),
    PaymentMethod.BCA: ("BCA", "bank"),
    PaymentMethod.MANDIRI: ("Mandiri", "bank"),
    PaymentMethod.BNI: ("BNI", "bank"),
    PaymentMethod.BRI: ("BRI", "bank"),
    PaymentMethod.PERMATA: ("Permata", "bank"),
    PaymentMethod.GOPAY: ("GoPay", "wallet"),
    PaymentMethod.OVO: ("OVO", "wallet"),
    PaymentMethod.DANA: ("DANA", "wallet"),
    PaymentMethod.LINKAJA: ("LinkAja", "wallet"),
}


def name_of(method: str) -> str:
    """The name of a payment method as people know it."""
    return next((name for known, (name, _) in NAMES.items() if known == method), method)
