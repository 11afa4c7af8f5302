"""The ways to pay that a buyer chooses from: QRIS first, then virtual accounts, then e-wallets (PS-002)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shared.gateways.statuses import PaymentMethod
from shared.payments import payment_options

Group = Literal["qris", "bank", "wallet"]
_NAMES: dict[PaymentMethod, tuple[str, Group]] = {
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


@dataclass(frozen=True)
class PaymentChoice:
    """A way to pay at a gateway; `value` is what the form sends."""

    method: PaymentMethod
    gateway: str
    name: str
    group: Group

    @property
    def value(self) -> str:
        """The method and the gateway together."""
        return f"{self.method}@{self.gateway}"


def of_amount(amount: int, *, failed_gateway: str | None = None) -> list[PaymentChoice]:
    """The ways to pay an amount in rupiah, each at its best gateway; one that failed comes last."""
    return list(_choices(amount, failed_gateway))


def nearest(choices: list[PaymentChoice], wanted: str) -> str:
    """The choice that a form sent, or the same method at another gateway; empty where there is neither."""
    method = wanted.partition("@")[0]
    near = sorted((each.value != wanted, each.value) for each in choices if each.method == method)
    return near[0][1] if near else ""


def name_of(method: str) -> str:
    """The name of a payment method as people know it."""
    return next((name for known, (name, _) in _NAMES.items() if known == method), method)


def _choices(amount: int, failed_gateway: str | None) -> Iterator[PaymentChoice]:
    for option in payment_options.best_options(amount, failed_gateway=failed_gateway):
        if option.method in _NAMES:
            name, group = _NAMES[option.method]
            yield PaymentChoice(option.method, option.gateway, name, group)
