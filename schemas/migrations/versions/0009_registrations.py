"""Registrations (REG-1, REG-2): who runs in which category, known by a blind index, and their BIB numbers.

The identity number itself is sealed (shared/cloud/field_encryption.py). A partial unique index over its blind index
lets one number be registered once per category while its order lives. BIB numbers count from 1 in each
category; their counter moves in the transaction that gives them out, so that none is left out.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

REGISTRATIONS = """
CREATE TABLE registrations (
    item_id uuid PRIMARY KEY REFERENCES order_items (id) ON DELETE CASCADE,
    order_id uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    tier_id uuid NOT NULL REFERENCES ticket_tiers (id),
    identity_index text NOT NULL CHECK (identity_index ~ '^[0-9a-f]{64}$'),
    identity_sealed text NOT NULL,
    identity_ending text NOT NULL CHECK (length(identity_ending) = 4),  -- what is shown of it
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_registration ON registrations (tier_id, identity_index) WHERE is_active;
CREATE INDEX registrations_order ON registrations (order_id);
"""

BIBS = """
CREATE TABLE bib_counters (
    tier_id uuid PRIMARY KEY REFERENCES ticket_tiers (id),
    given integer NOT NULL CHECK (given > 0)
);
CREATE TABLE bib_numbers (  -- never given again, whatever becomes of the ticket
    tier_id uuid NOT NULL REFERENCES ticket_tiers (id),
    number integer NOT NULL CHECK (number > 0),
    item_id uuid NOT NULL REFERENCES order_items (id),
    given_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tier_id, number),
    CONSTRAINT one_bib_per_item UNIQUE (item_id)
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(REGISTRATIONS)
    op.execute(BIBS)
