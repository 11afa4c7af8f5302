"""Invariants: cheap questions after each step that has changed something, all of them now and then, and at rest."""

from typing import TYPE_CHECKING

from infra.checks import invariants as promised
from tests.model import chat_buyers, money_promises
from tests.simulation import amounts, consequences, live_payments, refund_terms
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

AFTER_EACH_STEP = {
    "I1 and I2: reserved and sold equal the orders behind them, and fit into the quota": """
        SELECT t.id FROM ticket_tiers t LEFT JOIN (
            SELECT i.tier_id, count(*) FILTER (WHERE o.status <> 'paid') AS held,
                count(*) FILTER (WHERE o.status = 'paid' AND i.returned_at IS NULL) AS bought
            FROM order_items i JOIN orders o ON o.id = i.order_id
            WHERE o.status IN ('reserved', 'pending_payment', 'paid') GROUP BY i.tier_id) c ON c.tier_id = t.id
        WHERE (t.reserved, t.sold) <> (COALESCE(c.held, 0), COALESCE(c.bought, 0)) OR t.reserved + t.sold > t.quota
    """,
    "I3: nobody holds a valid ticket of what is not paid or was given back": """
        SELECT t.id FROM tickets t JOIN order_items i ON i.id = t.order_item_id JOIN orders o ON o.id = t.order_id
        WHERE t.status = 'issued' AND (i.returned_at IS NOT NULL OR o.status <> 'paid')
    """,
}
_WITHOUT_A_TURN = """
    SELECT o.id, o.user_id FROM orders o JOIN events e ON e.id = o.event_id
    WHERE e.waiting_room_opens_at IS NOT NULL AND o.created_at > now() - interval '1 day'
        AND NOT EXISTS (SELECT 1 FROM queue_pass_orders q WHERE q.order_id = o.id)
"""
_CHEAP = " UNION ALL ".join(
    f"SELECT '{promise}' AS promise, CAST(id AS text) AS id FROM ({query}) AS q{number}"
    for number, (promise, query) in enumerate(AFTER_EACH_STEP.items())
)


def check_step(world: "World") -> None:
    """Ask the cheap questions, all in one."""
    broken = world.rows(_CHEAP)
    if broken:
        raise Violation(broken[0].promise, broken)
    live_payments.check(world)


def check_all(world: "World") -> None:
    """Ask everything that every transaction keeps, and whether what people were told is still true."""
    with world.database.owner.connect() as connection:
        for promise, rows in promised.broken(connection, promised.ALWAYS).items():
            raise Violation(promise, rows)
    amounts.check(world)
    refund_terms.check(world)
    consequences.check(world)
    given_back = world.rows(money_promises.GIVEN_BACK_BEYOND_WHAT_WAS_PAID)
    if given_back:
        raise Violation("I9: what goes back was paid", given_back)
    without_a_turn = world.rows(_WITHOUT_A_TURN)
    if without_a_turn:
        raise Violation("nobody orders in a rush before their turn", without_a_turn)
    of_others = world.rows(chat_buyers.OF_OTHERS)
    if of_others:
        raise Violation("I10: nobody hears of another's order in the chat", of_others)
    world.mail_promises.check_all(world)
    wrong = world.promises.broken(world.rows)
    if wrong:
        raise Violation("I12: what people are told stays true", wrong)
