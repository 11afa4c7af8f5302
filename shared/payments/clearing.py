"""Clearing: the nightly comparison of the ledger with the gateways' movements, to the rupiah. Any difference fails it.

Xendit lists every movement, so both directions are compared: what we booked and they don't know, and what
they moved and we never booked. Midtrans has no such list: each payment that we booked is asked about, an hour's at
most at once. Each gateway is compared by itself, and what was compared is recorded: where a run is cut off, the next
one goes on.
The last hour's bookings and movements are left to the next night, since one side may not have them yet.
What gateways keep and pass on to our bank is compared by their settlement reports (`shared/settlement_reports`).
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import clock, manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.gateways import registry
from shared.gateways.errors import GatewayError
from shared.gateways.protocol import Gateway
from shared.gateways.statuses import GatewayPaymentState, Movement
from shared.payments import check_windows
from shared.payments import records as payment_records

WINDOW = timedelta(hours=50)
"""Two nights and a little. More where more nights were without a run."""
MARGIN = timedelta(hours=1)
STEP = timedelta(hours=1)
PAYMENTS_AT_ONCE = 200
"""A gateway without a list is asked about an hour's payments or so many, whichever are fewer, before it is recorded."""

CHECKED = "clearing.checked"
"""The audit entry of a comparison."""

DIFFERENCE = "clearing_difference"
"""The manual task that one difference becomes."""
SETTLEMENT_DIFFERENCE = "settlement_difference"
"""The manual task that a difference of a settlement report becomes (`shared/settlement_reports/differences.py`)."""

log = logging.getLogger(__name__)

# Transfers stand there under their own ids, those of a person under their refund's; all else under its payment's.
_NAME = """
    CASE WHEN d.id IS NOT NULL THEN CAST(d.id AS text)
        WHEN l.kind = 'refund_paid_by_hand' AND r.method = 'disbursement' THEN CAST(r.id AS text)
        ELSE COALESCE(p.external_id, q.external_id) END
"""
_SETTLEMENT_KINDS = ", ".join(f"'{kind}'" for kind in ledger.SETTLEMENT_KINDS)
_CLEARED = f"""
    FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id  -- Uses index: ledger_postings_age
    LEFT JOIN payments p ON p.id = l.reference_id
    LEFT JOIN refunds r ON r.id = l.reference_id LEFT JOIN payments q ON q.id = r.payment_id
    LEFT JOIN disbursements d ON d.id = l.reference_id
    WHERE e.account = 'gateway_clearing:' || :gateway AND l.kind NOT IN ({_SETTLEMENT_KINDS})
"""
_BOOKED = text(f"""
    SELECT {_NAME} AS name, e.amount, l.created_at AS at
    {_CLEARED} AND l.created_at BETWEEN :since AND :until
""")
_TOUCHED = text(f"""
    WITH touched AS (
        SELECT COALESCE(p.id, q.id) AS payment_id, min(l.created_at) AS at
        {_CLEARED} AND l.created_at > :since AND l.created_at <= :until AND COALESCE(p.id, q.id) IS NOT NULL
        GROUP BY 1 ORDER BY at FETCH FIRST :most ROWS WITH TIES)
    SELECT t.payment_id, t.at, p.external_id AS name, (
        SELECT COALESCE(sum(e.amount), 0) FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id
        WHERE l.order_id = p.order_id AND e.account = 'gateway_clearing:' || :gateway
          AND (l.reference_id = p.id OR l.reference_id IN (SELECT id FROM refunds WHERE payment_id = p.id))) AS booked
    FROM touched t JOIN payments p ON p.id = t.payment_id ORDER BY t.at
""")
_OPEN_DIFFERENCE = text("""
    SELECT COALESCE(sum(abs(CAST(details ->> 'booked' AS bigint) - CAST(details ->> 'moved' AS bigint))), 0)
    FROM manual_tasks WHERE kind = :kind AND done_at IS NULL  -- Uses index: one_open_manual_task
""")


@dataclass(frozen=True)
class Difference:
    """Money that one side knows and the other doesn't, in rupiah. `name` is our id of it at the gateway."""

    gateway: str
    name: str
    booked: int
    moved: int


class LedgerMismatch(Exception):
    """The books and the gateways disagree. The audit trail and the manual tasks name each difference."""


def check(*, window: timedelta = WINDOW, margin: timedelta = MARGIN) -> None:
    """Compare, open a manual task for each difference, and raise LedgerMismatch if there is any.

    Raises GatewayError where a gateway can't be asked, once the others are compared: the job is tried again.
    """
    until = clock.now() - margin
    differences: set[Difference] = set()
    errors: list[GatewayError] = []
    for name in registry.GATEWAYS:
        try:
            differences.update(_compare(registry.gateway(name), until, window, margin))
        except GatewayError as error:
            log.warning("clearing.postponed", extra={"gateway": name, "error": str(error)})
            errors.append(error)
    if differences:
        raise LedgerMismatch(f"{len(differences)} differences")
    if errors:
        raise errors[0]
    log.info("clearing.agrees")


def _compare(gateway: Gateway, until: datetime, window: timedelta, margin: timedelta) -> Iterator[Difference]:
    """Compare a gateway span by span; what a span differs in is told and recorded before the next one."""
    with transaction() as tx:
        since = check_windows.start(tx, CHECKED, until=until, window=window, gateway=gateway.name)
    while since < until:
        if gateway.lists_movements:
            end = min(since + max(window, check_windows.SPAN), until)
            differences = list(_by_movement(gateway, since, end, margin))
        else:
            end, differences = _by_payment(gateway, since, min(since + STEP, until))
        _record(gateway.name, differences, since=since, until=end, through=until)
        yield from differences
        since = end


def _record(gateway: str, differences: list[Difference], **span: datetime) -> None:
    with transaction() as tx:
        check_windows.record_checked(tx, CHECKED, found=len(differences), gateway=gateway, **span)
        for found in differences:
            details = {"gateway": found.gateway, "booked": found.booked, "moved": found.moved}
            manual_tasks.add(tx, DIFFERENCE, subject="gateway_movement", subject_id=found.name, **details)
    if differences:
        log.critical("clearing.difference", extra={"differences": [vars(each) for each in differences[:20]]})


def open_difference(tx: Transaction) -> int:
    """Rupiah by which books and gateways differ in what nobody has settled yet, signs left out."""
    return int(tx.execute(_OPEN_DIFFERENCE, {"kind": DIFFERENCE}).scalar_one())


def _by_movement(gateway: Gateway, since: datetime, until: datetime, margin: timedelta) -> Iterable[Difference]:
    """Match each movement of one side within the window with one of the other side, up to an hour earlier or later."""
    with transaction() as tx:
        rows = tx.execute(_BOOKED, {"gateway": gateway.name, "since": since - margin, "until": until + margin})
        booked = [Movement(row.name, row.amount, row.at) for row in rows]
    moved = gateway.movements(since - margin, until + margin)
    return _unmatched(gateway.name, booked, moved, since, until)


def _unmatched(
    gateway: str, booked: list[Movement], moved: list[Movement], since: datetime, until: datetime
) -> Iterable[Difference]:
    """Movements that one side has within the window and the other side not even within the margins."""
    within = [[each for each in side if since <= each.at <= until] for side in (booked, moved)]
    ours, theirs = _counted(booked), _counted(moved)
    inner_ours, inner_theirs = (_counted(side) for side in within)
    nothing: Counter[int] = Counter()
    for name in sorted(inner_ours | inner_theirs):
        missing = inner_ours.get(name, nothing) - theirs.get(name, nothing)
        unknown = inner_theirs.get(name, nothing) - ours.get(name, nothing)
        if missing or unknown:
            yield Difference(gateway, name, _total(ours.get(name, nothing)), _total(theirs.get(name, nothing)))


def _counted(movements: list[Movement]) -> dict[str, Counter[int]]:
    """The number of times each amount was moved, by name."""
    found: dict[str, Counter[int]] = {}
    for movement in movements:
        found.setdefault(movement.name, Counter())[movement.amount] += 1
    return found


def _total(amounts: Counter[int]) -> int:
    return sum(amount * times for amount, times in amounts.items())


def _by_payment(gateway: Gateway, since: datetime, until: datetime) -> tuple[datetime, list[Difference]]:
    """Compare each payment booked after `since`: what came in less what went back, by both accounts.

    Returns the moment up to which all are compared, before `until` where there are too many, and the differences.
    """
    values = {"gateway": gateway.name, "since": since, "until": until, "most": PAYMENTS_AT_ONCE}
    with transaction() as tx:
        touched = tx.execute(_TOUCHED, values).all()
    differences = [
        Difference(gateway.name, row.name, int(row.booked), moved)
        for row in touched
        if (moved := _moved(gateway, row.payment_id)) not in (None, row.booked)
    ]
    return until if len(touched) < PAYMENTS_AT_ONCE else touched[-1].at, differences


def _moved(gateway: Gateway, payment_id: UUID) -> int | None:
    """What came in less what went back, in rupiah; None while a card's owner disputes it, as no status says who won."""
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
    statuses = gateway.status(payment)
    if any(reported.state is GatewayPaymentState.CHARGED_BACK for reported in statuses):
        return None
    came_in = [
        reported
        for reported in statuses
        if reported.paid_amount is not None and reported.state is not GatewayPaymentState.REVERSED
    ]
    return sum((reported.paid_amount or 0) - reported.refunded_amount for reported in came_in)
