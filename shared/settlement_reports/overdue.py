"""Overdue things: payments in no report, reports, and money at our bank (every night, and per import)."""

import logging
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text

from shared import local_time
from shared.cloud import clock
from shared.cloud.database import Transaction, transaction
from shared.gateways import names
from shared.settlement_reports import differences, expectations, gateway_lock
from shared.settlement_reports.arrivals import REACH
from shared.settlement_reports.differences import Difference, DifferenceKind

PAYMENT_AFTER: Final = timedelta(days=7)
"""Gateways settle within two days, cards within a week."""
REPORT_AFTER: Final = timedelta(days=4)
"""Reports are downloaded every working day; a long weekend is no difference."""
ARRIVAL_AFTER: Final = timedelta(days=4)
"""Banks book within a working day."""
MAX_AT_ONCE: Final = 500
"""So many missing payments at a time: where there are more, a whole report is missing, and one task says so too."""

log = logging.getLogger(__name__)

_COVERED = text("""
    SELECT min(settled_at) AS since, max(settled_at) AS until FROM settlement_lines
    WHERE gateway = :gateway  -- Uses index: settlement_lines_settled
""")
_CAME_IN = "('sale', 'unallocated_payment', 'unusable_payment')"
_TOLD = "SELECT 1 FROM settlement_lines s WHERE s.payment_id = p.id AND s.gross > 0"  # its refunds are lines of it too
_MISSING = text(f"""
    SELECT DISTINCT p.id, p.external_id, p.received_amount
    FROM ledger_postings l JOIN payments p ON p.id = l.reference_id  -- Uses index: ledger_postings_age
    WHERE l.created_at >= :since AND l.created_at < :until AND l.kind IN {_CAME_IN}
        AND p.gateway = :gateway AND p.received_amount > 0 AND p.status <> 'failed'
        AND NOT EXISTS ({_TOLD})
        AND NOT EXISTS (SELECT 1 FROM settlement_differences d
            WHERE d.kind = 'payment_missing' AND d.subject_key = CAST(p.id AS text))
    LIMIT :most
""")
_SINCE = text(f"""
    SELECT COALESCE(sum(p.received_amount), 0) AS amount
    FROM ledger_postings l JOIN payments p ON p.id = l.reference_id  -- Uses index: ledger_postings_age
    WHERE l.created_at >= :since AND l.created_at < :until AND l.kind IN {_CAME_IN} AND p.gateway = :gateway
        AND NOT EXISTS ({_TOLD})
""")


def check() -> None:
    """Find what is overdue at each gateway, each in a transaction of its own."""
    for gateway in names.NAMES:
        with transaction() as tx:
            gateway_lock.acquire(tx, gateway)
            find(tx, gateway)


def find(tx: Transaction, gateway: str) -> None:
    """Record what is overdue at a gateway. It is locked."""
    now = clock.now()
    covered = tx.execute(_COVERED, {"gateway": gateway}).one()
    found: list[Difference] = []
    if covered.until is not None:
        found += _missing_payments(tx, gateway, covered, now)
        found += _missing_reports(tx, gateway, covered.until, now)
    found += _missing_arrivals(tx, gateway, now.astimezone(ZoneInfo(local_time.HOME_ZONE)).date())
    if new := differences.record(tx, found):
        log.warning("settlement_reports.overdue", extra={"gateway": gateway, "count": new})


def _missing_payments(tx: Transaction, gateway: str, covered: Any, now: datetime) -> Iterable[Difference]:
    """Payments that the reports had time to tell of, and did not."""
    since = max(covered.since, now - REACH)
    values = {"gateway": gateway, "since": since, "until": covered.until - PAYMENT_AFTER, "most": MAX_AT_ONCE}
    for row in tx.execute(_MISSING, values):
        yield Difference(
            DifferenceKind.PAYMENT_MISSING,
            str(row.id),
            gateway,
            expected=int(row.received_amount),
            found=0,
            reference=row.external_id,
            payment_id=row.id,
        )


def _missing_reports(tx: Transaction, gateway: str, until: datetime, now: datetime) -> Iterable[Difference]:
    """The report that should tell of what came in since the last one."""
    if until > now - REPORT_AFTER:
        return
    values = {"gateway": gateway, "since": until, "until": now - REPORT_AFTER}
    amount = int(tx.execute(_SINCE, values).scalar_one())
    if amount:
        day = until.astimezone(ZoneInfo(local_time.HOME_ZONE)).date()
        yield Difference(
            DifferenceKind.REPORT_MISSING, f"{gateway}:{day}", gateway, expected=amount, found=0, reference=str(day)
        )


def _missing_arrivals(tx: Transaction, gateway: str, today: date) -> Iterable[Difference]:
    for each in expectations.open_ones(tx, gateway, since=today - REACH):
        if each.amount > 0 and each.sent_on < today - ARRIVAL_AFTER:
            yield Difference(
                DifferenceKind.ARRIVAL_MISSING,
                str(each.id),
                gateway,
                expected=each.amount,
                found=0,
                reference=each.reference,
                expected_arrival_id=each.id,
            )
