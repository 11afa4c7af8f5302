"""pgAudit's half that is the database's: without the extension its flags (infra/terraform/database.tf) record little.

It records changes of tables and of roles. It does not record what the product reads or writes: that is people's data,
and a line for each statement.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Elsewhere than in Cloud SQL it may be there and not be loaded, or need a superuser: whoever runs that server decides.
EXTENSION = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pgaudit')
        AND EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'cloudsqlsuperuser') THEN
        CREATE EXTENSION IF NOT EXISTS pgaudit;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Switch it on in this database, where it can be had."""
    op.execute(EXTENSION)
