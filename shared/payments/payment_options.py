"""Payment options: which gateway offers which method, and who takes over where one doesn't answer (PS-002, FAILOVER-1).

All instances share what they know of a gateway (`gateway_circuits`); this process also goes by its own calls.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.gateways import names, registry
from shared.gateways.statuses import PaymentMethod
from shared.payments import gateway_circuits
from shared.payments.gateway_circuits import Circuit
from shared.problems import Problem

_BANKS = (
    PaymentMethod.BCA,
    PaymentMethod.MANDIRI,
    PaymentMethod.BNI,
    PaymentMethod.BRI,
    PaymentMethod.PERMATA,
)
_PAID_BY_APP = (
    PaymentMethod.QRIS,  # which every wallet's app can pay
    PaymentMethod.GOPAY,
    PaymentMethod.OVO,
    PaymentMethod.DANA,
    PaymentMethod.LINKAJA,
)


class AmountAboveLimit(Problem):
    """QRIS does not take an amount as large as this. Choose a virtual account or another payment method."""

    status, slug = 422, "amount-above-limit"


@dataclass(frozen=True)
class PaymentOption:
    """A payment method at a gateway."""

    method: PaymentMethod
    gateway: str
    is_inline: bool
    """A code or a number comes back, for our own page; otherwise the payer goes to the gateway's."""
    api: str
    """The gateway's API that opens it."""
    retry_after_seconds: int = 0
    """The seconds for which the gateway is not called, as it has not answered."""

    @property
    def is_available(self) -> bool:
        """True if its gateway answers, as far as is known."""
        return self.retry_after_seconds == 0

    @property
    def circuit(self) -> Circuit:
        """The circuit that says whether its gateway answers."""
        return self.gateway, self.api


def all_options(amount: int, pauses: Mapping[Circuit, float] | None = None) -> list[PaymentOption]:
    """Every method at every gateway that takes `amount` rupiah by it, the default gateway's first.

    `pauses` is what the instances know of the gateways' circuits; a half-open one is available.
    """
    return [option for gateway in _gateways() for option in _of_gateway(gateway, amount, pauses or {})]


def best_options(
    amount: int, pauses: Mapping[Circuit, float] | None = None, *, failed_gateway: str | None = None
) -> list[PaymentOption]:
    """The best gateway for each method that takes `amount` rupiah: one that answers, and shows it on our own page.

    One that has just failed comes last, and among equals the default gateway first.
    """
    best: dict[PaymentMethod, PaymentOption] = {}
    for option in sorted(
        all_options(amount, pauses),
        key=lambda each: (not each.is_available, each.gateway == failed_gateway, not each.is_inline),
    ):
        best.setdefault(option.method, option)
    return [best[method] for method in PaymentMethod if method in best]


def alternatives(
    amount: int, pauses: Mapping[Circuit, float] | None = None, *, method: PaymentMethod, failed: Collection[str]
) -> list[PaymentOption]:
    """The options at gateways that answer, but for the `failed` ones: the same method, its like, the others."""
    others = [each for each in all_options(amount, pauses) if each.gateway not in failed and each.is_available]
    return sorted(others, key=lambda each: (each.method is not method, not _are_alike(each.method, method)))


def choose_gateway(tx: Transaction, amount: int, *, method: PaymentMethod, preferred: str) -> str:
    """The gateway that opens a payment of `amount` rupiah: the preferred one, or else one that answers.

    If none answers, the preferred one is called all the same.
    """
    return next(
        _available_gateways(tx, amount, method, sorted(_gateways(), key=lambda name: name != preferred)), preferred
    )


def other_gateway(tx: Transaction, amount: int, *, method: PaymentMethod, failed: str) -> str | None:
    """Another gateway that answers and takes the same method; None where there is none."""
    return next(_available_gateways(tx, amount, method, [name for name in _gateways() if name != failed]), None)


def _available_gateways(tx: Transaction, amount: int, method: PaymentMethod, names: Sequence[str]) -> Iterator[str]:
    """The gateways that answer. One checkout tries a half-open circuit, and the others go elsewhere."""
    pauses = gateway_circuits.pauses(tx)
    for option in (each for name in names for each in _of_gateway(name, amount, pauses) if each.method is method):
        is_half_open = option.circuit in pauses
        if option.is_available and (not is_half_open or gateway_circuits.probe(tx, option.circuit)):
            yield option.gateway


def circuit_of(gateway: str, method: str) -> Circuit:
    """The circuit that payments by a method at a gateway belong to."""
    return gateway, registry.gateway(gateway).methods[PaymentMethod(method)].api


def require_within_limit(amount: int, *, method: PaymentMethod, gateway: str) -> None:
    """Refuse an amount that a method does not take. Raises AmountAboveLimit."""
    if registry.gateway(gateway).methods[method].is_qris and amount > settings().qris_limit:
        possible = [option.method for option in all_options(amount) if option.gateway == gateway]
        raise AmountAboveLimit(limit=settings().qris_limit, payment_methods=possible)


def _gateways() -> list[str]:
    default = settings().default_gateway
    return sorted(names.NAMES, key=lambda name: name != default)


def _of_gateway(name: str, amount: int, pauses: Mapping[Circuit, float]) -> Iterator[PaymentOption]:
    gateway = registry.gateway(name)
    for method, traits in gateway.methods.items():
        if not traits.is_qris or amount <= settings().qris_limit:
            paused = max(gateway.paused_seconds(method), pauses.get((name, traits.api), 0.0), 0.0)
            yield PaymentOption(method, name, traits.is_inline, traits.api, math.ceil(paused))


def _are_alike(one: PaymentMethod, other: PaymentMethod) -> bool:
    return any(one in group and other in group for group in (_BANKS, _PAID_BY_APP))
