"""The functions' logins get the product's rights, all of them and no others."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from infra.deploy.grants import grant, logins
from shared.cloud.clients import make_engine


@pytest.fixture
def owner(database: str):
    engine = make_engine()
    yield engine
    engine.dispose()


def test_every_login_becomes_a_member_once_and_again(owner):
    quoted = [f'"{name}"' for name in logins()]
    with owner.begin() as tx:
        for name in quoted:
            tx.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
    try:
        for _ in range(2):
            with owner.begin() as tx:
                grant(tx, logins())
        with owner.begin() as tx:
            members = tx.execute(
                text("SELECT member::regrole::text FROM pg_auth_members WHERE roleid = 'karcis_app'::regrole")
            ).scalars()
            assert set(quoted) <= set(members)
            tx.exec_driver_sql(f"SET LOCAL ROLE {quoted[0]}")
            assert tx.exec_driver_sql("SELECT has_table_privilege('orders', 'INSERT')").scalar_one()
            assert not tx.exec_driver_sql("SELECT has_table_privilege('audit_log', 'UPDATE')").scalar_one()
    finally:
        with owner.begin() as tx:
            tx.exec_driver_sql(f"DROP ROLE {', '.join(quoted)}")  # roles are the server's, not this database's


def test_a_login_that_is_missing_is_an_error(owner):
    with pytest.raises(ProgrammingError, match="does not exist"), owner.begin() as tx:
        grant(tx, ["fn-nobody@example.iam"])
