"""Buyers: they reserve, check out, look, cancel and ask for their money, and repeat what was not answered."""

import random
from typing import TYPE_CHECKING, Any

from tests.simulation.acts.asking import ask, outcome, send, show
from tests.simulation.acts.registry import act
from tests.simulation.functions import Response
from tests.simulation.people import METHODS, Buyer, Request
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_HOLD_IS_OVER = "SELECT 1 FROM orders WHERE id = :id AND reservation_expires_at <= now()"
BASKETS = ((1, 0, 0, 0), (2, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 1), (0, 0, 1, 0), (0, 0, 0, 1), (3, 1, 0, 0))


@act("a buyer reserves", 20)
def reserve(world: "World", chance: random.Random) -> str | None:
    """Ask for some units, now and then with a promo code."""
    buyer, event = chance.choice(world.people.buyers), chance.choice(world.people.events + world.people.drafts[-1:])
    items = [
        {"tier_id": str(tier_id), "quantity": quantity, "attendees": _attendees(chance, quantity)}
        for tier_id, quantity in zip(event.tier_ids, chance.choice(BASKETS), strict=True)
        if quantity
    ]
    body: dict[str, Any] = {"event_id": str(event.id), "items": items}
    if chance.random() < 0.3:
        body["promo_code"] = chance.choice(world.people.codes)
    if event is world.people.rush:
        body |= _pass(world, chance, buyer)
    return f"{buyer.name}: {outcome(send_reservation(world, chance, buyer, body))}"


def send_reservation(world: "World", chance: random.Random, buyer: Buyer, body: dict[str, Any]) -> Response | None:
    """Ask for what the body names, by a request of its own; the buyer sees the answer."""
    key = f"reserve-{chance.getrandbits(64):016x}"
    answer = send(world, buyer, Request("POST", "/orders/reserve", body, {"Idempotency-Key": key}))
    show(world, buyer, answer)
    return answer


@act("a buyer repeats what was not answered", 8)
def repeat(world: "World", chance: random.Random) -> str | None:
    """Send the same request with the same key."""
    waiting = [buyer for buyer in world.people.buyers if buyer.unanswered]
    if not waiting:
        return None
    buyer = chance.choice(waiting)
    assert buyer.unanswered
    answer = send(world, buyer, buyer.unanswered)
    show(world, buyer, answer)
    return f"{buyer.name}: {outcome(answer)}"


@act("a buyer checks out", 18)
def check_out(world: "World", chance: random.Random) -> str | None:
    """Choose how to pay, or another way to pay."""
    found = pick_order(world, chance, "reserved", "reserved", "pending_payment")
    if found is None:
        return None
    buyer, order = found
    body = {"payment_method": chance.choice(METHODS)}
    if chance.random() < 0.5:
        body["gateway"] = chance.choice(("xendit", "midtrans"))
    is_over = bool(world.rows(_HOLD_IS_OVER, id=order["id"]))
    answer = send(world, buyer, Request("POST", f"/orders/{order['id']}/checkout", body, {}))
    if is_over and answer and answer.ok:
        raise Violation("TS-008: nobody begins to pay when the hold is over", [order["id"]])
    show(world, buyer, answer)
    return f"{buyer.name}: {outcome(answer)}"


@act("a buyer looks at an order", 8)
def look(world: "World", chance: random.Random) -> str | None:
    """Read an order they know, mostly one that they wait for."""
    found = (chance.random() < 0.7 and pick_order(world, chance, "pending_payment")) or pick_order(world, chance)
    if found is None:
        return None
    buyer, order = found
    answer = ask(world, "GET", f"/orders/{order['id']}", buyer.headers())
    show(world, buyer, answer)
    return f"{buyer.name}: {outcome(answer)}"


@act("a buyer asks what became of a payment", 4)
def sync_payment(world: "World", chance: random.Random) -> str | None:
    """Have the gateway asked about a payment."""
    buyer = chance.choice(world.people.buyers)
    payments = buyer.payments()
    if not payments:
        return None
    answer = ask(world, "GET", f"/payments/{chance.choice(payments).id}/status", buyer.headers())
    return f"{buyer.name}: {outcome(answer)}"


@act("a buyer cancels", 3)
def cancel(world: "World", chance: random.Random) -> str | None:
    """Give up an order that is not paid, or seems not to be."""
    found = pick_order(world, chance, "reserved", "pending_payment")
    if found is None:
        return None
    buyer, order = found
    answer = ask(world, "POST", f"/orders/{order['id']}/cancel", buyer.headers())
    show(world, buyer, answer)
    return f"{buyer.name}: {outcome(answer)}"


def _pass(world: "World", chance: random.Random, buyer: Buyer) -> dict[str, str]:
    """The pass that a buyer orders with where people queue: theirs, none, or somebody else's."""
    if chance.random() < 0.2:
        buyer = chance.choice(world.people.buyers)
    return {"queue_pass": buyer.queue_pass} if buyer.queue_pass else {}


def pick_order(world: "World", chance: random.Random, *statuses: str) -> tuple[Buyer, dict[str, Any]] | None:
    """A buyer, and an order that they believe to be in a state (any, if none is given)."""
    found = [
        (buyer, order)
        for buyer in world.people.buyers
        for order in (buyer.in_status(*statuses) if statuses else buyer.orders.values())
    ]
    return chance.choice(found) if found else None


def _attendees(chance: random.Random, count: int) -> list[dict[str, str]]:
    numbers = [chance.randrange(1000) for _ in range(count)]
    return [{"name": f"Peserta {number}", "email": f"peserta{number}@example.com"} for number in numbers]
