"""Coming to rest: no more faults, everything under way arrives, time passes. Then the whole truth must be told."""

from typing import TYPE_CHECKING

from infra.checks import invariants as promised
from tests.simulation.acts.machines import hand_over
from tests.simulation.delivery import SAME_MOMENT
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

QUIET_SECONDS = 31 * 60
"""I8: every order has ended so long after its reservation, once faults have stopped."""
REPAIRED_SECONDS = 2 * 3600 + 60
"""In so long the hourly run has repaired what was lost, and what came of that has arrived."""
_STILL_LIVE = """
    SELECT o.id, o.status, o.review_reason FROM orders o WHERE o.status IN ('reserved', 'pending_payment')
        AND (o.review_reason IS NULL OR NOT EXISTS (
            SELECT 1 FROM manual_tasks t JOIN payments p ON CAST(p.id AS text) = t.subject_id
            WHERE p.order_id = o.id AND t.done_at IS NULL))
"""
"""Orders that nothing ends any more. One whose money waits for an admin's decision keeps its hold."""
_STRIDE_SECONDS = 900
_MOST_DELIVERIES = 5000


def come_to_rest(world: "World") -> list[str]:
    """Deliver everything, let time pass until every hold is over, and deliver what came of it."""
    lines = _deliver_for(world, QUIET_SECONDS)
    live = world.rows(_STILL_LIVE)
    if live:
        raise Violation("I8: every order has ended 31 minutes after its reservation", live)
    return lines + _deliver_for(world, REPAIRED_SECONDS)


def check(world: "World") -> None:
    """Everything that must be true at rest."""
    queries = dict(promised.AT_REST)
    del queries["nobody has to help"]
    with world.database.owner.connect() as connection:
        for promise, rows in promised.broken(connection, queries).items():
            raise Violation(promise, rows)


def _deliver_for(world: "World", seconds: float) -> list[str]:
    """Let `seconds` pass, and hand over what comes due, in its order."""
    end = world.clock.seconds + seconds
    lines = []
    for _ in range(_MOST_DELIVERIES):
        due = world.deliveries.due(world.clock.seconds)
        if due:
            lines.append(f"     {world.clock.seconds:9.1f} s  at rest: {hand_over(world, due[0])}")
            continue
        if world.clock.seconds > end - SAME_MOMENT:
            return lines
        next_due = world.deliveries.next_due()
        stride = min(world.clock.seconds + _STRIDE_SECONDS, end)
        world.advance(min(next_due or stride, stride) - world.clock.seconds)
    raise Violation("everything that is under way arrives in the end", lines[-5:])
