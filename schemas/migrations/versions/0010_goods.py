"""Products and digital goods (PROD-1, PROD-2): pickup codes, and units that are each a secret of their own.

A digital tier has as much to sell as it has units: `ticket_tiers.units` counts them, and `no_overselling` holds
it as it holds the quota. The secrets are sealed; a blind index keeps one from being offered twice.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

PICKUPS = """
CREATE TABLE pickups (
    order_id uuid PRIMARY KEY REFERENCES orders (id),
    event_id uuid NOT NULL REFERENCES events (id),
    code text NOT NULL CHECK (code ~ '^[0-9A-Z]{4}-[0-9A-Z]{4}$'),
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'picked_up', 'void')),
    picked_up_at timestamptz,
    picked_up_from uuid REFERENCES users (id),  -- who handed it over
    gate text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pickups_code UNIQUE (event_id, code),
    CONSTRAINT pickups_picked_up CHECK ((status = 'picked_up') = (picked_up_at IS NOT NULL))
);
"""

UNITS = """
CREATE TABLE digital_units (
    id uuid PRIMARY KEY,
    tier_id uuid NOT NULL REFERENCES ticket_tiers (id) ON DELETE CASCADE,
    secret_index text NOT NULL CHECK (secret_index ~ '^[0-9a-f]{64}$'),
    secret_sealed text NOT NULL,
    item_id uuid REFERENCES order_items (id),  -- whose it is, for good
    given_at timestamptz,
    burned_at timestamptz,  -- its buyer has seen it and has the money back: nobody else gets it
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT digital_units_once UNIQUE (secret_index),
    CONSTRAINT one_unit_per_item UNIQUE (item_id),
    CONSTRAINT digital_units_given CHECK ((item_id IS NULL) = (given_at IS NULL)),
    CONSTRAINT digital_units_burned CHECK (burned_at IS NULL OR given_at IS NOT NULL)
);
CREATE INDEX digital_units_free ON digital_units (tier_id, created_at, id) WHERE item_id IS NULL;

ALTER TABLE ticket_tiers ADD COLUMN units integer CHECK (units >= 0);  -- of digital tiers, without the burned ones
UPDATE ticket_tiers SET units = reserved + sold WHERE kind = 'digital';  -- what was promised, and is to be uploaded
ALTER TABLE ticket_tiers
    DROP CONSTRAINT no_overselling,
    ADD CONSTRAINT no_overselling CHECK (reserved + sold <= LEAST(quota, units)),
    ADD CONSTRAINT digital_tiers_have_units CHECK ((kind = 'digital') = (units IS NOT NULL));

CREATE FUNCTION count_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.units := CASE WHEN NEW.kind = 'digital' THEN
        (SELECT count(*) FROM digital_units WHERE tier_id = NEW.id AND burned_at IS NULL) END;
    RETURN NEW;
END $$;
CREATE TRIGGER units_of_new_tier BEFORE INSERT ON ticket_tiers FOR EACH ROW EXECUTE FUNCTION count_units();
CREATE TRIGGER units_of_changed_tier BEFORE UPDATE OF kind ON ticket_tiers
    FOR EACH ROW WHEN (OLD.kind <> NEW.kind) EXECUTE FUNCTION count_units();
"""


def upgrade() -> None:
    """Make the tables, and let digital tiers sell no more than they have."""
    op.execute(PICKUPS)
    op.execute(UNITS)
