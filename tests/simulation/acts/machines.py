"""Machines: deliveries come in any order, twice, late, or after a loss; and time passes."""

import random
import re
from typing import TYPE_CHECKING

from tests.simulation.acts.registry import act
from tests.simulation.delivery import Delivery, DeliveryKind
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_PAID = re.compile(rb'"status": ?"PAID"|"transaction_status": ?"(settlement|capture)"')
MAY_FAIL = {"job reconcile/jobs/nightly": "LedgerMismatch"}
"""Deliveries that may fail without a fault in their own step, and how: money that came long ago is booked only now."""
_AWAITED = "SELECT external_id FROM payments WHERE status IN ('opening', 'pending') ORDER BY external_id"


@act("a delivery arrives", 90)
def deliver(world: "World", chance: random.Random) -> str | None:
    """Hand over one of the deliveries that are due, any of them, but jobs less often: there are many."""
    due = world.deliveries.due(world.clock.seconds)
    others = [each for each in due if each.kind is not DeliveryKind.JOB]
    if not due:
        return None
    return hand_over(world, chance.choice(others if others and chance.random() < 0.7 else due))


@act("the payouts of the day are made", 1)
def make_payouts(world: "World", _: random.Random) -> str | None:
    """Let the job run that finds what is due."""
    return _run_job(world, "payout_execution daily")


@act("the waiting room moves on", 1)
def move_waiting_room(world: "World", _: random.Random) -> str | None:
    """Let the job run that draws and calls."""
    return _run_job(world, "waiting_room_controller run")


def _run_job(world: "World", job: str) -> str | None:
    due = [each for each in world.deliveries.due(world.clock.seconds) if each.name == f"job {job}"]
    return hand_over(world, due[0]) if due else None


@act("a delivery arrives, and will again", 4)
def deliver_twice(world: "World", chance: random.Random) -> str | None:
    """Hand a delivery over whose acknowledgement is lost."""
    due = [each for each in world.deliveries.due(world.clock.seconds) if each.kind is not DeliveryKind.JOB]
    if not due:
        return None
    delivery = chance.choice(due)
    world.faults.note("duplicated")
    return f"{delivery.title}, acknowledgement lost: {_call(world, delivery)}"


@act("a delivery is delayed", 4)
def delay(world: "World", chance: random.Random) -> str | None:
    """Let a delivery come later, behind others."""
    due = world.deliveries.due(world.clock.seconds)
    if not due:
        return None
    delivery = chance.choice(due)
    delivery.due = world.clock.seconds + chance.choice((5, 60, 600, 1800))
    world.faults.note("delayed")
    return delivery.title


@act("a delivery is lost and repeated", 3)
def lose(world: "World", chance: random.Random) -> str | None:
    """Lose an attempt: the sender repeats it by its own rules, or gives up."""
    due = [each for each in world.deliveries.due(world.clock.seconds) if each.kind is not DeliveryKind.JOB]
    if not due:
        return None
    delivery = chance.choice(due)
    world.deliveries.refused(delivery, world.clock.seconds)
    world.faults.note("lost")
    return delivery.title


@act("a notification of money never arrives", 2)
def lose_for_good(world: "World", chance: random.Random) -> str | None:
    """Lose it, and all its repetitions, of a payment that the product waits for: it has to ask."""
    awaited = [row.external_id.encode() for row in world.rows(_AWAITED)]
    due = [
        each
        for each in world.deliveries.waiting
        if each.function == "webhook" and _PAID.search(each.body) and any(name in each.body for name in awaited)
    ]
    if not due:
        return None
    delivery = chance.choice(due)
    world.deliveries.taken(delivery)
    world.faults.note("lost for good")
    return delivery.title


@act("time passes", 14)
def pass_time(world: "World", chance: random.Random) -> str | None:
    """Let seconds or minutes pass."""
    seconds = chance.choice((1, 2, 5, 5, 15, 30, 60, 61, 240, 480))
    world.advance(seconds)
    return f"{seconds} s"


@act("the clock jumps", 2)
def jump(world: "World", chance: random.Random) -> str | None:
    """Let a long time pass at once: every lease, hold and token is out of date."""
    seconds = chance.choice((901, 1801, 7200, 90_000, 90_000, 400_000, 900_000))
    world.advance(seconds)
    world.faults.note("clock jumps")
    return f"{seconds} s"


@act("days pass", 1)
def pass_days(world: "World", chance: random.Random) -> str | None:
    """Let a day or two pass: events begin and end, and payouts come due."""
    days = chance.choice((1, 1, 2))
    world.advance(days * 86_400 + chance.randrange(7200))
    world.faults.note("clock jumps")
    return f"{days} days"


def hand_over(world: "World", delivery: Delivery) -> str:
    """One attempt of a delivery: taken, or to be repeated."""
    status = _call(world, delivery)
    if status in ("200", "204"):
        world.deliveries.taken(delivery)
    else:
        world.deliveries.refused(delivery, world.clock.seconds)
    return f"{delivery.title}: {status}"


def _call(world: "World", delivery: Delivery) -> str:
    answer = world.functions.deliver(delivery)
    world.check_mails()
    if answer is None:
        return "killed"
    if answer.status == 500 and not world.faults.excuses_deliveries and not _may_fail(world, delivery):
        raise Violation("no delivery fails without a reason", [delivery.title, world.errors.told()])
    return str(answer.status)


def _may_fail(world: "World", delivery: Delivery) -> bool:
    told = world.errors.told()
    if delivery.title in MAY_FAIL and MAY_FAIL[delivery.title] in told:
        return True
    has_reason = "circuit open" in told or "whatsapp: status 429" in told  # somebody was written to too often
    return "GatewayUnavailable" in told and (world.outages.have_struck or has_reason)
