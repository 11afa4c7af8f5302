"""Strangers: they try what is not theirs, with ids that they have guessed or overheard (I10)."""

import random
from typing import TYPE_CHECKING

from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_REFUSALS = (401, 403, 404)
_MONEY = """
    SELECT 'payout' AS kind, id, organizer_id FROM payouts
    UNION ALL SELECT 'refund', r.id, o.organizer_id FROM refunds r JOIN orders o ON o.id = r.order_id
    ORDER BY id LIMIT 8
"""


@act("a stranger tries somebody's order", 3)
def try_order(world: "World", chance: random.Random) -> str | None:
    """Read, pay, cancel or give back what another buyer has ordered."""
    buyers = [buyer for buyer in world.people.buyers if buyer.orders]
    if not buyers:
        return None
    owner = chance.choice(buyers)
    order = chance.choice(list(owner.orders.values()))
    thief = chance.choice([each for each in world.people.buyers if each is not owner])
    order_id = order["id"]
    tries: list[tuple[str, str, object]] = [
        ("GET", f"/orders/{order_id}", None),
        ("POST", f"/orders/{order_id}/cancel", None),
        ("POST", f"/orders/{order_id}/checkout", {"payment_method": "QRIS"}),
        ("POST", "/refunds/request", {"order_id": order_id, "reason": "Sakit"}),
        ("GET", f"/admin/orders/{order_id}", None),
    ]
    tries += [("GET", f"/tickets/{ticket['id']}", None) for ticket in order["tickets"]]
    tries += [("GET", f"/tickets/{ticket['id']}/download", None) for ticket in order["tickets"]]
    tries += [("GET", f"/payments/{payment['id']}/status", None) for payment in order["payments"]]
    return _refused(world, chance.choice(tries), thief.headers())


@act("a stranger tries what organizers and admins do", 2)
def try_role(world: "World", chance: random.Random) -> str | None:
    """Do as a buyer, or as another organizer, what is not for them."""
    number = chance.randrange(len(world.people.events))
    event = world.people.events[number]
    others = [each for each in world.people.organizers if each.id != event.organizer_id]
    others += [staff for at, staff in enumerate(world.people.gate_staff) if at != number]
    who = chance.choice([*(buyer.principal for buyer in world.people.buyers), *others])
    tries: list[tuple[str, str, object]] = [
        ("PUT", f"/events/{event.id}", {"title": "Milik saya"}),
        ("PUT", f"/events/{event.id}/tiers/{event.tier_ids[0]}", {"price": 1_000}),
        ("POST", f"/events/{event.id}/cancel", {"reason": "Hujan"}),
        ("GET", f"/analytics/events/{event.id}/sales", None),
        ("GET", f"/analytics/events/{event.id}/attendees", None),
        ("GET", f"/events/{event.id}/participants", None),
        ("GET", f"/events/{event.id}/cancellation/cost", None),
        ("GET", f"/gate/events/{event.id}/snapshot", None),
        ("GET", f"/gate/events/{event.id}/counts", None),
        ("GET", f"/gate/events/{event.id}/search?q=peserta", None),
        ("POST", "/promos", {"event_id": str(event.id), "code": "SAYA", "percent": 99}),
        ("GET", "/admin/overview", None),
        ("GET", "/admin/ledger/trial-balance", None),
        ("POST", f"/admin/events/{event.id}/cancellation", {"reason": "Hujan"}),
        ("POST", "/admin/reconcile-runs", {"thorough": True}),
    ]
    return _refused(world, chance.choice(tries), world.people.headers(who))


@act("an organizer looks for another's money", 1)
def read_money(world: "World", chance: random.Random) -> str | None:
    """Read or send a payout, or decide about a refund, of another organizer."""
    found = world.rows(_MONEY)
    if not found:
        return None
    money = chance.choice(found)
    thief = next(each for each in world.people.organizers if each.id != money.organizer_id)
    tries: dict[str, list[tuple[str, str, object]]] = {
        "payout": [("GET", f"/payouts/{money.id}", None), ("POST", f"/payouts/{money.id}/retry", None)],
        "refund": [
            ("GET", f"/refunds/{money.id}", None),
            ("PUT", f"/refunds/{money.id}/approve", None),
            ("PUT", f"/refunds/{money.id}/reject", {"reason": "Tidak"}),
            ("POST", f"/refunds/{money.id}/retry", None),
        ],
    }
    return _refused(world, chance.choice(tries[money.kind]), world.people.headers(thief))


@act("a stranger forges a notification", 2)
def forge(world: "World", chance: random.Random) -> str | None:
    """Tell that something is paid, without the gateway's signature."""
    known = [payment for buyer in world.people.buyers for payment in buyer.payments()]
    if not known:
        return None
    payment = chance.choice(known)
    body = {
        "id": payment.reference,
        "order_id": payment.reference,
        "status": "PAID",
        "transaction_status": "settlement",
    }
    signature = {"x-callback-token": "guessed"}
    return _refused(world, ("POST", f"/payments/webhook/{payment.gateway}", body), signature, (401, 400))


def _refused(
    world: "World",
    tried: tuple[str, str, object],
    headers: dict[str, str],
    refusals: tuple[int, ...] = _REFUSALS,
) -> str:
    method, path, body = tried
    answer = ask(world, method, path, headers, body)
    if answer is not None and answer.status not in (*refusals, 429, 500, 503):
        raise Violation("I10: nobody reads or does what isn't theirs", [f"{method} {path}: {answer.status}"])
    return f"{method} {path.split('/')[1]}: {outcome(answer)}"
