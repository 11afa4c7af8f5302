"""The scheduled synthetic purchase of a running product: by HTTP, with the rights of its own function."""

from sqlalchemy import text

from tests.people import World
from tests.stack import Stack
from tests.waiting import until

PROGRESS = text("""
    SELECT o.status, o.total_amount, count(*) AS orders FROM orders o JOIN events e ON e.id = o.event_id
    WHERE e.is_synthetic GROUP BY 1, 2 ORDER BY 2
""")
EVENTS = text("SELECT id FROM events WHERE is_synthetic")
STOCK = text("""
    SELECT sum(t.reserved), sum(t.sold) FROM ticket_tiers t JOIN events e ON e.id = t.event_id WHERE e.is_synthetic
""")


def orders(stack: Stack) -> list[tuple[str, int]]:
    with stack.database() as database, database.connect() as connection:
        return [(row.status, row.orders) for row in connection.execute(PROGRESS)]


def test_the_jobs_leave_ended_orders_and_nothing_else(stack: Stack, world: World):
    stack.run_job("synthetic-purchase-purchase")
    until(lambda: orders(stack) == [("refunded", 1)], what="for the purchase")
    stack.run_job("synthetic-purchase-payments")
    until(lambda: orders(stack) == [("refunded", 1), ("cancelled", 2)], what="for the payments")
    with stack.database() as database, database.connect() as connection:
        assert tuple(connection.execute(STOCK).one()) == (0, 0)
        synthetic = {str(each) for each in connection.execute(EVENTS).scalars()}
    refunds = world.somebody("admin").api.get("refunds")["items"]
    assert [each for each in refunds if each["event_id"] in synthetic] == []
    assert "Synthetic" not in world.anybody.call("GET", "/inbox.json", status=200).text
