"""Limits on what one person may hold and buy of an event (TS-002, ISO-1): counted for a person, not for an account.

Accounts whose e-mail addresses reach one mailbox (`+1` behind the name, dots at Gmail) are one person: they share
`users.person_id`, a random id. The counts change in the transaction that holds or frees the stock, and their CHECKs
hold the limits. An order without a `person_id` (of a release before this one, or of a deleted account) is not counted.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

PEOPLE = """
CREATE FUNCTION folded_email(address text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN domain IN ('gmail.com', 'googlemail.com') THEN replace(mailbox, '.', '') || '@gmail.com'
        ELSE mailbox || '@' || domain END
    FROM (SELECT COALESCE(NULLIF(split_part(split_part(lower(address), '@', 1), '+', 1), ''),
            split_part(lower(address), '@', 1)) AS mailbox,
        split_part(lower(address), '@', 2) AS domain) AS parts
$$;
ALTER TABLE users ADD COLUMN person_id uuid NOT NULL DEFAULT gen_random_uuid();
UPDATE users u SET person_id = first.person_id
FROM (SELECT DISTINCT ON (folded_email(email)) folded_email(email) AS folded, person_id FROM users
    WHERE NOT is_deleted ORDER BY folded_email(email), created_at, id) AS first
WHERE NOT u.is_deleted AND folded_email(u.email) = first.folded AND u.person_id <> first.person_id;
CREATE INDEX users_mailbox ON users (folded_email(email)) WHERE NOT is_deleted;
"""

# The lock lets two aliases that register at the same time see each other.
TRIGGER = """
CREATE FUNCTION recognise_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.is_deleted THEN
        NEW.person_id := gen_random_uuid();
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(folded_email(NEW.email), 0));
    NEW.person_id := COALESCE(
        (SELECT person_id FROM users WHERE folded_email(email) = folded_email(NEW.email) AND NOT is_deleted
            AND id <> NEW.id ORDER BY created_at, id LIMIT 1),
        NEW.person_id);
    RETURN NEW;
END $$;
CREATE TRIGGER recognise_person BEFORE INSERT OR UPDATE OF email ON users
    FOR EACH ROW EXECUTE FUNCTION recognise_person();
"""

# No foreign keys to events and tiers: orders have them, and each would cost a lock in the statement that reserves.
COUNTS = """
ALTER TABLE events
    ADD COLUMN max_per_person integer CHECK (max_per_person > 0),  -- NULL: two orders' worth of each tier
    ADD COLUMN one_purchase_per_person boolean NOT NULL DEFAULT false;
ALTER TABLE orders ADD COLUMN person_id uuid;

CREATE TABLE event_buyers (
    event_id uuid NOT NULL,
    person_id uuid NOT NULL,
    units integer NOT NULL CHECK (units >= 0),  -- held or bought, and not given back
    max_units integer,  -- the limits when they last reserved
    orders integer NOT NULL CHECK (orders >= 0),
    max_orders integer,
    abandoned_score integer NOT NULL DEFAULT 0,  -- of holds that ended unpaid, see sales/purchase_limits.py
    last_abandoned_at timestamptz,
    hold_again_at timestamptz,
    PRIMARY KEY (event_id, person_id),
    CONSTRAINT max_units_per_person CHECK (units <= max_units),
    CONSTRAINT max_orders_per_person CHECK (orders <= max_orders)
) WITH (fillfactor = 70);
CREATE TABLE tier_buyers (
    tier_id uuid NOT NULL,
    person_id uuid NOT NULL,
    units integer NOT NULL CHECK (units >= 0),
    max_units integer,
    PRIMARY KEY (tier_id, person_id),
    CONSTRAINT max_tier_units_per_person CHECK (units <= max_units)
) WITH (fillfactor = 70);
"""

IDENTITIES = """
ALTER TABLE registrations ADD COLUMN event_identity_index text;  -- set where an event allows one purchase per person
CREATE UNIQUE INDEX one_registration_per_event ON registrations (event_identity_index)
    WHERE is_active AND event_identity_index IS NOT NULL;
"""


def upgrade() -> None:
    """Recognise people, and count what each holds and buys."""
    for part in (PEOPLE, TRIGGER, COUNTS, IDENTITIES):
        op.execute(part)
