"""Arrivals at our bank: entered one by one or by a bank statement, and matched with what gateways say they sent.

An arrival is booked when it is matched, and only then: what no report explains has no source yet. By itself it is
matched with what its reference names, with an equal amount, or with the days that have piled up to its amount.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, Field
from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import in_reach, line
from shared.gateways.names import GatewayName
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.problems import NotFound, Problem
from shared.settlement_reports import cells, differences, expectations, gateway_lock
from shared.settlement_reports.differences import Difference, DifferenceKind
from shared.settlement_reports.expectations import Expected

REACH: Final = timedelta(days=60)
"""How long before an arrival its money may have been sent."""
MIN_REFERENCE: Final = 6
"""The least letters of a reference that are looked for in an arrival's: fewer stand in any text."""

_ADD = text("""
    INSERT INTO bank_arrivals (gateway, arrived_on, amount, reference, occurrence, entered_by)
    VALUES (:gateway, :arrived_on, :amount, :reference, :occurrence, :entered_by)
    ON CONFLICT ON CONSTRAINT one_bank_arrival DO NOTHING
    RETURNING id
""")
_MATCH = text("""
    INSERT INTO arrival_matches (expected_id, arrival_id, matched_by) VALUES (:expected_id, :arrival_id, :matched_by)
""")
_COLUMNS = """
    a.id, a.gateway, a.arrived_on, a.amount, a.reference, a.created_at,
    (SELECT sum(e.amount) FROM arrival_matches m JOIN expected_arrivals e ON e.id = m.expected_id
        WHERE m.arrival_id = a.id) AS expected
"""
_LIST = text(f"""
    SELECT {_COLUMNS} FROM bank_arrivals a  -- Uses index: bank_arrivals_age
    ORDER BY a.arrived_on DESC, a.created_at DESC, a.id LIMIT :page_size OFFSET :offset
""")
_COUNT = text("SELECT count(*) FROM bank_arrivals")
_ONE = text(f"SELECT {_COLUMNS} FROM bank_arrivals a WHERE a.id = :id")
_UNMATCHED = text("""
    SELECT id, gateway, arrived_on, amount, reference FROM bank_arrivals a
    WHERE gateway = :gateway AND NOT EXISTS (SELECT 1 FROM arrival_matches m WHERE m.arrival_id = a.id)
    ORDER BY arrived_on, created_at, occurrence, id
""")


class ArrivalKnown(Problem):
    """This arrival was entered before: the same gateway, day, amount and reference."""

    status, slug = 409, "bank-arrival-known"


class ArrivalMatched(Problem):
    """This arrival, or something that it was to be matched with, is matched already. Look at the list again."""

    status, slug = 409, "bank-arrival-matched"


class NewArrival(RequestModel):
    """Money of a gateway's at our bank: its day, its amount in rupiah, and the reference in the bank statement.

    `expected_ids` are the expected arrivals that it pays, where it is not to be found by itself.
    """

    gateway: GatewayName
    arrived_on: Annotated[date, Field(strict=False), AfterValidator(in_reach)]
    amount: Annotated[int, Field(gt=0, lt=cells.MAX_AMOUNT)]
    reference: Annotated[str, line(200)]
    expected_ids: Annotated[list[UUID], Field(max_length=100, default_factory=list)]


class Match(RequestModel):
    """The expected arrivals that an arrival pays."""

    expected_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class ArrivalResponse(ResponseModel):
    """An arrival in rupiah. `expected` is what gateways say they sent of it; None until it is matched."""

    id: UUID
    gateway: str
    arrived_on: date
    amount: int
    reference: str
    created_at: datetime
    expected: int | None


class ExpectedResponse(ResponseModel):
    """Money that a gateway says it sent to our bank, and that has not arrived yet."""

    id: UUID
    gateway: str
    sent_on: date
    amount: int
    reference: str


class ExpectedQuery(PageQuery):
    """The gateway whose money is expected."""

    gateway: GatewayName


def enter(tx: Transaction, wanted: NewArrival, *, by: UUID) -> ArrivalResponse:
    """Enter an arrival, and match it. Raises ArrivalKnown, ArrivalMatched."""
    gateway_lock.acquire(tx, wanted.gateway)
    arrival_id = add(tx, wanted, occurrence=1, by=by)
    if arrival_id is None:
        raise ArrivalKnown
    _match_or_tell(tx, read(tx, arrival_id), wanted.expected_ids, by=by)
    return read(tx, arrival_id)


def add(tx: Transaction, wanted: NewArrival, *, occurrence: int, by: UUID) -> UUID | None:
    """Add an arrival, not matched yet; None where it is known. The gateway is locked."""
    values = {**wanted.model_dump(exclude={"expected_ids"}), "occurrence": occurrence, "entered_by": by}
    arrival_id: UUID | None = tx.execute(_ADD, values).scalar()
    if arrival_id:
        audit.record(
            tx, "bank_arrival.entered", subject="bank_arrival", subject_id=arrival_id, actor_id=by, amount=wanted.amount
        )
    return arrival_id


def match(tx: Transaction, arrival_id: UUID, wanted: Match, *, by: UUID) -> ArrivalResponse:
    """Match an arrival with what an admin says it pays. Raises NotFound, ArrivalMatched."""
    gateway_lock.acquire(tx, read(tx, arrival_id).gateway)
    arrival = read(tx, arrival_id)
    if arrival.expected is not None:
        raise ArrivalMatched
    _match(tx, arrival, _chosen(tx, arrival, wanted.expected_ids), by=by)
    return read(tx, arrival_id)


def match_waiting(tx: Transaction, gateway: str) -> None:
    """Match what arrived before its report came, and tell of what nothing explains. The gateway is locked."""
    for row in tx.execute(_UNMATCHED, {"gateway": gateway}).all():
        _match_or_tell(tx, read(tx, row.id), [], by=None)


def read(tx: Transaction, arrival_id: UUID) -> ArrivalResponse:
    """One arrival. Raises NotFound."""
    row = tx.execute(_ONE, {"id": arrival_id}).first()
    if row is None:
        raise NotFound
    return ArrivalResponse(**row._mapping)


def list_page(tx: Transaction, page: PageQuery) -> Listing[ArrivalResponse]:
    """The arrivals, the latest first."""
    rows = tx.execute(_LIST, {"page_size": page.page_size, "offset": page.offset})
    total = int(tx.execute(_COUNT).scalar_one())
    return Listing[ArrivalResponse].of(page, [ArrivalResponse(**row._mapping) for row in rows], total)


def expected(tx: Transaction, gateway: str, *, today: date) -> list[ExpectedResponse]:
    """The money of a gateway that has not arrived yet, oldest first."""
    found = expectations.open_ones(tx, gateway, since=today - REACH)
    return [ExpectedResponse(gateway=gateway, **vars(each)) for each in found]


def _match_or_tell(tx: Transaction, arrival: ArrivalResponse, chosen_ids: Sequence[UUID], *, by: UUID | None) -> None:
    chosen = _chosen(tx, arrival, chosen_ids) if chosen_ids else _fitting(arrival, _open(tx, arrival))
    if chosen:
        _match(tx, arrival, chosen, by=by if chosen_ids else None)
    else:
        differences.record(tx, [_difference(DifferenceKind.ARRIVAL_UNKNOWN, arrival, 0)])


def _open(tx: Transaction, arrival: ArrivalResponse) -> list[Expected]:
    found = expectations.open_ones(tx, arrival.gateway, since=arrival.arrived_on - REACH)
    return [each for each in found if each.sent_on <= arrival.arrived_on]


def _chosen(tx: Transaction, arrival: ArrivalResponse, expected_ids: Sequence[UUID]) -> list[Expected]:
    """The chosen ones, all of them open. Raises ArrivalMatched."""
    found = {each.id: each for each in expectations.open_ones(tx, arrival.gateway, since=date.min)}
    if not set(expected_ids) <= found.keys():
        raise ArrivalMatched
    return [found[each] for each in sorted(set(expected_ids))]


def _fitting(arrival: ArrivalResponse, waiting: Sequence[Expected]) -> list[Expected]:
    """The expectations that an arrival pays: of its reference, of its amount, or the oldest that add up to it."""
    named = [each for each in waiting if _is_named(each, arrival)]
    if len(named) == 1:
        return named
    equal = [each for each in waiting if each.amount == arrival.amount]
    if equal:
        return equal[:1]
    total = 0
    for count, each in enumerate(waiting, start=1):
        total += each.amount
        if total == arrival.amount:
            return list(waiting[:count])
    return []


def _is_named(each: Expected, arrival: ArrivalResponse) -> bool:
    """True if an arrival's reference has this one within it, and not as a part of a longer number."""
    if len(each.reference) < MIN_REFERENCE:
        return False
    begins = r"(?<!\d)" if each.reference[0].isdigit() else ""
    ends = r"(?!\d)" if each.reference[-1].isdigit() else ""
    return re.search(begins + re.escape(each.reference) + ends, arrival.reference) is not None


def _match(tx: Transaction, arrival: ArrivalResponse, chosen: Sequence[Expected], *, by: UUID | None) -> None:
    for each in chosen:
        tx.execute(_MATCH, {"expected_id": each.id, "arrival_id": arrival.id, "matched_by": by})
    ledger.post_bank_arrival(tx, arrival.id, arrival.gateway, arrival.amount)
    sent = sum(each.amount for each in chosen)
    if sent != arrival.amount:
        differences.record(tx, [_difference(DifferenceKind.ARRIVAL_DIFFERS, arrival, sent)])
    differences.end(tx, DifferenceKind.ARRIVAL_UNKNOWN, [str(arrival.id)])
    differences.end(tx, DifferenceKind.ARRIVAL_MISSING, [str(each.id) for each in chosen])


def _difference(kind: DifferenceKind, arrival: ArrivalResponse, sent: int) -> Difference:
    return Difference(
        kind,
        str(arrival.id),
        arrival.gateway,
        expected=sent,
        found=arrival.amount,
        reference=arrival.reference,
        arrival_id=arrival.id,
    )
