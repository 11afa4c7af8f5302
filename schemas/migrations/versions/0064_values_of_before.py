"""The value of what was sold before 0063 kept it: the difference of what there is and what is kept, event by event.

Each event is one statement, which sees one moment: sales go on meanwhile, and are counted by their triggers alone.
"""

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

EVENTS = "SELECT DISTINCT event_id FROM orders WHERE paid_at IS NOT NULL"

VALUES = """
    INSERT INTO daily_figures (event_id, timezone, day, tier_id, value)
    WITH event AS (SELECT id, timezone AS zone FROM events WHERE id = %s), counted AS (
        SELECT e.zone, (o.paid_at AT TIME ZONE e.zone)::date AS day, i.tier_id, i.unit_price - i.discount AS value
        FROM event e JOIN orders o ON o.event_id = e.id JOIN order_items i ON i.order_id = o.id
        WHERE o.paid_at IS NOT NULL AND i.returned_at IS NULL
        UNION ALL
        SELECT d.timezone, d.day, d.tier_id, -d.value FROM event e JOIN daily_figures d ON d.event_id = e.id)
    SELECT e.id, c.zone, c.day, c.tier_id, sum(c.value)
    FROM event e, counted c GROUP BY e.id, c.zone, c.day, c.tier_id HAVING sum(c.value) <> 0
"""


def upgrade() -> None:
    """Count the value of what was sold before."""
    connection = op.get_bind()
    for (event_id,) in connection.exec_driver_sql(EVENTS).all():
        connection.exec_driver_sql(VALUES, (event_id,))
