"""Returning tickets: buyers ask, and organizers decide; both say where money may be sent."""

import random
from typing import TYPE_CHECKING, Any

from tests.simulation.acts.asking import ask, outcome, send, show
from tests.simulation.acts.buyers import pick_order
from tests.simulation.acts.gate import scan_ticket, show_code, staff_of_events
from tests.simulation.acts.registry import act
from tests.simulation.people import Buyer, Request
from tests.simulation.promises import Fact

if TYPE_CHECKING:
    from tests.simulation.world import World

ACCOUNTS = ("1234567890", "1234567890", "1234567890", "0000999999", "0000123456", "0000654321")
"""Good three times; refused by the bank; refused for now; sent back by the bank after it had arrived."""
_OWED_BUYERS = "SELECT user_id FROM refunds WHERE status IN ('approved', 'failed')"


@act("a buyer asks for money back", 10)
def request(world: "World", chance: random.Random) -> str | None:
    """Give back some tickets of a paid order, or all."""
    found = pick_order(world, chance, "paid")
    if found is None:
        return None
    buyer, order = found
    tickets = [ticket["id"] for ticket in order["tickets"]]
    some = chance.sample(tickets, chance.randrange(len(tickets) + 1))
    return f"{buyer.name}, {len(some) or 'all'} tickets: {_request(world, chance, buyer, order, some)}"


@act("a buyer gives tickets back one by one", 3)
def request_each(world: "World", chance: random.Random) -> str | None:
    """Give every ticket of a paid order back, each by a request of its own."""
    found = pick_order(world, chance, "paid")
    if found is None:
        return None
    buyer, order = found
    outcomes = [_request(world, chance, buyer, order, [ticket["id"]]) for ticket in _tickets(world, buyer, order)]
    return f"{buyer.name}: {', '.join(outcomes)}" if outcomes else None


@act("somebody goes in before it is decided that their ticket goes back", 2)
def go_in_meanwhile(world: "World", chance: random.Random) -> str | None:
    """Ask for the money of a ticket, go in with it where gates are open already; then an organizer decides."""
    found = pick_order(world, chance, "paid")
    if found is None or found[1]["event_id"] not in staff_of_events(world):
        return None
    buyer, order = found
    tickets = _tickets(world, buyer, order)
    if not tickets:
        return None
    ticket = chance.choice(tickets)["id"]
    asked, scanned = _request(world, chance, buyer, order, [ticket]), "no code"
    show_code(world, buyer, order, ticket)
    if ticket in world.people.codes_shown:
        scanned = scan_ticket(world, chance, ticket, order["event_id"])
    return f"{buyer.name}: {asked}, {scanned}, {decide(world, chance)}"


def _tickets(world: "World", buyer: Buyer, order: dict[str, Any]) -> list[dict[str, Any]]:
    """The tickets of an order that its buyer has just looked at."""
    show(world, buyer, ask(world, "GET", f"/orders/{order['id']}", buyer.headers()))
    return list(buyer.orders[order["id"]]["tickets"])


def _request(world: "World", chance: random.Random, buyer: Buyer, order: dict[str, Any], tickets: list[str]) -> str:
    """Ask for the money of some tickets, or of all where none is named; the outcome."""
    body: dict[str, Any] = {"order_id": order["id"], "reason": "Sakit"}
    if tickets:
        body["ticket_ids"] = tickets
    key = f"refund-{chance.getrandbits(64):016x}"
    answer = send(world, buyer, Request("POST", "/refunds/request", body, {"Idempotency-Key": key}))
    if answer is not None and answer.ok:
        world.promises.told(Fact.REFUND_OF, answer.json()["id"], order["id"], answer)
    return outcome(answer)


@act("an organizer decides about a refund", 9)
def decide(world: "World", chance: random.Random) -> str | None:
    """Approve a request, or reject it; also one that is decided already."""
    asked = world.rows("""
        SELECT r.id, e.organizer_id FROM refunds r JOIN orders o ON o.id = r.order_id JOIN events e ON e.id = o.event_id
        WHERE r.kind = 'requested' AND r.status <> 'completed' ORDER BY r.status = 'requested' DESC, r.id LIMIT 4
    """)
    if not asked:
        return None
    refund = chance.choice(asked)
    headers = world.people.organizer(refund.organizer_id)
    decision, body = ("approve", None) if chance.random() < 0.75 else ("reject", {"reason": "Tidak"})
    answer = ask(world, "PUT", f"/refunds/{refund.id}/{decision}", headers, body)
    world.promises.told(Fact.REFUND_DECISION, str(refund.id), decision, answer)
    return f"{decision}: {outcome(answer)}"


@act("somebody names a bank account", 5)
def name_account(world: "World", chance: random.Random) -> str | None:
    """Say where money may be sent: a good account, or one that its bank refuses. Who is owed money was asked to."""
    owed = {row.user_id for row in world.rows(_OWED_BUYERS)} if chance.random() < 0.5 else set()
    buyers = [each for each in world.people.buyers if each.principal.id in owed] or world.people.buyers
    buyer, organizer = chance.choice(buyers), chance.choice(world.people.organizers)
    who, name = chance.choice(((buyer.principal, buyer.name), (organizer, world.people.name_of(organizer))))
    body = {
        "bank_code": chance.choice(("BCA", "BNI")),
        "account_number": chance.choice(ACCOUNTS),
        "account_holder_name": name if chance.random() < 0.8 else "Siti Rahma",
    }
    headers = world.people.headers(who)
    answer = ask(world, "PUT", "/account/bank-account", headers, body)
    account = f"{body['bank_code']} {body['account_number'][-4:]}"
    world.promises.told(Fact.ACCOUNT, str(who.id), account, answer)
    return f"{body['account_number']}: {outcome(answer)}"
