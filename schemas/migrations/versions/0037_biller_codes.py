"""Bills at Bank Mandiri: the code of the company to which a bill's number belongs (PS-001, PS-004)."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: payments of before have none."""
    op.execute("ALTER TABLE payments ADD COLUMN biller_code text")
