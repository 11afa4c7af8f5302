"""The fees that gateways may keep, by contract: what a settlement line's deduction is compared with.

These are the gateways' published standard rates (docs/reference/gateways.md says which are confirmed): a contract of
one's own goes in here. A change of rates is a change of this file, reviewed like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from shared.settlement_reports.lines import Line, LineKind
from shared.settlement_reports.report_files import normalized

VAT_PERCENT: Final = Decimal(11)
"""PPN on fees: 12 % of eleven twelfths of them."""
TOLERANCE: Final = 2
"""Rupiah: a fee and its tax are each rounded by the gateway in a way of its own."""


class MethodClass(StrEnum):
    """A class of payment methods with one fee, or a bank transfer that we send."""

    QRIS = "qris"
    VIRTUAL_ACCOUNT = "virtual_account"
    WALLET = "wallet"
    CARD = "card"
    SHOP = "shop"
    TRANSFER = "transfer"


@dataclass(frozen=True)
class FeeRate:
    """A share of the amount, and rupiah on top."""

    percent: Decimal = Decimal(0)
    flat: int = 0

    def deduction(self, amount: int) -> int:
        """Fee and tax together, each rounded half up."""
        fee = _rounded(amount * self.percent / 100) + self.flat
        return fee + _rounded(fee * VAT_PERCENT / 100)


RATES: Final[Mapping[tuple[str, MethodClass], FeeRate]] = {
    ("xendit", MethodClass.QRIS): FeeRate(percent=Decimal("0.7")),
    ("xendit", MethodClass.VIRTUAL_ACCOUNT): FeeRate(flat=4_000),
    ("xendit", MethodClass.WALLET): FeeRate(percent=Decimal("1.5")),
    ("xendit", MethodClass.CARD): FeeRate(percent=Decimal("2.9"), flat=2_000),
    ("xendit", MethodClass.SHOP): FeeRate(flat=5_000),
    ("xendit", MethodClass.TRANSFER): FeeRate(flat=5_000),
    ("midtrans", MethodClass.QRIS): FeeRate(percent=Decimal("0.7")),
    ("midtrans", MethodClass.VIRTUAL_ACCOUNT): FeeRate(flat=4_000),
    ("midtrans", MethodClass.WALLET): FeeRate(percent=Decimal(2)),
    ("midtrans", MethodClass.CARD): FeeRate(percent=Decimal("2.9"), flat=2_000),
    ("midtrans", MethodClass.SHOP): FeeRate(flat=5_000),
}
_WORDS: Final[Mapping[MethodClass, frozenset[str]]] = {
    MethodClass.QRIS: frozenset({"qris", "qr"}),
    MethodClass.CARD: frozenset({"card", "cards", "visa", "mastercard", "jcb"}),
    MethodClass.SHOP: frozenset({"alfamart", "indomaret", "cstore", "retail"}),
    MethodClass.WALLET: frozenset({"ovo", "dana", "gopay", "linkaja", "shopeepay", "ewallet", "wallet"}),
    MethodClass.VIRTUAL_ACCOUNT: frozenset(
        {*("va", "virtual", "echannel", "bill"), *("bca", "bni", "bri", "mandiri", "permata", "cimb", "bsi", "bjb")}
    ),
}


def method_class(channel: str) -> MethodClass | None:
    """The class of what a report, or our own record of a payment, calls its channel."""
    words = frozenset(normalized(channel).split())
    return next((each for each, names in _WORDS.items() if not words.isdisjoint(names)), None)


def class_of(line: Line, own_channel: str) -> MethodClass | None:
    """The class of a line: by the report's channel, else by ours of its payment; None where no fee is agreed."""
    if line.kind is LineKind.TRANSFER:
        return MethodClass.TRANSFER
    if line.kind is not LineKind.PAYMENT:
        return None
    return method_class(line.channel) or method_class(own_channel)


def expected_deduction(gateway: str, line: Line, own_channel: str) -> int | None:
    """Fee and tax of a line by the contract; None where it names none."""
    of = class_of(line, own_channel)
    rate = RATES.get((gateway, of)) if of else None
    return rate.deduction(abs(line.gross)) if rate else None


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))
