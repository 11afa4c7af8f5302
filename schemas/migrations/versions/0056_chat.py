"""Buying by message (CHAT-1..5): who writes to us, what they wrote, what we answer; short codes of what is sold.

A sender's row holds the state of their conversation. It is changed under its lock, together with the message that
changes it and the answers to it, so that a crash in between leaves neither or all.
"""

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE chat_senders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    messenger_id text UNIQUE CHECK (length(messenger_id) <= 150),  -- the messenger's id of a person, for us alone
    phone text UNIQUE CHECK (phone ~ '^[1-9][0-9]{6,14}$'),  -- with country code; may be unknown
    user_id uuid REFERENCES users (id),  -- the account that buys, from the first purchase on
    order_id uuid UNIQUE REFERENCES orders (id),  -- the one order that the conversation is about
    state jsonb NOT NULL DEFAULT '{}',
    pending_action jsonb,  -- decided on, and its result not taken in yet
    last_message_at timestamptz,  -- we may answer for 24 hours
    send_after timestamptz,  -- they were sent too much for now
    claimed_until timestamptz,  -- somebody works on this conversation
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX chat_senders_user ON chat_senders (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX chat_senders_pending ON chat_senders (id) WHERE pending_action IS NOT NULL;
CREATE INDEX chat_senders_age ON chat_senders (COALESCE(last_message_at, created_at));

CREATE TABLE chat_updates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    update_key text NOT NULL UNIQUE,  -- a hash, as the messenger's ids of messages hold phone numbers
    sender_id uuid NOT NULL REFERENCES chat_senders (id),
    content jsonb NOT NULL,
    sent_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz
);
CREATE INDEX chat_updates_sender ON chat_updates (sender_id, created_at);
CREATE INDEX chat_updates_waiting ON chat_updates (sender_id, id) WHERE processed_at IS NULL;
CREATE INDEX chat_updates_age ON chat_updates (created_at);

CREATE TABLE chat_messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY,
    dedupe_key text NOT NULL UNIQUE,
    sender_id uuid NOT NULL REFERENCES chat_senders (id),
    content jsonb NOT NULL,  -- what it says, without what is secret: that is read as it is sent
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'sent', 'delivered', 'read', 'failed', 'dropped')),
    attempts integer NOT NULL DEFAULT 0,
    provider_message_id text,
    error_code text,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    status_at timestamptz
);
CREATE INDEX chat_messages_queued ON chat_messages (sender_id, number) WHERE status = 'queued';
CREATE INDEX chat_messages_sender ON chat_messages (sender_id, created_at);
CREATE INDEX chat_messages_provider ON chat_messages (provider_message_id) WHERE provider_message_id IS NOT NULL;
CREATE INDEX chat_messages_age ON chat_messages (created_at);
"""

# Letters and digits that are not mistaken for each other, and no vowels, so that no code is a word. A code that is
# taken is drawn again; of two drawn in the same moment the second meets the constraint.
CODES = """
CREATE FUNCTION new_tier_code() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    letters constant text := '23456789BCDFGHJKMNPQRSTVWXYZ';
    drawn text;
BEGIN
    LOOP
        SELECT string_agg(substr(letters, 1 + floor(random() * length(letters))::int, 1), '')
            INTO drawn FROM generate_series(1, 6);
        EXIT WHEN NOT EXISTS (SELECT 1 FROM ticket_tiers WHERE code = drawn);
    END LOOP;
    RETURN drawn;
END $$;
ALTER TABLE ticket_tiers ADD COLUMN code text;
UPDATE ticket_tiers SET code = new_tier_code() WHERE code IS NULL;
ALTER TABLE ticket_tiers ALTER COLUMN code SET DEFAULT new_tier_code(),
    ADD CONSTRAINT ticket_tiers_code_check CHECK (code IS NOT NULL AND code ~ '^[A-Z0-9][A-Z0-9-]{2,15}$'),
    ADD CONSTRAINT ticket_tiers_code UNIQUE (code);
"""


def upgrade() -> None:
    """Create the tables, and give each tier its code."""
    op.execute(TABLES)
    op.get_bind().exec_driver_sql(CODES)
