"""A deleted account does nothing more (UM-009, DP-002): the rows by which people act are refused to it.

An access token outlives its account by some minutes, and an order may be on its way while its buyer is being deleted.
The lock settles who comes first. Deletion takes the person's row FOR UPDATE (people.lock_for_deletion): so it waits for
whoever has got the row here, and sees what they have added; whoever comes later waits here, and finds the account gone.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# The argument names the column: NEW has only those of its table, so that each is looked at in a branch of its own.
# BEFORE, so that an order waits before it locks the tiers; their foreign keys would wait at the statement's end.
FUNCTION = """
CREATE FUNCTION refuse_deleted_account() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    person uuid;
BEGIN
    IF TG_ARGV[0] = 'user_id' THEN person := NEW.user_id;
    ELSIF TG_ARGV[0] = 'organizer_id' THEN person := NEW.organizer_id;
    ELSE person := NEW.created_by;
    END IF;
    PERFORM FROM users WHERE id = person AND NOT is_deleted FOR KEY SHARE;
    IF NOT FOUND AND person IS NOT NULL THEN
        RAISE EXCEPTION 'account % is gone', person
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'account_is_there';
    END IF;
    RETURN NEW;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER account_is_there BEFORE INSERT ON orders
    FOR EACH ROW EXECUTE FUNCTION refuse_deleted_account('user_id');
CREATE TRIGGER account_is_there BEFORE INSERT ON bank_accounts
    FOR EACH ROW EXECUTE FUNCTION refuse_deleted_account('user_id');
CREATE TRIGGER account_is_there BEFORE INSERT ON cookie_consents
    FOR EACH ROW EXECUTE FUNCTION refuse_deleted_account('user_id');
CREATE TRIGGER account_is_there BEFORE INSERT ON event_staff
    FOR EACH ROW EXECUTE FUNCTION refuse_deleted_account('user_id');
CREATE TRIGGER account_is_there BEFORE INSERT ON users
    FOR EACH ROW WHEN (NEW.role = 'staff') EXECUTE FUNCTION refuse_deleted_account('organizer_id');
CREATE TRIGGER account_is_there BEFORE INSERT ON promos
    FOR EACH ROW EXECUTE FUNCTION refuse_deleted_account('created_by');
CREATE TRIGGER account_is_there BEFORE INSERT ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_deleted_account('organizer_id');
CREATE TRIGGER publisher_is_there BEFORE UPDATE OF status ON events
    FOR EACH ROW WHEN (NEW.status = 'published' AND OLD.status <> 'published')
    EXECUTE FUNCTION refuse_deleted_account('organizer_id');
"""


def upgrade() -> None:
    """Add the function and a trigger for each way to act."""
    op.execute(FUNCTION)
    op.execute(TRIGGERS)
