"""A process that stands still in the middle of a request: time passes, and others go on meanwhile."""

import random
from contextvars import Context
from typing import TYPE_CHECKING

from tests.simulation.acts import ACTS
from tests.simulation.acts.asking import ask, outcome
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

SECONDS = (65, 950, 1900)
"""Longer than a checkout's claim on a payment, than a hold, and than a payment may be paid."""
_MEANWHILE = ("a delivery arrives", "a delivery arrives", "a delivery arrives", "a payer pays")
_BEING_OPENED = "SELECT external_id FROM payments WHERE status = 'opening'"


def pause(world: "World") -> None:
    """Let time pass. If no transaction is open, so that nobody waits for it, others act before the process goes on."""
    chance = random.Random(random.getrandbits(48))
    seconds = chance.choice(SECONDS)
    world.advance(seconds)
    world.promises.opening_at_pauses.update(row.external_id for row in world.rows(_BEING_OPENED))
    world.meanwhile.append(f"stood still for {seconds} s")
    if not world.database.is_in_use:
        with world.database.other_process():
            Context().run(_others_act, world, chance)


def _others_act(world: "World", chance: random.Random) -> None:
    try:
        for act in chance.sample(_MEANWHILE, chance.randrange(1, len(_MEANWHILE))):
            world.meanwhile.append(f"{act}: {ACTS[act](world, chance)}")
        if chance.random() < 0.5:
            world.meanwhile.append(_tap(world, chance))
    except Violation as violation:  # the code that stands still must not catch it
        world.broken_meanwhile = violation


def _tap(world: "World", chance: random.Random) -> str:
    """Somebody checks out, and does not wait to see the answer."""
    held = [(buyer, order) for buyer in world.people.buyers for order in buyer.in_status("reserved", "pending_payment")]
    if not held:
        return "nobody checks out"
    buyer, order = chance.choice(held)
    wanted = {"payment_method": chance.choice(("BCA", "QRIS"))}
    answer = ask(world, "POST", f"/orders/{order['id']}/checkout", buyer.headers(), wanted)
    return f"{buyer.name} checks out: {outcome(answer)}"
