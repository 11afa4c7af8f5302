"""Old and new code run side by side during a release: first only additions, what goes goes last."""

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from infra.deploy.migrate import CONFIG, Migration, UnsafeMigration, migration, target

ADDS = Migration("0005", contracts=False)
ADDS_MORE = Migration("0006", contracts=False)
TAKES = Migration("0007", contracts=True, takes_away=("DROP COLUMN",))


def test_additions_come_before_the_code():
    assert target([ADDS, ADDS_MORE, TAKES], "expand") == "0006"


def test_what_goes_goes_after_it():
    assert target([TAKES], "contract") == "0007"


def test_nothing_due_is_no_work():
    assert target([], "expand") is None
    assert target([], "contract") is None
    assert target([TAKES], "expand") is None


def test_taking_away_must_be_said():
    silent = Migration("0007", contracts=False, takes_away=("DROP COLUMN",))
    with pytest.raises(UnsafeMigration, match=r"0007 takes away .DROP COLUMN.: say `contracts = True`"):
        target([silent], "expand")


def test_nothing_is_added_after_something_went():
    with pytest.raises(UnsafeMigration, match="0008 expands after 0007 contracts"):
        target([TAKES, Migration("0008", contracts=False)], "expand")


def test_a_new_database_takes_everything_at_once():
    assert target([TAKES, Migration("0008", contracts=False)], "expand", is_new=True) == "0008"


def test_every_migration_of_ours_says_what_it_takes_away():
    scripts = ScriptDirectory.from_config(Config(str(CONFIG)))
    for found in map(migration, scripts.walk_revisions()):
        assert found.contracts or not found.takes_away, found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("ALTER TABLE orders DROP COLUMN promo_code", ("DROP COLUMN",)),
        ("drop table promos", ("DROP TABLE",)),
        ("ALTER TABLE orders RENAME COLUMN a TO b", ("RENAME COLUMN",)),
        ("ALTER TABLE orders ALTER COLUMN total SET  NOT NULL", ("ALTER COLUMN TOTAL SET NOT NULL",)),
        ("ALTER TABLE orders ADD COLUMN a text; DROP INDEX b; -- DROP TABLE c", ()),
        ("ALTER TABLE orders ALTER COLUMN a DROP NOT NULL", ()),
    ],
)
def test_what_takes_away(tmp_path, sql: str, found: tuple[str, ...]):
    (tmp_path / "versions").mkdir()
    source = (
        f'from alembic import op\nrevision = "1"\ndown_revision = None\ndef upgrade():\n    op.execute("""{sql}""")\n'
    )
    (tmp_path / "versions" / "1.py").write_text(source)
    assert migration(ScriptDirectory(str(tmp_path)).get_revision("1")).takes_away == found
