"""The lines of a settlement report in our terms, whichever gateway wrote them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class LineKind(StrEnum):
    """The subject of a line. Whatever a gateway names otherwise is an adjustment."""

    PAYMENT = "payment"
    REFUND = "refund"
    TRANSFER = "transfer"
    REVERSAL = "reversal"  # money that its gateway took back, or a transfer's that came back
    CHARGEBACK = "chargeback"
    WITHDRAWAL = "withdrawal"  # to our own bank account
    ADJUSTMENT = "adjustment"


BOOKED: frozenset[LineKind] = frozenset({LineKind.PAYMENT, LineKind.REFUND, LineKind.TRANSFER, LineKind.REVERSAL})
"""The kinds whose gross amounts our books have from elsewhere: payments, refunds and transfers book them."""


@dataclass(frozen=True)
class Line:
    """A line, in whole rupiah: `gross` in (out is negative), less `fee` and `tax`.

    `key` is the same in every report that holds the line. `stated_net` is the report's own sum, where it has one;
    `invoice` the gateway's id of a payment. A fee whose transaction is in another report is `detached_from` its key.
    """

    key: str
    row_number: int
    kind: LineKind
    reference: str
    gross: int
    fee: int
    tax: int
    settled_at: datetime
    channel: str = ""
    invoice: str = ""
    stated_net: int | None = None
    detached_from: str = ""

    @property
    def net(self) -> int:
        """The amount less fees and taxes."""
        return self.gross - self.fee - self.tax


@dataclass(frozen=True)
class Report:
    """A report that was read. `left_out`: the number of rows that move no money yet, or none, by the reason.

    `pays_out_daily`: the gateway sends the net of each day to our bank by itself, and tells of no withdrawals.
    """

    name: str
    gateway: str
    lines: Sequence[Line]
    rows_read: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    columns_ignored: Sequence[str] = ()
    amounts_rounded: int = 0
    pays_out_daily: bool = False


class Keys:
    """Gives lines that a report holds twice keys of their own, so that the second one is told, not lost."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def next(self, key: str) -> str:
        """`key`; with its number behind it where this report had it before."""
        self._seen[key] += 1
        return key if self._seen[key] == 1 else f"{key}#{self._seen[key]}"
