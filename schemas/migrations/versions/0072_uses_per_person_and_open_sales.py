"""A promo code's uses per person are counted over all accounts of one mailbox, as the limits of an event are (LIMIT-1).

`promo_users` counts by account. Who uses a code locks its row first (`promos.COUNT_USES`), and a trigger then sees
what was committed before it: of two aliases that order at the same moment, the second one is refused.

The price by which events are found is of tickets that can be bought then, as on their cards: a presale that is over, or
a sale that begins later, counts only where nothing else is sold.
"""

from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

# Moved uses have no `most` (shared/sales/account_merging.py), and late ones are beyond the limits.
LIMIT = """
CREATE FUNCTION limit_uses_of_person() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.uses - NEW.late_uses <= OLD.uses - OLD.late_uses THEN RETURN NULL; END IF;
    IF (SELECT sum(u.uses - u.late_uses)
        FROM users b JOIN users a ON folded_email(a.email) = folded_email(b.email) AND NOT a.is_deleted
            JOIN promo_users u ON u.promo_id = NEW.promo_id AND u.user_id = a.id  -- Uses index: users_mailbox
        WHERE b.id = NEW.user_id) > NEW.most THEN
        RAISE EXCEPTION 'the person of account % has used the code as often as they may', NEW.user_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'promo_not_exhausted_for_user';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER uses_of_person_are_limited AFTER INSERT OR UPDATE OF uses ON promo_users
    FOR EACH ROW WHEN (NEW.most IS NOT NULL AND NEW.uses > NEW.late_uses) EXECUTE FUNCTION limit_uses_of_person();
"""

PRICES = """
CREATE OR REPLACE FUNCTION price_events(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM events WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;  -- one after the other
    DELETE FROM event_prices WHERE event_id = ANY(ids);
    INSERT INTO event_prices (event_id, start_date, starts_at, ends_at, price)
    SELECT moment.event_id, e.start_date, moment.at,
        COALESCE(lead(moment.at) OVER (PARTITION BY moment.event_id ORDER BY moment.at), 'infinity'),
        (SELECT COALESCE(min(price) FILTER (WHERE is_entry AND has_begun AND NOT has_ended),
            min(price) FILTER (WHERE is_entry AND NOT has_ended), min(price) FILTER (WHERE is_entry),
            min(price) FILTER (WHERE has_begun AND NOT has_ended), min(price) FILTER (WHERE NOT has_ended), min(price))
        FROM (
            SELECT t.kind IN ('ticket', 'registration') AS is_entry,
                COALESCE(t.sale_start <= moment.at, true) AS has_begun,
                COALESCE(t.sale_end <= moment.at, false) AS has_ended,
                CASE WHEN t.early_bird_price IS NOT NULL
                    AND COALESCE(t.early_bird_start <= moment.at, true) AND t.early_bird_end > moment.at
                THEN t.early_bird_price ELSE t.price END AS price
            FROM ticket_tiers t WHERE t.event_id = moment.event_id) AS tiers)
    FROM (
        SELECT id AS event_id, timestamptz '-infinity' AS at FROM events WHERE id = ANY(ids)
        UNION SELECT event_id, early_bird_start FROM ticket_tiers
            WHERE event_id = ANY(ids) AND early_bird_price IS NOT NULL AND early_bird_start IS NOT NULL
        UNION SELECT event_id, early_bird_end FROM ticket_tiers
            WHERE event_id = ANY(ids) AND early_bird_price IS NOT NULL
        UNION SELECT event_id, sale_start FROM ticket_tiers WHERE event_id = ANY(ids) AND sale_start IS NOT NULL
        UNION SELECT event_id, sale_end FROM ticket_tiers
            WHERE event_id = ANY(ids) AND sale_end IS NOT NULL) AS moment
    JOIN events e ON e.id = moment.event_id;
END $$;

CREATE OR REPLACE TRIGGER price_changed
    AFTER UPDATE OF kind, price, early_bird_price, early_bird_start, early_bird_end, sale_start, sale_end
    ON ticket_tiers FOR EACH ROW
    WHEN ((OLD.kind, OLD.price, OLD.early_bird_price, OLD.early_bird_start, OLD.early_bird_end,
            OLD.sale_start, OLD.sale_end)
        IS DISTINCT FROM (NEW.kind, NEW.price, NEW.early_bird_price, NEW.early_bird_start, NEW.early_bird_end,
            NEW.sale_start, NEW.sale_end))
    EXECUTE FUNCTION price_event_of_tier();

SELECT price_events(ARRAY(SELECT DISTINCT event_id FROM ticket_tiers
    WHERE event_ends_at > now() AND (sale_start IS NOT NULL OR sale_end IS NOT NULL)));
"""


def upgrade() -> None:
    """Add the trigger, and price the events to come anew whose sales begin or end.

    Who has used a code more often already keeps those uses, and has none left.
    """
    op.execute(LIMIT)
    op.execute(PRICES)
