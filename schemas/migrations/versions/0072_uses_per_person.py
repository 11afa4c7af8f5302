"""A promo code's uses per person are counted over all accounts of one mailbox, as the limits of an event are (LIMIT-1).

`promo_users` counts by account. Who uses a code locks its row first (`promos.COUNT_USES`), and a trigger then sees
what was committed before it: of two aliases that order at the same moment, the second one is refused.
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


def upgrade() -> None:
    """Add the trigger. Who has used a code more often already keeps those uses, and has none left."""
    op.execute(LIMIT)
