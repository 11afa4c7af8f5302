"""The chats of an account end with its sessions: what a mailed code opened once opens nothing afterwards (CHAT-4)."""

from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

# With its owner's rights: whoever may change a password need not have the right to change chats.
_UPGRADE = """
    CREATE FUNCTION erase_chats(account uuid) RETURNS void LANGUAGE sql AS $$
        WITH erased AS (
            UPDATE chat_senders SET messenger_id = NULL, phone = NULL, state = '{}', pending_action = NULL,
                order_id = NULL, notices = NULL, notices_changed_at = NULL, claimed_until = NULL
            WHERE user_id = account  -- Uses index: chat_senders_user
            RETURNING id),
        updates AS (DELETE FROM chat_updates WHERE sender_id IN (SELECT id FROM erased)),
        messages AS (DELETE FROM chat_messages WHERE sender_id IN (SELECT id FROM erased)),
        consents AS (DELETE FROM chat_consents WHERE sender_id IN (SELECT id FROM erased))
        DELETE FROM chat_email_codes WHERE sender_id IN (SELECT id FROM erased)
    $$;
    ALTER TABLE users ADD COLUMN sessions_ended_at timestamptz;
    COMMENT ON COLUMN users.sessions_ended_at IS 'when all sessions were ended last: the chats of an account end too';
    CREATE FUNCTION end_chats_with_sessions() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM erase_chats(NEW.id);
        RETURN NULL;
    END $$;
    CREATE TRIGGER chats_end_with_sessions AFTER UPDATE OF sessions_ended_at ON users FOR EACH ROW
        WHEN (NEW.sessions_ended_at IS DISTINCT FROM OLD.sessions_ended_at)
        EXECUTE FUNCTION end_chats_with_sessions();
"""


def upgrade() -> None:
    """Create the column, the functions and the trigger."""
    op.execute(_UPGRADE)
