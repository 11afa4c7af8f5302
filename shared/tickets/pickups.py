"""The counter: an order's products are handed over once, however many counters read its code at once (PROD-1).

At any time: shirts and race packs are collected days before the gates open, and what was left behind days after.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud import audit, clock
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.problems import NotFound, Problem
from shared.sales import orders
from shared.states import PickupStatus
from shared.tickets import fulfilment, gate, scan_records
from shared.tickets.gate import Undo
from shared.tickets.scan_records import ScanIdentity, ScanRecord

Result = Literal["valid", "already_used", "refunded", "unknown"]

_ORDER = text("SELECT order_id FROM pickups WHERE event_id = :event_id AND code = :code")
_HAND_OVER = text("""
    UPDATE pickups SET status = 'picked_up', picked_up_at = now(), picked_up_from = :staff_id, gate = :gate
    WHERE order_id = :order_id AND status = 'waiting'
""")
# What was given back meanwhile, as at a gateway's dashboard, is not handed over again.
_UNDO = text("""
    UPDATE pickups SET status = CASE WHEN EXISTS (
            SELECT 1 FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
            WHERE i.order_id = :order_id AND t.kind = 'product' AND i.returned_at IS NULL)
            THEN 'waiting' ELSE 'void' END,
        picked_up_at = NULL, picked_up_from = NULL, gate = NULL
    WHERE order_id = :order_id
""")
_PICKUP = text("""
    SELECT p.order_id, p.status, p.picked_up_at, p.picked_up_from, p.gate, u.full_name AS buyer_name
    FROM pickups p JOIN orders o ON o.id = p.order_id JOIN users u ON u.id = o.user_id
    WHERE p.order_id = :order_id
""")
_PRODUCTS = text("""
    SELECT t.name AS tier_name, count(*) AS quantity FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
    WHERE i.order_id = :order_id AND t.kind = 'product' AND i.returned_at IS NULL
    GROUP BY t.id ORDER BY t.position, t.id
""")


# Uses index: pickups_code
_COUNTS = text("""
    SELECT t.name AS tier_name, count(*) FILTER (WHERE p.status = 'waiting') AS waiting,
        count(*) FILTER (WHERE p.status = 'picked_up') AS picked_up
    FROM pickups p
    JOIN order_items i ON i.order_id = p.order_id AND i.returned_at IS NULL
    JOIN ticket_tiers t ON t.id = i.tier_id AND t.kind = 'product'
    WHERE p.event_id = :event_id
    GROUP BY t.id ORDER BY t.position, t.id
""")


class PickupCount(ResponseModel):
    """The pieces of a product that wait at the counter, and those that were handed over."""

    tier_name: str
    waiting: int
    picked_up: int


class PickupScan(ScanIdentity):
    """A pickup code, typed or scanned, and the counter at which it was shown."""

    event_id: UUID
    code: Annotated[str, line(50)]


class HandOver(ResponseModel):
    """A quantity of one product."""

    tier_name: str
    quantity: int


class PickupResponse(ResponseModel):
    """The counter's view: hand over `items` where the result is valid. Else `picked_up_at` and `gate` tell when.

    `scan_id` is the one that was given.
    """

    result: Result
    scan_id: UUID | None = None
    order_id: UUID | None = None
    buyer_name: str | None = None
    items: Sequence[HandOver] = ()
    picked_up_at: datetime | None = None
    gate: str | None = None


def counts(tx: Transaction, event_id: UUID) -> list[PickupCount]:
    """The pieces of each product that wait or were handed over. The caller's access is checked already."""
    return [PickupCount(**row) for row in tx.execute(_COUNTS, {"event_id": event_id}).mappings()]


def scan(tx: Transaction, staff: Principal, scanned: PickupScan) -> PickupResponse:
    """Judge a pickup code at a counter of an event, and use it up where it is valid.

    Codes of other events are unknown here. Raises NotFound as the gate does, and ScanIdReused. Every scan goes into
    the audit trail.
    """
    gate.require_access(tx, staff, scanned.event_id)
    draft = _draft(staff, scanned)
    recorded = scan_records.find(tx, draft) if scanned.scan_id else None
    if recorded is None:
        names = {"event_id": scanned.event_id, "code": fulfilment.read_code(scanned.code)}
        recorded = _record(tx, _judge(tx, draft, tx.execute(_ORDER, names).scalar()))
    return _response(tx, recorded, scanned.scan_id)


def _draft(staff: Principal, scanned: PickupScan) -> ScanRecord:
    return ScanRecord(
        id=scanned.scan_id or uuid4(),
        kind="pickup",
        event_id=scanned.event_id,
        staff_id=staff.id,
        gate=scanned.gate,
        code_hash=scan_records.hash_of(fulfilment.read_code(scanned.code)),
        scanned_at=scan_records.scan_moment(scanned.scanned_at),
        judged_at=clock.now(),
    )


def _judge(tx: Transaction, draft: ScanRecord, order_id: UUID | None) -> ScanRecord:
    """The order is locked first: a refund of its products comes before all of this, or after."""
    if order_id is None:
        return replace(draft, result="unknown")
    orders.lock(tx, order_id)
    if not _products_left(tx, order_id):
        return replace(draft, result="refunded", order_id=order_id)
    names = {"order_id": order_id, "staff_id": draft.staff_id, "gate": draft.gate}
    is_handed_over = tx.execute(_HAND_OVER, names).rowcount > 0
    pickup = tx.execute(_PICKUP, {"order_id": order_id}).one()
    is_void = pickup.status == PickupStatus.VOID
    return replace(
        draft,
        result="valid" if is_handed_over else "refunded" if is_void else "already_used",
        order_id=order_id,
        is_admitted=is_handed_over,
        used_at=pickup.picked_up_at,
        used_gate=pickup.gate,
        used_by=pickup.picked_up_from,
    )


def _record(tx: Transaction, judged: ScanRecord) -> ScanRecord:
    scan_records.add(tx, judged)
    audit.record(
        tx,
        "pickup.scanned",
        subject="order",
        subject_id=judged.order_id,
        actor_id=judged.staff_id,
        result=judged.result,
        event_id=judged.event_id,
        gate=judged.gate,
    )
    return judged


def _response(tx: Transaction, recorded: ScanRecord, scan_id: UUID | None) -> PickupResponse:
    """The answer to a recorded scan, the first time and each time that it is repeated."""
    facts: dict[str, Any] = {"result": recorded.result, "scan_id": scan_id, "order_id": recorded.order_id}
    items = _products_left(tx, recorded.order_id) if recorded.order_id else []
    if recorded.order_id is None or not items:
        return PickupResponse(**facts)
    return PickupResponse(
        **facts,
        buyer_name=tx.execute(_PICKUP, {"order_id": recorded.order_id}).one().buyer_name,
        items=items,
        picked_up_at=recorded.used_at,
        gate=recorded.used_gate,
    )


def _products_left(tx: Transaction, order_id: UUID) -> list[HandOver]:
    return [HandOver(**row) for row in tx.execute(_PRODUCTS, {"order_id": order_id}).mappings()]


class PickupUndone(ResponseModel):
    """Products that can be handed over again. `picked_up_at` and `gate` say which hand-over was undone."""

    order_id: UUID
    picked_up_at: datetime
    gate: str | None


class NotPickedUp(Problem):
    """The products of this order have not been handed over, so there is nothing to undo."""

    status, slug = 409, "not-picked-up"


def undo(tx: Transaction, supervisor: Principal, order_id: UUID, wanted: Undo) -> PickupUndone:
    """Take back that an order's products were handed over. The audit trail has the actor and the reason.

    Raises NotFound for orders of other organizers, and NotPickedUp.
    """
    order = orders.lock(tx, order_id)
    if not supervisor.may_act_for(order.organizer_id):
        raise NotFound
    pickup = tx.execute(_PICKUP, {"order_id": order_id}).first()
    if pickup is None or pickup.status != PickupStatus.PICKED_UP:
        raise NotPickedUp
    tx.execute(_UNDO, {"order_id": order_id})
    audit.record(
        tx,
        "pickup.undone",
        subject="order",
        subject_id=order_id,
        actor_id=supervisor.id,
        reason=wanted.reason,
        picked_up_at=pickup.picked_up_at,
        picked_up_from=pickup.picked_up_from,
        gate=pickup.gate,
    )
    return PickupUndone(order_id=order_id, picked_up_at=pickup.picked_up_at, gate=pickup.gate)
