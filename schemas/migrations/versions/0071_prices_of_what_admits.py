"""The price by which events are found: of what lets people in, and of goods only where nothing else is sold."""

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

PRICES = """
CREATE OR REPLACE FUNCTION price_events(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM events WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;  -- one after the other
    DELETE FROM event_prices WHERE event_id = ANY(ids);
    INSERT INTO event_prices (event_id, start_date, starts_at, ends_at, price)
    SELECT moment.event_id, e.start_date, moment.at,
        COALESCE(lead(moment.at) OVER (PARTITION BY moment.event_id ORDER BY moment.at), 'infinity'),
        (SELECT COALESCE(min(price) FILTER (WHERE kind IN ('ticket', 'registration')), min(price)) FROM (
            SELECT t.kind, CASE WHEN t.early_bird_price IS NOT NULL
                    AND COALESCE(t.early_bird_start <= moment.at, true) AND t.early_bird_end > moment.at
                THEN t.early_bird_price ELSE t.price END AS price
            FROM ticket_tiers t WHERE t.event_id = moment.event_id) AS tiers)
    FROM (
        SELECT id AS event_id, timestamptz '-infinity' AS at FROM events WHERE id = ANY(ids)
        UNION SELECT event_id, early_bird_start FROM ticket_tiers
            WHERE event_id = ANY(ids) AND early_bird_price IS NOT NULL AND early_bird_start IS NOT NULL
        UNION SELECT event_id, early_bird_end FROM ticket_tiers
            WHERE event_id = ANY(ids) AND early_bird_price IS NOT NULL) AS moment
    JOIN events e ON e.id = moment.event_id;
END $$;

CREATE OR REPLACE TRIGGER price_changed
    AFTER UPDATE OF kind, price, early_bird_price, early_bird_start, early_bird_end ON ticket_tiers
    FOR EACH ROW WHEN ((OLD.kind, OLD.price, OLD.early_bird_price, OLD.early_bird_start, OLD.early_bird_end)
        IS DISTINCT FROM (NEW.kind, NEW.price, NEW.early_bird_price, NEW.early_bird_start, NEW.early_bird_end))
    EXECUTE FUNCTION price_event_of_tier();

SELECT price_events(ARRAY(SELECT DISTINCT event_id FROM ticket_tiers WHERE kind IN ('product', 'digital')));
"""


def upgrade() -> None:
    """Replace the function and its trigger, and price the events that sell goods anew."""
    op.execute(PRICES)
