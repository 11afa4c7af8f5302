"""The entries of the simulated gateways' settlement reports: what they moved for us, and kept of it.

Fees are the rates that the product expects, on everything that was paid in and, at Xendit, on every transfer. Errors on
demand are put into the newest payment: `gross` a rupiah less, `fee` Rp 1.000 more, `missing`, `unknown`, `twice`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from infra.local.simulators.tables import movements, payments
from shared.settlement_reports import fee_rates
from shared.settlement_reports.fee_rates import MethodClass

WITHDRAWAL: Final = "withdrawal"
ERRORS: Final = ("gross", "fee", "missing", "unknown", "twice")


@dataclass(frozen=True)
class Entry:
    """Money in (positive) or out at a gateway, with the fee and the tax that it kept."""

    key: str
    kind: str
    reference: str
    external_id: str
    amount: int
    fee: int
    tax: int
    channel: str
    at: datetime

    @property
    def net(self) -> int:
        """The rupiah by which it changes our balance."""
        return self.amount - self.fee - self.tax


def read(tx: Connection, gateway: str, errors: Iterable[str] = ()) -> list[Entry]:
    """The entries of a gateway until now, oldest first."""
    query = (
        select(movements, payments.c.channel)
        .join(
            payments,
            (payments.c.gateway == movements.c.gateway) & (payments.c.reference == movements.c.reference),
            isouter=True,
        )
        .where(movements.c.gateway == gateway, movements.c.at <= datetime.now(UTC))
        .order_by(movements.c.at, movements.c.id)
    )
    entries = [_entry(gateway, row) for row in tx.execute(query)]
    for error in errors:
        entries = _with_error(entries, error)
    return entries


def balance(tx: Connection, gateway: str) -> int:
    """The balance that the gateway holds for us."""
    return sum(entry.net for entry in read(tx, gateway))


def _entry(gateway: str, row: Row[Any]) -> Entry:
    fee, tax = _kept(gateway, row)
    channel = row.channel or ""
    return Entry(
        f"txn-{row.id}", row.kind, row.reference, row.external_id, row.amount, fee, tax, channel, row.at.astimezone(UTC)
    )


def _kept(gateway: str, row: Row[Any]) -> tuple[int, int]:
    of = {"payment": fee_rates.method_class(row.channel or ""), "payout": MethodClass.TRANSFER}.get(row.kind)
    rate = fee_rates.RATES.get((gateway, of)) if of else None
    if rate is None:
        return 0, 0
    fee = _rounded(abs(row.amount) * rate.percent / 100) + rate.flat
    return fee, _rounded(fee * fee_rates.VAT_PERCENT / 100)


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _with_error(entries: Sequence[Entry], error: str) -> list[Entry]:
    place = max((place for place, each in enumerate(entries) if each.kind == "payment"), default=None)
    if place is None or error not in ERRORS:
        return list(entries)
    changed = _wrong(entries[place], error)
    return [*entries[:place], *changed, *entries[place + 1 :]]


def _wrong(entry: Entry, error: str) -> list[Entry]:
    match error:
        case "gross":
            return [replace(entry, amount=entry.amount - 1)]
        case "fee":
            return [replace(entry, fee=entry.fee + 1_000)]
        case "unknown":
            return [replace(entry, reference="unknown", external_id=f"unknown-{entry.key}", key=f"{entry.key}-unknown")]
        case "twice":
            return [entry, replace(entry, key=f"{entry.key}-again")]
        case _:
            return []
