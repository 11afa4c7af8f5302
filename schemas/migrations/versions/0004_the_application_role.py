"""The product's own rights in the database: everything but to change its own history (SEC-006).

Functions log in as users that are members of `karcis_app` (Terraform makes them). The owner of the tables,
who runs the migrations, is somebody else. Triggers refuse a change of the books and the audit trail to
everybody; this role lacks the right as well, and can't take the triggers away.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Roles belong to the whole server: another database on it may have made this one. In Cloud SQL the right to make roles
# is cloudsqlsuperuser's: its members, of whom the pipeline is one, don't inherit it, so they become it for a moment.
ROLE = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'karcis_app') THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'cloudsqlsuperuser') THEN
        SET ROLE cloudsqlsuperuser;
    END IF;
    CREATE ROLE karcis_app NOLOGIN;
    RESET ROLE;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;  -- made in this moment by somebody else
END $$;
"""

RIGHTS = """
GRANT USAGE ON SCHEMA public TO karcis_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO karcis_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO karcis_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO karcis_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO karcis_app;
REVOKE UPDATE, DELETE ON audit_log, ledger_postings, ledger_entries FROM karcis_app;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM karcis_app;
"""


def upgrade() -> None:
    """Make the role, and give it its rights."""
    op.execute(ROLE)
    op.execute(RIGHTS)
