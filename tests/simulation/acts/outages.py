"""Gateways that fail for minutes, and buyers who pay meanwhile: checkouts move, holds stay, and all is back after."""

import random
from typing import TYPE_CHECKING, Any

from shared.gateways.statuses import PaymentMethod
from tests.simulation.acts.asking import outcome, send, show
from tests.simulation.acts.registry import act
from tests.simulation.functions import Response
from tests.simulation.outages import KINDS
from tests.simulation.people import METHODS, Request
from tests.simulation.revisions import Revision
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

GATEWAYS = ("xendit", "midtrans")
"""The first takes what names none, while it answers."""
WATCHED_SECONDS = 600

_ORDER = "SELECT status, reservation_expires_at > sim.now() AS is_held FROM orders WHERE id = :id"
_PAUSED = "SELECT gateway FROM gateway_circuits WHERE open_until IS NOT NULL"


@act("a gateway fails for minutes", 2)
def fail(world: "World", chance: random.Random) -> str | None:
    """Let one gateway fail, or both at once."""
    gateways = chance.choice((GATEWAYS[:1], GATEWAYS[1:], GATEWAYS))
    kind, seconds = chance.choice(KINDS), chance.choice((60, 180, 600))
    for gateway in gateways:
        world.outages.begin(gateway, kind, seconds)
    world.faults.note(f"for minutes, {' and '.join(gateways)}: {kind}")
    return f"{' and '.join(gateways)} for {seconds} s: {kind}"


@act("a buyer pays at whichever gateway answers", 12)
def pay(world: "World", chance: random.Random) -> str | None:
    """Check out without naming a gateway, while one fails or has just failed."""
    if all(world.outages.healthy_seconds(gateway) > WATCHED_SECONDS for gateway in GATEWAYS):
        return None
    held = [(buyer, order) for buyer in world.people.buyers for order in buyer.in_status("reserved", "pending_payment")]
    if not held:
        return None
    buyer, order = chance.choice(held)
    method, before = chance.choice(METHODS), _order(world, order["id"])
    answering = _answering(world, method)
    request = Request("POST", f"/orders/{order['id']}/checkout", {"payment_method": method}, {})
    answer = send(world, buyer, request)
    show(world, buyer, answer)
    if answer is not None and not world.faults.has_struck:
        _check(world, order, before, answer, answering)
    return f"{buyer.name}, {method}: {outcome(answer)}"


def _check(world: "World", order: dict[str, Any], before: Any, answer: Response, answering: set[str]) -> None:
    """A checkout fails only where no gateway answers; then the buyer is told when to try again, and keeps the hold."""
    if answer.ok:
        opened = answer.json()["payments"][-1:]
        if answering == set(GATEWAYS) and not order["payments"] and opened and opened[0]["gateway"] == GATEWAYS[1]:
            raise Violation("a gateway that answers again gets its checkouts back", opened)
        return
    problem = answer.json() or {}
    if answer.status >= 500:
        if answering:
            raise Violation("a checkout moves to the gateway that answers", [problem, *answering])
        if problem.get("gateway") not in GATEWAYS or "Retry-After" not in answer.headers:
            raise Violation("a buyer is told that no gateway answers, and when to try again", [answer.status, problem])
    after = _order(world, order["id"])
    if (before.is_held and after.is_held is False) or after.status not in (before.status, "pending_payment"):
        raise Violation("a hold outlives a checkout that no gateway answers", [before, after, problem])


def _order(world: "World", order_id: str) -> Any:
    [row] = world.rows(_ORDER, id=order_id)
    return row


def _answering(world: "World", method: str) -> set[str]:
    """The gateways that answer and offer a method, and are paused neither for all instances nor for one."""
    paused = {row.gateway for row in world.rows(_PAUSED)}
    healthy = {name for name in GATEWAYS if world.outages.of(name) is None}
    return {name for name in healthy - paused if all(_calls(each, name, method) for each in world.revisions.all)}


def _calls(revision: Revision, name: str, method: str) -> bool:
    """True if the running process of a revision calls a gateway for a method."""
    with revision.running():
        gateway = revision.module("shared.gateways.registry").gateway(name)
        wanted = PaymentMethod(method)
        return wanted in gateway.methods and not gateway.paused_seconds(wanted)
