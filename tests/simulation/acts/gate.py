"""The gate: holders show their codes, staff scan them, also twice; a ticket lets somebody in once (I11)."""

import random
from typing import TYPE_CHECKING
from uuid import UUID

from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World


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
    answer = ask(world, "GET", f"/tickets/{ticket['id']}", buyer.headers())
    if answer and answer.ok and answer.json().get("qr"):
        world.people.codes_shown[ticket["id"]] = (order["event_id"], answer.json()["qr"])
    return f"{buyer.name}: {outcome(answer)}"


@act("gate staff scan a code", 6)
def scan(world: "World", chance: random.Random) -> str | None:
    """Scan a code that somebody has, again and again."""
    if not world.people.codes_shown:
        return None
    ticket_id, (event_id, code) = chance.choice(list(world.people.codes_shown.items()))
    gates = list(zip(world.people.events, world.people.gate_staff, strict=True))
    right = [(event, staff) for event, staff in gates if str(event.id) == event_id]
    event, staff = chance.choice(right if chance.random() < 0.8 else gates)
    scan_id = str(UUID(int=chance.getrandbits(128), version=4))
    body = {"qr": code, "event_id": str(event.id), "scan_id": scan_id}
    answer = ask(world, "POST", "/tickets/scan", world.people.headers(staff), body)
    if answer is None or not answer.ok:
        return outcome(answer)
    result = answer.json()["result"]
    if result == "valid":
        _let_in(world, ticket_id)
    return str(result)


def _let_in(world: "World", ticket_id: str) -> None:
    """Somebody goes in: they were told so. Nobody else may, with that ticket."""
    if ticket_id in world.people.inside:
        raise Violation("I11: a ticket lets somebody in once", [ticket_id])
    world.people.inside.add(ticket_id)


@act("the counter hands goods over", 3)
def hand_over(world: "World", chance: random.Random) -> str | None:
    """Type a pickup code, also twice."""
    codes = [
        (order["event_id"], order["pickup_code"])
        for buyer in world.people.buyers
        for order in buyer.orders.values()
        if order["pickup_code"]
    ]
    if not codes:
        return None
    event_id, code = chance.choice(codes)
    staff = dict(zip((str(event.id) for event in world.people.events), world.people.gate_staff, strict=True))[event_id]
    scan_id = str(UUID(int=chance.getrandbits(128), version=4))
    body = {"event_id": event_id, "code": code, "scan_id": scan_id}
    return outcome(ask(world, "POST", "/pickups/scan", world.people.headers(staff), body))
