"""Things that people give us and may take back: a photo, files that must go for good, the choice about cookies."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PHOTO = """
ALTER TABLE users ADD COLUMN photo_object text;  -- its name in the media bucket
"""

DISPOSAL = """
CREATE TABLE stale_objects (  -- files to delete: the row is written with the change that makes them stale
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bucket text NOT NULL,
    prefix text NOT NULL CHECK (length(prefix) >= 8),  -- all objects whose names begin so; never a whole bucket
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stale_objects_due ON stale_objects (due_at);
"""

COOKIES = """
CREATE TABLE cookie_consents (  -- what a visitor chose, and of which list of cookies; rows are only ever added
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid REFERENCES users (id),  -- NULL: nobody was signed in, or the account was deleted
    version text NOT NULL,
    categories text[] NOT NULL,
    chosen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cookie_consents_user ON cookie_consents (user_id) WHERE user_id IS NOT NULL;
"""


def upgrade() -> None:
    """Add the column and the tables."""
    for part in (PHOTO, DISPOSAL, COOKIES):
        op.execute(part)
