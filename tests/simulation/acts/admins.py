"""Admins: they decide what the product asks a person about."""

import random
from typing import TYPE_CHECKING, Any

from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act

if TYPE_CHECKING:
    from tests.simulation.world import World

_MISMATCHES = """
    SELECT p.id FROM payments p WHERE p.received_amount <> p.amount
    ORDER BY p.review_decision IS NULL DESC, p.id LIMIT 3
"""
_GIVEN_BACK = """
    SELECT t.subject_id AS id, p.order_id FROM manual_tasks t JOIN payments p ON CAST(p.id AS text) = t.subject_id
    WHERE t.done_at IS NULL AND t.kind IN ('payment_partially_refunded', 'payment_refunded') ORDER BY t.id
"""
_DISPUTED = """
    SELECT p.id, p.external_id FROM manual_tasks t JOIN payments p ON CAST(p.id AS text) = t.subject_id
    WHERE t.done_at IS NULL AND t.kind = 'payment_charged_back' ORDER BY t.id
"""
_BY_HAND = """
    SELECT id, amount FROM refunds WHERE status IN ('approved', 'failed') AND method = 'disbursement' ORDER BY id
"""
_PLAIN_TASKS = """
    SELECT id FROM manual_tasks WHERE done_at IS NULL
        AND kind IN ('webhook_failed', 'unknown_refund', 'unknown_payout', 'clearing_difference') ORDER BY id
"""
_DOUBTED_ACCOUNTS = """
    SELECT id FROM bank_accounts WHERE (status = 'checking' OR has_payee_name = false) AND replaced_at IS NULL
    ORDER BY status, id
"""
_FAILED_REFUNDS = "SELECT id FROM refunds WHERE status = 'failed' ORDER BY id"


@act("an admin decides about a mismatch", 5)
def review(world: "World", chance: random.Random) -> str | None:
    """Accept what came in, give it back, or ask for the rest."""
    found = world.rows(_MISMATCHES)
    if not found:
        return None
    decision = chance.choice(("accept", "accept", "refund", "top-up"))
    answer = ask(world, "POST", f"/admin/reviews/{chance.choice(found).id}/{decision}", world.people.an_admin(chance))
    return f"{decision}: {outcome(answer)}"


@act("an admin decides what a dashboard refund was for", 4)
def allocate(world: "World", chance: random.Random) -> str | None:
    """Say which items of the order the money was for, or that it was goodwill."""
    found = world.rows(_GIVEN_BACK)
    if not found:
        return None
    task = chance.choice(found)
    rows = world.rows("SELECT id FROM order_items WHERE order_id = :id ORDER BY position", id=task.order_id)
    items = [str(row.id) for row in rows][: chance.choice((0, 1, 1, 2))]
    path = f"/admin/payments/{task.id}/dashboard-refund"
    answer = ask(world, "POST", path, world.people.an_admin(chance), {"item_ids": items})
    return f"{len(items)} items: {outcome(answer)}"


@act("an admin books a dispute as lost", 4)
def lose_dispute(world: "World", chance: random.Random) -> str | None:
    """Book what the bank has taken."""
    found = world.rows(_DISPUTED)
    return _lose(world, chance, chance.choice(found)) if found else None


def lose_all_disputes(world: "World", chance: random.Random) -> list[str]:
    """Book all that the banks have taken and nobody has booked."""
    return [_lose(world, chance, disputed) for disputed in world.rows(_DISPUTED)]


def _lose(world: "World", chance: random.Random, disputed: Any) -> str:
    amount = world.gateways.disputed()["midtrans", disputed.external_id]
    path, body = f"/admin/payments/{disputed.id}/dispute-lost", {"amount": amount, "note": "Surat bank"}
    return f"{amount}: {outcome(ask(world, 'POST', path, world.people.an_admin(chance), body))}"


@act("an admin tries a failed refund again", 3)
def retry_refund(world: "World", chance: random.Random) -> str | None:
    """Send a refund again that its gateway or a bank has refused."""
    found = world.rows(_FAILED_REFUNDS)
    if not found:
        return None
    answer = ask(world, "POST", f"/refunds/{chance.choice(found).id}/retry", world.people.an_admin(chance))
    return outcome(answer)


@act("an admin pays a refund by hand", 2)
def pay_by_hand(world: "World", chance: random.Random) -> str | None:
    """Note that the money is sent from our account, and send it; what is refused is not sent."""
    found = world.rows(_BY_HAND)
    if not found:
        return None
    refund = chance.choice(found)
    body = {"through": "xendit", "note": "Sudah ditransfer"}
    answer = ask(world, "POST", f"/admin/refunds/{refund.id}/paid-by-hand", world.people.an_admin(chance), body)
    if world.rows("SELECT 1 FROM refunds WHERE id = :id AND status = 'completed'", id=refund.id):
        world.gateways.sent_by_hand("xendit", str(refund.id), refund.amount)
    return outcome(answer)


@act("an admin replays a dead letter", 3)
def replay(world: "World", chance: random.Random) -> str | None:
    """Have what was given up sent again."""
    found = world.rows("SELECT id FROM dead_letters WHERE decision IS NULL ORDER BY created_at, id")
    if not found:
        return None
    path = f"/admin/dead-letters/{chance.choice(found).id}/replay"
    answer = ask(world, "POST", path, world.people.an_admin(chance), {"reason": "Sekali lagi"})
    return outcome(answer)


@act("an admin finishes a task", 2)
def finish(world: "World", chance: random.Random) -> str | None:
    """Note that a person has seen to it, where nothing else closes it."""
    found = world.rows(_PLAIN_TASKS)
    if not found:
        return None
    path = f"/admin/manual-tasks/{chance.choice(found).id}/done"
    answer = ask(world, "POST", path, world.people.an_admin(chance), {"note": "Beres"})
    return outcome(answer)


@act("an admin decides whether an organizer deals with themselves", 2)
def decide_self_dealing(world: "World", chance: random.Random) -> str | None:
    """Let a payout go that waits, as buyers with the platform's codes look like their organizer."""
    found = world.rows("SELECT id FROM manual_tasks WHERE done_at IS NULL AND kind = 'payout_self_dealing' ORDER BY id")
    if not found:
        return None
    path = f"/admin/manual-tasks/{chance.choice(found).id}/done"
    return outcome(ask(world, "POST", path, world.people.an_admin(chance), {"note": "Pembeli biasa"}))


@act("an admin decides about a bank account", 2)
def decide_account(world: "World", chance: random.Random) -> str | None:
    """Accept or refuse an account whose bank does not answer, or names somebody else."""
    found = world.rows(_DOUBTED_ACCOUNTS)
    if not found:
        return None
    path, status = f"/admin/bank-accounts/{chance.choice(found).id}", chance.choice(("verified", "refused"))
    answer = ask(world, "PUT", path, world.people.an_admin(chance), {"status": status})
    return f"{status}: {outcome(answer)}"


@act("an admin has everything reconciled", 1)
def reconcile(world: "World", chance: random.Random) -> str | None:
    """Request a thorough run."""
    answer = ask(world, "POST", "/admin/reconcile-runs", world.people.an_admin(chance), {"thorough": True})
    return outcome(answer)
