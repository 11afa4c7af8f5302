"""Circuits of the payment gateways, shared by all instances (FAILOVER-1): a row for each API that has failed lately."""

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE gateway_circuits (
    gateway text NOT NULL,
    api text NOT NULL,
    failures integer NOT NULL CHECK (failures >= 0),
    failed_at timestamptz NOT NULL DEFAULT now(),
    open_until timestamptz,
    PRIMARY KEY (gateway, api)
)
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)
