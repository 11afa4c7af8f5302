"""The ways to pay that a buyer chooses from: QRIS first, then virtual accounts, then e-wallets (PS-002)."""

from dataclasses import dataclass

from shared.cloud.database import Transaction
from shared.gateways.statuses import PaymentMethod
from shared.payments import gateway_circuits, payment_options
from shared.site.payment_methods import NAMES, Group


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


def of_amount(tx: Transaction, amount: int, *, failed_gateway: str | None = None) -> list[PaymentChoice]:
    """The ways to pay an amount in rupiah, each at its best gateway; one that failed comes last."""
    options = payment_options.best_options(amount, gateway_circuits.pauses(tx), failed_gateway=failed_gateway)
    return [
        PaymentChoice(option.method, option.gateway, *NAMES[option.method])
        for option in options
        if option.method in NAMES
    ]


def nearest(choices: list[PaymentChoice], wanted: str) -> str:
    """The choice that a form sent, or the same method at another gateway; empty where there is neither."""
    method = wanted.partition("@")[0]
    near = sorted((each.value != wanted, each.value) for each in choices if each.method == method)
    return near[0][1] if near else ""
