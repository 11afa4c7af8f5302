"""Fees and taxes of a report's row, and the net that it states: costs are positive, however the report signs them."""

from dataclasses import dataclass

from shared.settlement_reports.lines import LineKind
from shared.settlement_reports.report_files import Row


@dataclass(frozen=True)
class Costs:
    """The fee and the tax of a row, negative where they were given back, and its stated net as it is written."""

    fee: int
    tax: int
    stated_net: int | None


def read(row: Row, kind: LineKind, gross: int) -> Costs:
    """The costs of a row: a negative one is a cost or was given back, whichever its net is nearer to.

    Without a net it is a cost of a payment; of anything else it could be either. Raises CellUnreadable then.
    """
    fee, tax = row.amount("fee"), row.amount("tax")
    net = row.amount("net") if row.text("net") not in ("", "-") else None
    if min(fee, tax) >= 0:
        return Costs(fee, tax, net)
    if net is None and kind is not LineKind.PAYMENT:
        row.refuse("fee" if fee < 0 else "tax")
    if net is None or _distance(net, gross - abs(fee) - abs(tax)) <= _distance(net, gross - fee - tax):
        return Costs(abs(fee), abs(tax), net)
    return Costs(fee, tax, net)


def _distance(stated: int, net: int) -> tuple[int, int]:
    """The distance of a stated net from a net whatever their signs, and with their signs where that is the same."""
    return abs(abs(stated) - abs(net)), abs(stated - net)
