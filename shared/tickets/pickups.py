"""The counter: an order's products are handed over once, however many counters read its code at once (PROD-1).

At any time: shirts and race packs are collected days before the gates open, and what was left behind days after.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import NotFound, Problem
from shared.sales import orders
from shared.states import PickupStatus
from shared.tickets import gate, products
from shared.tickets.gate import Undo

Result = Literal["valid", "already_used", "refunded", "unknown"]

_ORDER = text("SELECT order_id FROM pickups WHERE event_id = :event_id AND code = :code")
_HAND_OVER = text("""
    UPDATE pickups SET status = 'picked_up', picked_up_at = now(), picked_up_from = :staff_id, gate = :gate
    WHERE order_id = :order_id AND status = 'waiting'
""")
_UNDO = text("""
    UPDATE pickups SET status = 'waiting', picked_up_at = NULL, picked_up_from = NULL, gate = NULL
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


class PickupScan(RequestModel):
    """A pickup code, typed or scanned, and the counter at which it was shown."""

    event_id: UUID
    code: Annotated[str, line(50)]
    gate: Annotated[str, line(50)] | None = None


class HandOver(ResponseModel):
    """A quantity of one product."""

    tier_name: str
    quantity: int


class PickupResponse(ResponseModel):
    """The counter's view: hand over `items` where the result is valid. Else `picked_up_at` and `gate` tell when."""

    result: Result
    order_id: UUID | None = None
    buyer_name: str | None = None
    items: Sequence[HandOver] = ()
    picked_up_at: datetime | None = None
    gate: str | None = None


def counts(tx: Transaction, event_id: UUID) -> list[PickupCount]:
    """The pieces of each product that wait or were handed over. The caller's access is checked already."""
    return [PickupCount(**row) for row in tx.execute(_COUNTS, {"event_id": event_id}).mappings()]


def scan(
    tx: Transaction, staff: Principal, event_id: UUID, typed: str, *, at_gate: str | None = None
) -> PickupResponse:
    """Judge a pickup code at a counter of an event, and use it up where it is valid.

    Codes of other events are unknown here. Raises NotFound as the gate does. Every scan goes into the audit trail.
    """
    gate.require_access(tx, staff, event_id)
    order_id = tx.execute(_ORDER, {"event_id": event_id, "code": products.read_code(typed)}).scalar()
    response = _evaluate(tx, staff, order_id, at_gate) if order_id else PickupResponse(result="unknown")
    audit.record(
        tx,
        "pickup.scanned",
        subject="order",
        subject_id=order_id,
        actor_id=staff.id,
        result=response.result,
        event_id=event_id,
        gate=at_gate,
    )
    return response


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


def _evaluate(tx: Transaction, staff: Principal, order_id: UUID, at_gate: str | None) -> PickupResponse:
    """The order is locked first: a refund of its products comes before all of this, or after."""
    orders.lock(tx, order_id)
    products_left = [HandOver(**row) for row in tx.execute(_PRODUCTS, {"order_id": order_id}).mappings()]
    if not products_left:
        return PickupResponse(result="refunded", order_id=order_id)
    handed_over = tx.execute(_HAND_OVER, {"order_id": order_id, "staff_id": staff.id, "gate": at_gate}).rowcount
    pickup = tx.execute(_PICKUP, {"order_id": order_id}).one()
    result: Result = "valid" if handed_over else "refunded" if pickup.status == PickupStatus.VOID else "already_used"
    return PickupResponse(
        result=result,
        order_id=order_id,
        buyer_name=pickup.buyer_name,
        items=products_left,
        picked_up_at=pickup.picked_up_at,
        gate=pickup.gate,
    )
