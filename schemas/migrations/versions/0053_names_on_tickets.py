"""Tickets keep the name that their codes were made with, when a buyer changes their own (OFFLINE-1, NAME-1).

A ticket without a named holder shows its buyer's name, which is in its code too. A gate without network knows codes by
their hash, so another name made an unknown code of a good ticket. And a new holder is a correction with a deadline.
"""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

# With its owner's rights: whoever may change a name need not have the right to change what was sold.
KEEP_NAME = """
CREATE FUNCTION keep_name_on_tickets() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE order_items i SET attendee_name = OLD.full_name
    FROM orders o, ticket_tiers c  -- Uses indexes: orders_user, order_items_position
    WHERE o.user_id = NEW.id AND o.status = 'paid' AND i.order_id = o.id AND i.attendee_name IS NULL
        AND c.id = i.tier_id AND c.kind IN ('ticket', 'registration');
    RETURN NULL;
END $$;
CREATE TRIGGER keep_name_on_tickets AFTER UPDATE OF full_name ON users
    FOR EACH ROW WHEN (NEW.full_name <> OLD.full_name AND NOT NEW.is_deleted)
    EXECUTE FUNCTION keep_name_on_tickets();
"""


def upgrade() -> None:
    """Create the trigger."""
    op.get_bind().exec_driver_sql(KEEP_NAME)
