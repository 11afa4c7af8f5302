"""Promo codes that waive the platform's fee: whoever issues the code pays it in the buyer's place (TS-006, FN-001)."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE promos ADD COLUMN waives_fee boolean NOT NULL DEFAULT false;
ALTER TABLE order_items
    ADD COLUMN waived_fee bigint NOT NULL DEFAULT 0,  -- the fee that the code's issuer pays, and not the buyer
    ADD COLUMN platform_waived_fee bigint NOT NULL DEFAULT 0,  -- the part of it that the platform pays
    ADD CONSTRAINT order_items_waived_fee CHECK (waived_fee >= 0 AND (waived_fee = 0 OR platform_fee = 0)),
    ADD CONSTRAINT order_items_platform_waived_fee CHECK (platform_waived_fee BETWEEN 0 AND waived_fee);
"""

# A cancelled event's refund of 0 gives a waived fee back to whoever paid it.
REFUNDS = """
ALTER TABLE refunds
    DROP CONSTRAINT refunds_amount_check,
    ADD CONSTRAINT refunds_amount_check
        CHECK (amount > 0 OR (amount = 0 AND kind IN ('requested', 'cancellation')));
"""


def upgrade() -> None:
    """Add the columns: no code waives a fee until its issuer says so."""
    op.execute(COLUMNS)
    op.execute(REFUNDS)
