"""The states that money and seats go through (I6): every transition there may be, and those that were seen."""

from typing import TYPE_CHECKING

from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

Transition = tuple[str, str, str]
"""A table, the state before (`new` for a row that is inserted) and the state after."""

_POSSIBLE: dict[str, dict[str, str]] = {
    "orders": {
        "new": "reserved",
        "reserved": "pending_payment expired cancelled",
        "pending_payment": "paid expired cancelled",
        "expired": "paid",  # the money came late, and there was still room
        "paid": "refunded",
    },
    "payments": {
        "new": "opening paid expired",  # what costs nothing is paid at once; a second invoice is to be cancelled
        "opening": "pending paid expired failed",
        "pending": "paid expired failed",
        "expired": "paid",
        "failed": "paid",
        "paid": "refunded",
    },
    "tickets": {"new": "issued", "issued": "used void", "used": "issued void"},  # issued again: its scan was undone
    "pickups": {
        "new": "waiting",
        "waiting": "picked_up void",
        "picked_up": "waiting void",
    },  # void: given back meanwhile
    "refunds": {
        "new": "requested approved completed",  # completed: somebody gave it back at a dashboard
        "requested": "approved rejected",
        "approved": "processing completed",
        "processing": "completed failed approved",  # approved: by bank transfer, as its gateway refuses
        "failed": "approved processing completed",
        "completed": "failed rejected",  # the bank has sent it back; or it was money of another refund
    },
    "payouts": {
        "new": "pending carried_over",
        "pending": "processing carried_over",
        "processing": "completed failed",
        "failed": "pending",
        "completed": "failed",  # the bank has sent the transfer back
    },
    "disbursements": {
        "new": "sending",
        "sending": "succeeded failed reversed",  # reversed: we hear of it when it has come back already
        "succeeded": "reversed",
    },
    "bank_accounts": {"new": "checking verified", "checking": "verified refused", "verified": "refused"},
    "events": {"new": "draft", "draft": "published cancelled", "published": "draft cancelled"},
}
POSSIBLE: frozenset[Transition] = frozenset(
    (machine, before, after)
    for machine, transitions in _POSSIBLE.items()
    for before, afters in transitions.items()
    for after in afters.split()
)


def begin(world: "World") -> None:
    """Forget what was seen."""
    world.rows("DELETE FROM sim.transitions RETURNING 1")


def seen(world: "World") -> frozenset[Transition]:
    """The transitions since `begin`."""
    return frozenset((row.machine, row.before, row.after) for row in world.rows("SELECT * FROM sim.transitions"))


def check(found: frozenset[Transition]) -> None:
    """No state goes where it can't."""
    wrong = sorted(found - POSSIBLE)
    if wrong:
        raise Violation("I6: no state goes backwards", [f"{machine}: {old} to {new}" for machine, old, new in wrong])
