"""The catalogue at a hundred thousand events: words, places and prices found through indexes.

`events.search` holds the words of an event twice: as they are written (class A, so that the beginning of
a word finds it) and in their Indonesian stems. `event_prices` holds the lowest price of an event for each
span of time in which it stays the same, early-bird prices included, so that no clock has to be kept: the
row whose span holds now() is the price. Triggers keep it; they do not fire when stock moves.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WORDS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
DROP INDEX events_search;
ALTER TABLE events ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('indonesian', title), 'A')
    || setweight(to_tsvector('simple', location || ' ' || COALESCE(venue, '')), 'B')
    || setweight(to_tsvector('indonesian', location || ' ' || COALESCE(venue, '')), 'B')
    || setweight(to_tsvector('indonesian', category), 'C')
    || setweight(to_tsvector('indonesian', description), 'D')) STORED;
-- A column and not an expression, for the planner must know how many events are in Jakarta.
ALTER TABLE events ADD COLUMN place text NOT NULL
    GENERATED ALWAYS AS (lower(location || ' ' || COALESCE(venue, ''))) STORED;
CREATE INDEX events_search ON events USING gin (search) WHERE status = 'published';
CREATE INDEX events_place ON events USING gin (place gin_trgm_ops) WHERE status = 'published';
DROP INDEX events_upcoming;
DROP INDEX events_category;
CREATE INDEX events_upcoming ON events (start_date, id) INCLUDE (end_date) WHERE status = 'published';
CREATE INDEX events_category ON events (category, start_date, id) INCLUDE (end_date) WHERE status = 'published';
"""

PRICES = """
CREATE TABLE event_prices (  -- the spans of an event follow each other without a gap, from -infinity to infinity
    event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    price bigint,  -- NULL: nothing is offered
    start_date timestamptz NOT NULL,  -- the event's, so that the cheapest are read in their order
    PRIMARY KEY (event_id, starts_at) INCLUDE (ends_at, price),
    CONSTRAINT valid_span CHECK (ends_at > starts_at)
);
CREATE INDEX event_prices_price ON event_prices (price, start_date, event_id) INCLUDE (starts_at, ends_at);

CREATE FUNCTION price_events(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM events WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;  -- one after the other
    DELETE FROM event_prices WHERE event_id = ANY(ids);
    INSERT INTO event_prices (event_id, start_date, starts_at, ends_at, price)
    SELECT moment.event_id, e.start_date, moment.at,
        COALESCE(lead(moment.at) OVER (PARTITION BY moment.event_id ORDER BY moment.at), 'infinity'),
        (SELECT min(CASE WHEN t.early_bird_price IS NOT NULL
                         AND COALESCE(t.early_bird_start <= moment.at, true) AND t.early_bird_end > moment.at
                    THEN t.early_bird_price ELSE t.price END)
         FROM ticket_tiers t WHERE t.event_id = moment.event_id)
    FROM (
        SELECT id AS event_id, timestamptz '-infinity' AS at FROM events WHERE id = ANY(ids)
        UNION SELECT event_id, early_bird_start FROM ticket_tiers
            WHERE event_id = ANY(ids) AND early_bird_price IS NOT NULL AND early_bird_start IS NOT NULL
        UNION SELECT event_id, early_bird_end FROM ticket_tiers
            WHERE event_id = ANY(ids) AND early_bird_price IS NOT NULL) AS moment
    JOIN events e ON e.id = moment.event_id;
END $$;

CREATE FUNCTION price_new_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_prices (event_id, start_date, starts_at, ends_at)
    SELECT id, start_date, '-infinity', 'infinity' FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER price_new_events AFTER INSERT ON events
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION price_new_events();

CREATE FUNCTION move_event_prices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE event_prices SET start_date = NEW.start_date WHERE event_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER event_moved AFTER UPDATE OF start_date ON events
    FOR EACH ROW WHEN (OLD.start_date IS DISTINCT FROM NEW.start_date) EXECUTE FUNCTION move_event_prices();

CREATE FUNCTION price_events_of_tiers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM price_events(ARRAY(SELECT DISTINCT event_id FROM changed));
    RETURN NULL;
END $$;
CREATE TRIGGER price_inserted AFTER INSERT ON ticket_tiers
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION price_events_of_tiers();
CREATE TRIGGER price_deleted AFTER DELETE ON ticket_tiers
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION price_events_of_tiers();

CREATE FUNCTION price_event_of_tier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM price_events(ARRAY[NEW.event_id]);
    RETURN NULL;
END $$;
CREATE TRIGGER price_changed AFTER UPDATE OF price, early_bird_price, early_bird_start, early_bird_end ON ticket_tiers
    FOR EACH ROW WHEN ((OLD.price, OLD.early_bird_price, OLD.early_bird_start, OLD.early_bird_end)
        IS DISTINCT FROM (NEW.price, NEW.early_bird_price, NEW.early_bird_start, NEW.early_bird_end))
    EXECUTE FUNCTION price_event_of_tier();

SELECT price_events(ARRAY(SELECT id FROM events));
"""


def upgrade() -> None:
    """Make the indexes, the column and the table of prices."""
    op.execute(WORDS)
    op.execute(PRICES)
