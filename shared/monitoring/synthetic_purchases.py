"""Synthetic purchases: what a buyer does, at the product's public address, around the clock (decision 0032).

    purchase   hold a free ticket, check out, wait for the ticket and its mail, give it back
    payment    hold a priced ticket, open a payment at each gateway, cancel it, wait until it has ended there

Only synthetic buyers do so, by turns, of an event of their own each. Nobody pays, and nothing is left: stock, books and
figures are afterwards what they were before. A run that dies leaves an order; the buyer's next run ends it, whatever
its state. Concurrent runs of a buyer may meet in one order, and each sees it through.
"""

import itertools
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.catalog import synthetic_events
from shared.catalog.synthetic_events import SyntheticEvent
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.gateways import names
from shared.monitoring.product_client import ProductClient, StepFailed
from shared.states import OrderStatus, PaymentStatus

METHOD = "QRIS"
PATIENCE_SECONDS = 60
"""The longest that a ticket, its mail, or the end of a payment may take: messages are delivered within seconds."""
POLL_SECONDS = 0.5

_TAKEN_FURTHER = ("order-not-payable",)
_GIVEN_BACK = ("order-not-refundable", "refund-already-requested")
_ENDED = ("order-not-cancellable",)
"""Refusals that say that another run has done this already: what follows is checked in the database anyway."""

log = logging.getLogger(__name__)

_turns = itertools.count()

# Older than a run: it died. What an outage of a week has left is looked for by people.
_LEFT = text("""
    SELECT id, status FROM orders  -- Uses index: orders_event_created
    WHERE event_id = :event_id AND status IN ('reserved', 'pending_payment', 'paid')
        AND created_at BETWEEN now() - interval '7 days' AND now() - interval '3 minutes'
    ORDER BY created_at LIMIT 10
""")
_TIER = text("SELECT tier_id FROM order_items WHERE order_id = :order_id LIMIT 1")
_PROGRESS = text("""
    SELECT o.status, o.tickets_issued_at IS NOT NULL AS is_issued,
        EXISTS (SELECT 1 FROM emails m  -- Uses index: emails_order
            WHERE m.order_id = o.id AND m.template = 'e_ticket' AND m.sent_at IS NOT NULL) AS is_mailed,
        NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id
            AND (p.status IN ('opening', 'pending') OR p.must_end_at_gateway)) AS is_ended_at_gateway
    FROM orders o WHERE o.id = :order_id
""")


def purchase() -> None:
    """Buy a free ticket and give it back, and log how that went. Opens its own transactions."""
    _watched("purchase", _buy_and_give_back)


def open_payments() -> None:
    """Open a payment at each gateway and cancel it, and log how that went. Opens its own transactions."""
    for gateway in names.NAMES:
        _watched(f"payment at {gateway}", partial(_open_and_cancel, gateway))


def _watched(kind: str, act: Callable[[SyntheticEvent], None]) -> None:
    """Log the line that is counted (karcis_synthetic_purchases_total), and that an alert waits for."""
    began = time.monotonic()
    with transaction() as tx:
        event = synthetic_events.find_or_add(tx, next(_turns) % synthetic_events.COUNT)
    try:
        act(event)
    except StepFailed as failed:
        details = {"kind": kind, "outcome": "failed", "step": failed.step, "reason": failed.reason}
        log.error("synthetic_purchase", extra=details)
    else:
        seconds = round(time.monotonic() - began, 1)
        log.info("synthetic_purchase", extra={"kind": kind, "outcome": "succeeded", "seconds": seconds})


def _buy_and_give_back(event: SyntheticEvent) -> None:
    client = ProductClient(event.buyer_id)
    _end_what_is_left(client, event)
    order_id = _reserve(client, event, event.free_tier_id)
    client.post("checkout", f"orders/{order_id}/checkout", {"payment_method": METHOD}, accepts=_TAKEN_FURTHER)
    _wait("ticket", order_id, lambda order: order.is_issued)
    _wait("mail", order_id, lambda order: order.is_mailed)
    _give_back(client, order_id)


def _open_and_cancel(gateway: str, event: SyntheticEvent) -> None:
    client = ProductClient(event.buyer_id)
    order_id = _reserve(client, event, event.priced_tier_id)
    try:
        wanted = {"payment_method": METHOD, "gateway": gateway}
        opened = client.post("checkout", f"orders/{order_id}/checkout", wanted)
        if [payment["status"] for payment in opened.body["payments"]] != [PaymentStatus.PENDING]:
            raise StepFailed("checkout", "no payment is open")
    finally:
        _cancel(client, order_id)
    _wait("end of payment", order_id, lambda order: order.is_ended_at_gateway)


def _end_what_is_left(client: ProductClient, event: SyntheticEvent) -> None:
    """End the orders of runs that died."""
    with transaction() as tx:
        left = tx.execute(_LEFT, {"event_id": event.id}).all()
    for order in left:
        end = _give_back if order.status == OrderStatus.PAID else _cancel
        end(client, order.id)


def _reserve(client: ProductClient, event: SyntheticEvent, tier_id: UUID) -> UUID:
    """Hold one unit; return the order. A hold of the same tier that another run has just made is as good."""
    attendee = {"name": "Synthetic Buyer", "email": event.buyer_email}
    wanted = {"event_id": str(event.id), "items": [{"tier_id": str(tier_id), "quantity": 1, "attendees": [attendee]}]}
    answer = client.post("reserve", "orders/reserve", wanted, accepts=("already-reserved",))
    if not answer.is_ok and "order_id" in answer.body:
        held = UUID(answer.body["order_id"])
        if _tier_of(held) == tier_id:
            return held
        _cancel(client, held)
    if not answer.is_ok:
        answer = client.post("reserve", "orders/reserve", wanted)
    return UUID(answer.body["id"])


def _tier_of(order_id: UUID) -> UUID | None:
    with transaction() as tx:
        found: UUID | None = tx.execute(_TIER, {"order_id": order_id}).scalar()
    return found


def _cancel(client: ProductClient, order_id: UUID) -> None:
    client.post("cancel", f"orders/{order_id}/cancel", {}, accepts=_ENDED)


def _give_back(client: ProductClient, order_id: UUID) -> None:
    """Give the ticket back: of what has cost nothing, that is done at once."""
    wanted = {"order_id": str(order_id), "reason": "Synthetic purchase"}
    client.post("give back", "refunds/request", wanted, accepts=_GIVEN_BACK)
    _wait("give back", order_id, lambda order: order.status == OrderStatus.REFUNDED)


def _wait(step: str, order_id: UUID, is_reached: Callable[[Row[Any]], bool]) -> None:
    """Wait until an order has come so far. Raises StepFailed."""
    deadline = time.monotonic() + PATIENCE_SECONDS * settings().timeout_factor
    while True:
        with transaction() as tx:
            order = tx.execute(_PROGRESS, {"order_id": order_id}).one()
        if is_reached(order):
            return
        if time.monotonic() > deadline:
            raise StepFailed(step, f"not within {PATIENCE_SECONDS} s; the order is {order.status}")
        time.sleep(POLL_SECONDS)
