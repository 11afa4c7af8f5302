"""Money to arrive at our bank, by the reports: each withdrawal, or the net of each day where a gateway pays daily."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from shared import local_time
from shared.cloud.database import Transaction
from shared.settlement_reports.lines import Line, LineKind, Report

_ADD = text("""
    INSERT INTO expected_arrivals (batch_id, line_id, gateway, sent_on, amount, reference)
    VALUES (:batch_id, :line_id, :gateway, :sent_on, :amount, :reference)
""")
_OPEN = text("""
    SELECT e.id, e.sent_on, e.amount, e.reference
    FROM expected_arrivals e LEFT JOIN arrival_matches m ON m.expected_id = e.id
    WHERE e.gateway = :gateway AND m.expected_id IS NULL AND e.sent_on >= CAST(:since AS date)
    ORDER BY e.sent_on, e.id
""")  # Uses index: expected_arrivals_sent
_HOME = ZoneInfo(local_time.HOME_ZONE)


@dataclass(frozen=True)
class Expected:
    """Money that is to arrive; negative where more went back on a day than came in, which a later payout makes up."""

    id: UUID
    sent_on: date
    amount: int
    reference: str


def add(tx: Transaction, report: Report, batch_id: UUID, lines: Mapping[UUID, Line]) -> None:
    """Expect what these new lines say is sent to our bank."""
    for values in _of_withdrawals(lines) or (_of_days(lines) if report.pays_out_daily else []):
        tx.execute(_ADD, {"batch_id": batch_id, "gateway": report.gateway, **values})


def open_ones(tx: Transaction, gateway: str, *, since: date) -> list[Expected]:
    """The money that has not arrived yet, oldest first."""
    rows = tx.execute(_OPEN, {"gateway": gateway, "since": since})
    return [Expected(row.id, row.sent_on, int(row.amount), row.reference) for row in rows]


def _of_withdrawals(lines: Mapping[UUID, Line]) -> list[dict[str, Any]]:
    return [
        {"line_id": line_id, "sent_on": _day(line), "amount": -line.gross, "reference": line.reference}
        for line_id, line in lines.items()
        if line.kind is LineKind.WITHDRAWAL and line.gross
    ]


def _of_days(lines: Mapping[UUID, Line]) -> list[dict[str, Any]]:
    nets: dict[date, int] = {}
    for line in lines.values():
        net = line.net if line.stated_net is None else line.stated_net  # a difference of the two is told by its line
        nets[_day(line)] = nets.get(_day(line), 0) + net
    return [
        {"line_id": None, "sent_on": day, "amount": net, "reference": f"{day:%Y-%m-%d}"}
        for day, net in sorted(nets.items())
        if net
    ]


def _day(line: Line) -> date:
    return line.settled_at.astimezone(_HOME).date()
