"""Two things at once: while the product waits for a gateway, something else happens to the same order."""

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulation.acts.asking import ask, outcome, send, show
from tests.simulation.acts.buyers import pick_order, send_reservation
from tests.simulation.acts.machines import hand_over, lose_for_good
from tests.simulation.acts.payers import press
from tests.simulation.acts.registry import act
from tests.simulation.delivery import Delivery, DeliveryKind
from tests.simulation.faults import Fault, FaultKind
from tests.simulation.functions import Response
from tests.simulation.people import GATEWAY_NAMES, METHODS, Buyer, KnownPayment, Request
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

PAUSE_SECONDS = 61
"""For so long the process that asks the gateway may stand still: another checkout takes its payment over."""
HOLD_SECONDS = 1801
"""A little longer than an order may be paid."""
MOST_SEATS = 4
_MOST_DELIVERIES = 6
_OPENING = "SELECT gateway, payment_method FROM payments WHERE order_id = :id AND status = 'opening'"
_KNOWN = """
    SELECT gateway_reference AS reference FROM payments
    WHERE external_id = :external_id AND (status IN ('opening', 'pending') OR must_end_at_gateway)
"""

Other = Callable[["World", random.Random, Buyer, dict[str, Any]], None]


@act("a buyer checks out, and does something else meanwhile", 12)
def check_out(world: "World", chance: random.Random) -> str | None:
    """Check out in two windows, cancel in the other one, pay before the page is there, or be too slow."""
    found = pick_order(world, chance, "reserved")
    if found is None:
        return None
    buyer, order = found
    other = chance.choice(_OTHERS)
    body = {"payment_method": chance.choice(METHODS)}
    request = Request("POST", f"/orders/{order['id']}/checkout", body, {})
    with world.network.interrupted(partial(other, world, chance, buyer, order), is_late=chance.random() < 0.5):
        answer = send(world, buyer, request)
    show(world, buyer, answer)
    if not world.faults.has_struck:
        _require_known(world, order)
    return f"{buyer.name}, {other.__name__.strip('_')}: {outcome(answer)}"


@act("a checkout dies with the gateway's answer, and is tried again", 6)
def check_out_after_crash(world: "World", chance: random.Random) -> str | None:
    """Check out, and once more when the claim of the dead one is over; a gateway's list may lack what it made."""
    found = pick_order(world, chance, "reserved")
    if found is None:
        return None
    buyer, order = found
    body = {"payment_method": chance.choice(METHODS), "gateway": chance.choice(GATEWAY_NAMES)}
    request = Request("POST", f"/orders/{order['id']}/checkout", body, {})
    world.arm(None)
    with world.network.interrupted(lambda: world.faults.kill("with a gateway's answer"), is_late=True):
        send(world, buyer, request)
    lags = chance.random() < 0.5
    world.arm(Fault(FaultKind.GATEWAY_LIST_LAGS, 0) if lags else None)
    world.advance(PAUSE_SECONDS)
    answer = send(world, buyer, request)
    show(world, buyer, answer)
    if lags:
        world.promises.taken_over.update(_external_ids(world, order))
        _pay_all(world, order)
    else:
        _require_known(world, order)
    return f"{buyer.name}: {outcome(answer)}"


@act("a buyer pays, and cancels before anybody has heard of the money", 3)
def pay_and_cancel(world: "World", chance: random.Random) -> str | None:
    """Pay, and cancel in another window; half of the time the gateway's notification is lost for good."""
    found = pick_order(world, chance, "pending_payment")
    if found is None:
        return None
    buyer, order = found
    _pay_all(world, order)
    if chance.random() < 0.5:
        lose_for_good(world, chance)
    answer = ask(world, "POST", f"/orders/{order['id']}/cancel", buyer.headers())
    show(world, buyer, answer)
    return f"{buyer.name}: {outcome(answer)}"


@act("a buyer pays, and others take the seats before anybody has heard of the money", 1)
def pay_and_lose_seats(world: "World", chance: random.Random) -> str | None:
    """Pay in time; the notification comes when the hold is over and everybody else has asked for the same."""
    found = pick_order(world, chance, "pending_payment")
    if found is None:
        return None
    buyer, order = found
    _pay_all(world, order)
    world.advance(HOLD_SECONDS)
    others = [each for each in world.people.buyers if each is not buyer]
    taken = [_take_seats(world, chance, other, order) for other in chance.sample(others, len(others))]
    return f"{buyer.name}; {', '.join(taken)}"


def _take_seats(world: "World", chance: random.Random, buyer: Buyer, order: dict[str, Any]) -> str:
    """Reserve several units of what is first in an order, or else those that are left."""
    answer = _reserve(world, chance, buyer, order, MOST_SEATS)
    left = (answer.json() or {}).get("available") if answer is not None and answer.status == 409 else None
    if left:
        answer = _reserve(world, chance, buyer, order, left)
    return outcome(answer)


def _reserve(
    world: "World", chance: random.Random, buyer: Buyer, order: dict[str, Any], quantity: int
) -> Response | None:
    attendees = [{"name": f"Peserta {number}", "email": f"peserta{number}@example.com"} for number in range(quantity)]
    items = [{"tier_id": order["items"][0]["tier_id"], "quantity": quantity, "attendees": attendees}]
    return send_reservation(world, chance, buyer, {"event_id": order["event_id"], "items": items})


@act("a delivery arrives while another is under way", 8)
def deliver(world: "World", chance: random.Random) -> str | None:
    """Hand over a delivery, and another while the first waits for a gateway."""
    due = world.deliveries.due(world.clock.seconds)
    if len(due) < 2:
        return None
    first, second = chance.sample(due, 2)
    with world.network.interrupted(partial(_hand_over_meanwhile, world, second), is_late=chance.random() < 0.5):
        told = hand_over(world, first)
    return told


def _hand_over_meanwhile(world: "World", delivery: Delivery) -> None:
    world.meanwhile.append(delivery.title)  # known before it runs: a mail under way may be no longer true after it
    world.meanwhile[-1] = hand_over(world, delivery)


def _require_known(world: "World", order: dict[str, Any]) -> None:
    """An open payment, or one that is being cancelled, can be paid at a gateway. One without an answer has no name."""
    for external_id in _external_ids(world, order):
        known = {row.reference for row in world.rows(_KNOWN, external_id=external_id)}
        unknown = world.gateways.payable(external_id) - known
        if unknown and None not in known:
            promise = "what can be paid at a gateway is an open payment, or is being cancelled"
            raise Violation(promise, [external_id, *sorted(unknown)])


def _external_ids(world: "World", order: dict[str, Any]) -> list[str]:
    found = world.rows("SELECT DISTINCT external_id FROM payments WHERE order_id = :id ORDER BY 1", id=order["id"])
    return [row.external_id for row in found]


def _check_out_again(world: "World", chance: random.Random, buyer: Buyer, order: dict[str, Any]) -> None:
    seconds = chance.choice((1, PAUSE_SECONDS, PAUSE_SECONDS))
    world.advance(seconds)
    if seconds == PAUSE_SECONDS:
        world.promises.taken_over.update(_external_ids(world, order))
    if world.meanwhile:
        world.promises.opening_at_pauses.update(_external_ids(world, order))
    [*opening] = world.rows(_OPENING, id=order["id"])
    body = {"payment_method": opening[0].payment_method, "gateway": opening[0].gateway} if opening else {}
    if not opening or chance.random() < 0.3:
        body = {"payment_method": chance.choice(METHODS)}
    show(world, buyer, ask(world, "POST", f"/orders/{order['id']}/checkout", buyer.headers(), body))


def _cancel(world: "World", chance: random.Random, buyer: Buyer, order: dict[str, Any]) -> None:
    show(world, buyer, ask(world, "POST", f"/orders/{order['id']}/cancel", buyer.headers()))
    _deliver_some(world, chance)


def _expire(world: "World", chance: random.Random, _: Buyer, __: dict[str, Any]) -> None:
    world.advance(HOLD_SECONDS)
    _deliver_some(world, chance)


def _pay(world: "World", chance: random.Random, _: Buyer, order: dict[str, Any]) -> None:
    _pay_all(world, order)
    _deliver_some(world, chance)


def _pay_all(world: "World", order: dict[str, Any]) -> None:
    for external_id in _external_ids(world, order):
        for gateway, reference in world.gateways.invoices(external_id):
            press(world, KnownPayment("", gateway, reference, 0), "pay", {})


def _deliver_some(world: "World", chance: random.Random) -> None:
    for _ in range(chance.randrange(_MOST_DELIVERIES)):
        due = [each for each in world.deliveries.due(world.clock.seconds) if each.kind is not DeliveryKind.JOB]
        if due:
            hand_over(world, due[-1])


_OTHERS: tuple[Other, ...] = (_check_out_again, _check_out_again, _cancel, _expire, _pay)
