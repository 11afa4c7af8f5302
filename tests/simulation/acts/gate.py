"""The gate: holders show their codes, staff scan them, also twice; a ticket lets somebody in once (I11)."""

import random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.identity.tokens import Principal
from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.functions import Response
from tests.simulation.people import Buyer
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_HANDED_OVER_AND_REFUNDED = """
    SELECT o.id, o.event_id FROM pickups p JOIN orders o ON o.id = p.order_id
    WHERE p.status = 'picked_up' AND o.status = 'refunded' ORDER BY o.id
"""


@act("a holder opens a ticket", 4)
def open_ticket(world: "World", chance: random.Random) -> str | None:
    """Look at a ticket; from now on its code may be shown at the gate."""
    held = [
        (buyer, order, ticket)
        for buyer in world.people.buyers
        for order in buyer.orders.values()
        for ticket in order["tickets"]
    ]
    if not held:
        return None
    buyer, order, ticket = chance.choice(held)
    return f"{buyer.name}: {outcome(show_code(world, buyer, order, ticket['id']))}"


def show_code(world: "World", buyer: Buyer, order: dict[str, Any], ticket_id: str) -> Response | None:
    """Open a ticket of an order."""
    answer = ask(world, "GET", f"/tickets/{ticket_id}", buyer.headers())
    if answer and answer.ok and answer.json().get("qr"):
        world.people.codes_shown[ticket_id] = (order["event_id"], answer.json()["qr"])
    return answer


@act("gate staff scan a code", 6)
def scan(world: "World", chance: random.Random) -> str | None:
    """Scan a code that somebody has, again and again."""
    if not world.people.codes_shown:
        return None
    ticket_id, (event_id, _) = chance.choice(list(world.people.codes_shown.items()))
    gates = list(staff_of_events(world))
    return scan_ticket(world, chance, ticket_id, event_id if chance.random() < 0.8 else chance.choice(gates))


def scan_ticket(world: "World", chance: random.Random, ticket_id: str, event_id: str) -> str:
    """Scan a code that was shown, at the gate of an event."""
    staff = staff_of_events(world).get(event_id) or world.people.gate_staff[0]
    body = {"qr": world.people.codes_shown[ticket_id][1], "event_id": event_id, "scan_id": new_scan_id(chance)}
    is_void = bool(world.rows("SELECT 1 FROM tickets WHERE id = :id AND status = 'void'", id=ticket_id))
    answer = ask(world, "POST", "/tickets/scan", world.people.headers(staff), body)
    if answer is None or not answer.ok:
        return outcome(answer)
    result = answer.json()["result"]
    if result == "valid" and is_void:
        raise Violation("I3: a ticket that is void lets nobody in", [ticket_id])
    if result == "valid":
        let_in(world, ticket_id, body["scan_id"])
    return str(result)


@act("somebody leaves the event", 3)
def leave(world: "World", chance: random.Random) -> str | None:
    """Scan somebody out, who may come back; where the answer is lost they may be out."""
    if not world.people.inside:
        return None
    ticket_id = chance.choice(list(world.people.inside))
    event_id, code = world.people.codes_shown[ticket_id]
    body = {"qr": code, "event_id": event_id, "scan_id": new_scan_id(chance), "direction": "out"}
    answer = ask(world, "POST", "/tickets/scan", world.people.headers(staff_of_events(world)[event_id]), body)
    if answer is None or answer.status >= 500 or (answer.ok and answer.json()["result"] == "exited"):
        del world.people.inside[ticket_id]
    return outcome(answer) if answer is None or not answer.ok else str(answer.json()["result"])


@act("a scan is undone", 2)
def undo(world: "World", chance: random.Random) -> str | None:
    """Undo a mistaken scan: the ticket may be scanned again."""
    if not world.people.inside:
        return None
    ticket_id = chance.choice(list(world.people.inside))
    path, event_id = f"/tickets/{ticket_id}/scan/undo", world.people.codes_shown[ticket_id][0]
    answer = ask(world, "POST", path, _supervisor(world, event_id), {"reason": "Salah orang"})
    if answer is None or answer.ok or answer.status >= 500:
        del world.people.inside[ticket_id]
    return outcome(answer)


def let_in(world: "World", ticket_id: str, scan_id: str) -> None:
    """Somebody goes in: they were told so. Nobody else may, with that ticket; a scan may be sent again."""
    if world.people.inside.setdefault(ticket_id, scan_id) != scan_id:
        raise Violation("I11: a ticket lets somebody in once", [ticket_id])


def new_scan_id(chance: random.Random) -> str:
    """The id that a device gives to a scan."""
    return str(UUID(int=chance.getrandbits(128), version=4))


@act("the counter hands goods over", 3)
def hand_over(world: "World", chance: random.Random) -> str | None:
    """Type a pickup code, also twice."""
    order = _with_goods(world, chance)
    if order is None:
        return None
    body = {"event_id": order["event_id"], "code": order["pickup_code"], "scan_id": new_scan_id(chance)}
    answer = ask(world, "POST", "/pickups/scan", world.people.headers(staff_of_events(world)[order["event_id"]]), body)
    return str(answer.json()["result"]) if answer and answer.ok else outcome(answer)


@act("a pickup is undone", 1)
def undo_pickup(world: "World", chance: random.Random) -> str | None:
    """Take back that goods were handed over; of an order whose money has gone back, if there is one."""
    order = _with_goods(world, chance)
    if order is None:
        return None
    refunded = world.rows(_HANDED_OVER_AND_REFUNDED)
    order_id, event_id = chance.choice(refunded) if refunded else (order["id"], order["event_id"])
    headers = _supervisor(world, str(event_id))
    return outcome(ask(world, "POST", f"/orders/{order_id}/pickup/undo", headers, {"reason": "Salah orang"}))


def _with_goods(world: "World", chance: random.Random) -> dict[str, Any] | None:
    """An order with a pickup code, of an event that has a counter."""
    found = [
        order
        for buyer in world.people.buyers
        for order in buyer.orders.values()
        if order["pickup_code"] and order["event_id"] in staff_of_events(world)
    ]
    return chance.choice(found) if found else None


def staff_of_events(world: "World") -> dict[str, Principal]:
    """The staff at each event of the beginning."""
    return dict(zip((str(event.id) for event in world.people.events), world.people.gate_staff, strict=True))


def _supervisor(world: "World", event_id: str) -> dict[str, str]:
    [event] = [each for each in world.people.events + world.people.drafts if str(each.id) == event_id]
    return world.people.organizer(event.organizer_id)
