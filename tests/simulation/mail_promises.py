"""Promises of mails (I12): true when they were sent, and where it is for good, true ever after."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_FACTS = """
    SELECT m.id, m.template, o.status AS order, e.status AS event, r.status AS refund, p.status AS payout
    FROM emails m LEFT JOIN orders o ON o.id = m.order_id LEFT JOIN events e ON e.id = o.event_id
        LEFT JOIN refunds r ON r.id = CAST(m.context ->> 'refund_id' AS uuid)
        LEFT JOIN payouts p ON p.id = CAST(m.context ->> 'payout_id' AS uuid)
    WHERE m.id = ANY(CAST(:ids AS uuid[]))
"""
_LIVE = {"reserved", "pending_payment"}
_SAYS: dict[str, dict[str, set[str]]] = {
    "e_ticket": {"order": {"paid"}},
    "goods_ready": {"order": {"paid"}},
    "event_reminder": {"order": {"paid"}, "event": {"published"}},
    "order_confirmation": {"order": {*_LIVE, "paid"}},
    "payment_reminder": {"order": _LIVE},
    "top_up_needed": {"order": _LIVE},
    "event_cancelled": {"event": {"cancelled"}},
    "refund_completed": {"refund": {"completed"}},
    "refund_rejected": {"refund": {"rejected"}},
    "refund_account_needed": {"refund": {"approved", "failed"}},
    "payout_completed": {"payout": {"completed"}},
    "payout_account_needed": {"payout": {"pending", "failed"}},
}
"""The states of its order, event, refund or payout that a mail speaks of."""
_FOR_GOOD: dict[str, dict[str, set[str]]] = {
    "e_ticket": {"order": {"paid", "refunded"}},
    "goods_ready": {"order": {"paid", "refunded"}},
    "event_cancelled": {"event": {"cancelled"}},
    "refund_rejected": {"refund": {"rejected"}},
}


class MailPromises:
    """The mails that people have got."""

    def __init__(self) -> None:
        self._newest = 0
        self._said: set[str] = set()
        self._of_step: list[str] = []
        self._may_come_again: set[str] = set()
        """Those that were sent in a step in which a fault struck: nobody may know that they have left."""

    def end_step(self, *, is_unclear: bool) -> None:
        """A step is over; `is_unclear` if a fault has struck in it, or a process stood still."""
        if is_unclear:
            self._may_come_again.update(self._of_step)
        self._of_step.clear()

    def check_new(self, world: "World") -> None:
        """Whether what came since the last look is true, and came once.

        What is true for a while is not asked where their sender stood still and they grew old.
        """
        found = world.gateways.mails_after(self._newest)
        if found:
            self._newest = found[-1][0]
            ids = [email_id for _, email_id in found if email_id]
            if not world.is_step_unclear:
                self._require_new(ids)
            self._of_step += ids
            self._said.update(ids)
            said = _FOR_GOOD if world.meanwhile else _SAYS
            _check(world, ids, said, "I12: what a mail says is true when it is sent")

    def _require_new(self, ids: list[str]) -> None:
        repeated = {each for each, count in Counter(ids).items() if count > 1 or each in self._said}
        sent_twice = sorted(repeated - self._may_come_again)
        if sent_twice:
            raise Violation("I7: a mail is sent once, unless nobody knows whether it has left", sent_twice)

    def check_all(self, world: "World") -> None:
        """Whether what was said for good is still so."""
        _check(world, sorted(self._said), _FOR_GOOD, "I12: what a mail has said stays true")


def _check(world: "World", ids: list[str], said: dict[str, dict[str, set[str]]], promise: str) -> None:
    wrong = [row for row in world.rows(_FACTS, ids=ids) if not _is_true(row, said.get(row.template, {}))]
    if wrong:
        raise Violation(promise, wrong)


def _is_true(row: Any, said: dict[str, set[str]]) -> bool:
    return all(getattr(row, what) in states for what, states in said.items())
