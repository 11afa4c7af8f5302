"""Notices in chats: who wants them, which there were, their templates; orders of chats; codes that prove an address.

A notice is a row in the transaction that gives the reason, as a mail is (NS-010).
"""

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

CONSENT = """
ALTER TABLE chat_senders
    ADD COLUMN notices text CHECK (notices IN ('on', 'off', 'stopped')),  -- NULL: not asked yet
    ADD COLUMN notices_changed_at timestamptz;

CREATE TABLE chat_consents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sender_id uuid NOT NULL REFERENCES chat_senders (id) ON DELETE CASCADE,
    choice text NOT NULL CHECK (choice IN ('on', 'off', 'stopped')),
    source text NOT NULL CHECK (source IN ('button', 'typed', 'account', 'preference', 'refused')),
    wording text NOT NULL,  -- the version of the question that was answered
    chosen_at timestamptz NOT NULL
);
CREATE INDEX chat_consents_sender ON chat_consents (sender_id);
"""
NOTICES = """
CREATE TABLE chat_notices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dedupe_key text NOT NULL UNIQUE,
    template text NOT NULL,
    order_id uuid NOT NULL REFERENCES orders (id),
    context jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    outcome text CHECK (outcome IN ('enqueued', 'nobody', 'unwanted', 'too_many', 'over_budget', 'obsolete')),
    CHECK ((settled_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX chat_notices_order ON chat_notices (order_id);
CREATE INDEX chat_notices_age ON chat_notices (created_at);

CREATE TABLE chat_orders (
    order_id uuid PRIMARY KEY REFERENCES orders (id),
    sender_id uuid NOT NULL REFERENCES chat_senders (id) ON DELETE CASCADE
);
CREATE INDEX chat_orders_sender ON chat_orders (sender_id);
INSERT INTO chat_orders (order_id, sender_id)
    SELECT o.id, s.id FROM orders o JOIN chat_senders s ON s.user_id = o.user_id AND s.id = o.user_id;

CREATE TABLE chat_templates (
    name text NOT NULL,
    language text NOT NULL,
    review_status text NOT NULL,  -- as WhatsApp calls it
    reason text,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (name, language)
);
"""
LINKING = """
CREATE TABLE chat_email_codes (
    sender_id uuid PRIMARY KEY REFERENCES chat_senders (id) ON DELETE CASCADE,
    address text NOT NULL CHECK (length(address) <= 255),
    code_hash text NOT NULL,
    tries_left integer NOT NULL CHECK (tries_left >= 0),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX chat_email_codes_expiry ON chat_email_codes (expires_at);
"""


def upgrade() -> None:
    """Create the tables."""
    for statements in (CONSENT, NOTICES, LINKING):
        op.execute(statements)
