"""Bank accounts that wait, can be frozen, and bear the name of who is paid (FN-007, FN-008).

Owners of accounts are compared by the name they have now. Accounts that are there need not wait.
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

ACCOUNTS = """
ALTER TABLE users
    ADD COLUMN legal_name text CHECK (length(legal_name) BETWEEN 1 AND 255),  -- NULL: as full_name
    ADD COLUMN payee_name text CHECK (length(payee_name) BETWEEN 1 AND 255);  -- set with the first bank account
UPDATE users SET payee_name = full_name
    WHERE NOT is_deleted AND EXISTS (SELECT 1 FROM bank_accounts b WHERE b.user_id = users.id);

ALTER TABLE bank_accounts
    ADD COLUMN waits_until timestamptz,  -- NULL: it need not wait
    ADD COLUMN is_frozen boolean NOT NULL DEFAULT false,
    ADD COLUMN has_payee_name boolean;  -- whether its holder is the payee; NULL: not compared yet

CREATE FUNCTION refuse_transfer_to_held_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM bank_accounts WHERE id = NEW.bank_account_id
            AND (is_frozen OR waits_until > clock_timestamp())) THEN
        RAISE EXCEPTION 'bank account % waits or is frozen', NEW.bank_account_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursements_account_usable';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_is_usable BEFORE INSERT ON disbursements
    FOR EACH ROW EXECUTE FUNCTION refuse_transfer_to_held_account();
"""


def upgrade() -> None:
    """Add the columns, and the guard."""
    op.execute(ACCOUNTS)
