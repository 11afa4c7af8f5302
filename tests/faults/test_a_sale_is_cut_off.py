"""The product is killed (-9, all of it) in the middle of a sale, and the sale comes to its end all the same.

What may help: the buyer's next click, redelivery, and what runs on schedule.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Row, text

from tests import invariants
from tests.faults.points import (
    CLOUD,
    LONG,
    cut_off,
    locked,
    payable,
    rows,
    run,
    stock,
    time_passes,
    until_waiting_for,
)
from tests.invariants import GATEWAYS
from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import until


@pytest.fixture
def buyer(world: World) -> Person:
    """Somebody whose mails are all about one test."""
    return world.somebody()


def attempts(stack: Stack, order: dict[str, Any]) -> Sequence[Row[Any]]:
    """The tries to pay an order: id and status."""
    query = "SELECT CAST(id AS text), status FROM payments WHERE order_id = :id ORDER BY attempt"
    return rows(stack, query, id=order["id"])


def is_between_transactions(stack: Stack, order: dict[str, Any], *, is_made: bool) -> bool:
    """True if a checkout has recorded its try, not what came of it; the gateway has made the payment or has not."""
    is_opening = [attempt.status for attempt in attempts(stack, order)] == ["opening"]
    return is_opening and len(payable(stack, order)) == is_made


def is_closed(stack: Stack, order: dict[str, Any]) -> bool:
    """True if no gateway takes money for an order any more."""
    return not payable(stack, order)


def tickets(stack: Stack, order: dict[str, Any]) -> Sequence[Row[Any]]:
    """The tickets of an order, in no order."""
    return rows(stack, "SELECT CAST(id AS text), pdf_object FROM tickets WHERE order_id = :id", id=order["id"])


def success_messages(stack: Stack, order: dict[str, Any]) -> Sequence[Row[Any]]:
    """The outbox messages about an order's payment."""
    query = """
        SELECT published_at IS NOT NULL AS is_published FROM outbox
        WHERE topic = 'payment.success' AND payload ->> 'order_id' = :id
    """
    return rows(stack, query, id=order["id"])


def check_e_tickets(stack: Stack, buyer: Person, expected: int) -> None:
    """Once all is said and done, the buyer has so many mails with tickets."""
    invariants.all_kept(stack)
    mails = [mail for mail in buyer.world.mails(buyer.address) if mail["template"] == "e_ticket"]
    assert len({mail["custom_args"]["karcis_email_id"] for mail in mails}) == expected  # handed over once, or twice


def hold_the_key(stack: Stack, key: str) -> None:
    """Let the minute of an Idempotency-Key begin anew: it may have taken that long to start again."""
    with stack.database() as database, database.begin() as tx:
        tx.execute(
            text("UPDATE idempotency_keys SET locked_until = now() + interval '1 minute' WHERE key = :key"),
            {"key": key},
        )


def claim(stack: Stack, orders: Sequence[dict[str, Any]], *, seconds: int) -> None:
    """Let what checkouts have claimed of these orders' payments last so long from now on."""
    with stack.database() as database, database.begin() as tx:
        tx.execute(
            text("""
                UPDATE payments SET claimed_until = now() + make_interval(secs => :seconds)
                WHERE order_id = ANY(CAST(:ids AS uuid[]))
            """),
            {"ids": [order["id"] for order in orders], "seconds": seconds},
        )


@pytest.mark.slow("the first of its folder: it starts the product, and again after kill -9")
def test_a_reservation_whose_answer_was_lost_is_answered_again_held_once_and_ends_in_its_time(
    stack: Stack, organizer: Person, buyer: Person
):
    event = organizer.publish()
    # An instance asks for the expiry task of five seconds once: an order of those before would have answered this one.
    recent = "SELECT 1 FROM orders WHERE created_at > now() - interval '6 seconds'"
    until(lambda: not rows(stack, recent), what="for a moment without an expiry task")
    tap: dict[str, Any] = {"Idempotency-Key": "tap-1"}
    with stack.stalled(CLOUD), cut_off(partial(buyer.reserve, event, [2], **tap)):
        held = until(lambda: rows(stack, "SELECT id FROM orders WHERE event_id = :id", id=event["id"]))
        stack.kill()
    stack.start()

    hold_the_key(stack, "tap-1")
    buyer.reserve(event, [2], status=409, **tap)  # for a minute the first tap might still be running
    time_passes(stack, minutes=2)
    order = buyer.reserve(event, [2], **tap)
    assert order["id"] == str(held[0].id)
    assert stock(stack, event) == (2, 0)

    time_passes(stack, minutes=14)
    run(stack, "expire-sweep")
    assert buyer.order(order)["status"] == "expired"
    assert stock(stack, event) == (0, 0)


def test_a_checkout_cut_off_at_the_gateway_goes_on_with_the_same_payment(
    stack: Stack, world: World, organizer: Person, buyer: Person
):
    cases = [  # gateway, method, whether the gateway has made the payment when we die
        ("xendit", "QRIS", True),
        ("xendit", "QRIS", False),
        ("midtrans", "QRIS", True),
        ("midtrans", "BCA", True),
        ("midtrans", "QRIS", False),
    ]
    orders = [buyer.reserve(organizer.publish()) for _ in cases]
    with ExitStack() as clicks:
        for order, (gateway, method, is_made) in zip(orders, cases, strict=True):
            world.faults(gateway, latency_ms=LONG, takes_effect=is_made)
            clicks.enter_context(cut_off(partial(buyer.checkout, order, gateway, method)))
            until(partial(is_between_transactions, stack, order, is_made=is_made))
        stack.kill()
    begun = [attempts(stack, order) for order in orders]
    stack.start()

    claim(stack, orders, seconds=60)
    way = {"payment_method": "QRIS", "gateway": "xendit"}
    told = buyer.api.post(f"orders/{orders[0]['id']}/checkout", way, status=409)  # the first may still be running
    assert told["type"].endswith("checkout-in-progress")
    claim(stack, orders, seconds=0)
    for order, (gateway, method, _), [attempt] in zip(orders, cases, begun, strict=True):
        payment = buyer.checkout(order, gateway, method)
        assert payment["id"] == attempt.id
        assert payable(stack, order) == [payment["gateway_reference"]]
        world.gateway(gateway, payment["gateway_reference"], "pay")
    for order in orders:
        buyer.until_tickets(order, 1)
        assert [attempt.status for attempt in attempts(stack, order)] == ["paid"]


def test_a_checkout_nobody_comes_back_to_is_ended_and_its_stock_is_free(
    stack: Stack, world: World, organizer: Person, buyer: Person
):
    events = [organizer.publish() for _ in GATEWAYS]
    orders = [buyer.reserve(event) for event in events]
    with ExitStack() as clicks:
        for order, gateway in zip(orders, GATEWAYS, strict=True):
            world.faults(gateway, latency_ms=LONG, takes_effect=True)
            clicks.enter_context(cut_off(partial(buyer.checkout, order, gateway)))
            until(partial(is_between_transactions, stack, order, is_made=True))
        stack.kill()
    stack.start()

    time_passes(stack, minutes=2)
    run(stack, "reconcile-light")
    for order in orders:
        until(partial(is_closed, stack, order))
        assert buyer.order(order)["status"] == "pending_payment"  # its time is not over: another try is welcome

    time_passes(stack, minutes=29)
    run(stack, "reconcile-light")
    assert [buyer.order(order)["status"] for order in orders] == ["expired"] * 2
    assert [stock(stack, event) for event in events] == [(0, 0)] * 2


def test_a_webhook_recorded_but_not_processed_becomes_a_sale(
    stack: Stack, world: World, organizer: Person, buyer: Person
):
    orders = [buyer.reserve(organizer.publish(), [2]) for _ in GATEWAYS]
    for order, gateway in zip(orders, GATEWAYS, strict=True):
        payment = buyer.checkout(order, gateway)
        world.faults(gateway, latency_ms=LONG)  # of what the product asks before it believes a webhook
        world.gateway(gateway, payment["gateway_reference"], "pay")
        recorded = "SELECT 1 FROM webhook_events WHERE payment_id = :id AND NOT processed"
        until(partial(rows, stack, recorded, id=payment["id"]))
    stack.kill()
    assert [attempt.status for order in orders for attempt in attempts(stack, order)] == ["pending"] * 2
    stack.start()

    time_passes(stack, minutes=2)
    run(stack, "reconcile-light")
    for order in orders:
        assert buyer.until_tickets(order, 2)["status"] == "paid"
    check_e_tickets(stack, buyer, expected=2)


def test_a_sale_booked_but_not_told_gets_its_tickets(stack: Stack, world: World, organizer: Person, buyer: Person):
    order = buyer.reserve(organizer.publish(), [2])
    payment = buyer.checkout(order)
    world.gateway("xendit", payment["gateway_reference"], "pay", deliver="never")
    with stack.stalled(CLOUD), cut_off(partial(buyer.api.get, f"payments/{payment['id']}/status")):
        [message] = until(partial(success_messages, stack, order))
        assert not message.is_published
        stack.kill()
    stack.start()

    assert (buyer.order(order)["status"], buyer.order(order)["tickets"]) == ("paid", [])
    time_passes(stack, minutes=2)
    run(stack, "reconcile-light")
    buyer.until_tickets(order, 2)
    check_e_tickets(stack, buyer, expected=1)


@contextmanager
def issuing_held_up(stack: Stack, buyer: Person, order: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """Pay for an order; its issuing stands before its first write until what this gives is called."""
    payment = buyer.checkout(order)
    with locked(stack, "SELECT id FROM order_items WHERE order_id = :id FOR UPDATE", id=order["id"]) as let_go:
        buyer.world.gateway("xendit", payment["gateway_reference"], "pay")
        until_waiting_for(stack, "INSERT INTO tickets")
        yield let_go


def test_a_message_published_but_not_taken_is_delivered(stack: Stack, organizer: Person, buyer: Person):
    order = buyer.reserve(organizer.publish(), [2])
    with issuing_held_up(stack, buyer, order):
        until(lambda: [message.is_published for message in success_messages(stack, order)] == [True])
        stack.kill()
    assert not tickets(stack, order)
    stack.start()

    buyer.until_tickets(order, 2)  # the local Pub/Sub is as durable as Google's: no job has to help
    check_e_tickets(stack, buyer, expected=1)


def check_issued(stack: Stack, buyer: Person, order: dict[str, Any], made: Sequence[Row[Any]]) -> None:
    """The order gets the tickets that were `made` before the crash, no others, and their PDFs."""
    issued = buyer.until_tickets(order, len(made))["tickets"]
    assert {ticket["id"] for ticket in issued} == {ticket.id for ticket in made}
    check_e_tickets(stack, buyer, expected=1)
    for ticket in issued:
        assert buyer.api.call("GET", ticket["download_url"], status=200).content.startswith(b"%PDF")


def test_tickets_made_but_not_printed_are_printed(stack: Stack, organizer: Person, buyer: Person):
    order = buyer.reserve(organizer.publish(), [3])
    with issuing_held_up(stack, buyer, order) as let_go, stack.stalled(CLOUD):
        let_go()
        made = until(partial(tickets, stack, order))
        stack.kill()
    stack.start()
    check_issued(stack, buyer, order, made)


def test_tickets_printed_but_not_noted_are_the_same_afterwards(stack: Stack, organizer: Person, buyer: Person):
    order = buyer.reserve(organizer.publish(), [3])
    with issuing_held_up(stack, buyer, order) as let_go, ExitStack() as noting:
        with stack.stalled(CLOUD):
            let_go()
            made = until(partial(tickets, stack, order))
            noting.enter_context(locked(stack, "SELECT id FROM orders WHERE id = :id FOR UPDATE", id=order["id"]))
        until_waiting_for(stack, "orders")
        stack.kill()
    assert [ticket.pdf_object for ticket in tickets(stack, order)] == [None] * 3
    stack.start()
    check_issued(stack, buyer, order, made)
