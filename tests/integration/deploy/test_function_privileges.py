"""Each function's login gets the rights of its function, all of them and no others."""

import ast
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from infra.deploy import privileges
from schemas import database_roles
from shared.cloud import permissions
from shared.cloud.clients import make_engine
from shared.cloud.database import transaction
from shared.cloud.permissions import Permissions


@pytest.fixture
def owner(own_database: str) -> Iterator[Connection]:
    """The owner of the tables, who is undone at the end: roles are the server's, not this database's."""
    engine = make_engine()
    with engine.connect() as connection:
        connection.begin()
        yield connection
        connection.rollback()
    engine.dispose()


def may(tx: Connection, role: str, table: str, privilege: str) -> bool:
    query = text("SELECT has_table_privilege(:role, :table, :privilege)")
    allowed: bool = tx.execute(query, {"role": role, "table": table, "privilege": privilege}).scalar_one()
    return allowed


def a_login(tx: Connection, name: str) -> dict[str, str]:
    login = f"fn-{name}@example.iam"
    tx.exec_driver_sql(f'CREATE ROLE "{login}" LOGIN')
    return {name: login}


def test_a_login_has_the_rights_of_its_function_and_no_others(owner: Connection):
    [login] = a_login(owner, "reserve").values()
    for _ in range(2):
        privileges.grant_functions(owner)
        privileges.add_members(owner, {"reserve": login})
    assert may(owner, login, "orders", "INSERT")
    assert may(owner, login, "ticket_tiers", "UPDATE")
    for table in ("payouts", "bank_accounts", "refunds", "webhook_events", "login_attempts"):
        assert not may(owner, login, table, "SELECT"), table
    assert not may(owner, login, "orders", "DELETE")


def test_no_function_rewrites_what_happened(owner: Connection):
    for name in privileges.needed():
        role = permissions.database_role(name)
        assert not may(owner, role, "audit_log", "UPDATE")
        assert not may(owner, role, "ledger_entries", "DELETE")
        assert not may(owner, role, "alembic_version", "UPDATE")


def test_what_the_code_of_before_held_is_told_and_taken_away(owner: Connection):
    users = a_login(owner, "reserve")
    owner.exec_driver_sql("GRANT SELECT ON payouts TO karcis_reserve")
    owner.exec_driver_sql(f'GRANT karcis_app TO "{users["reserve"]}"')
    statements = privileges.excess(owner, users)
    assert statements == [
        f'REVOKE karcis_app FROM "{users["reserve"]}"',
        "REVOKE SELECT ON payouts FROM karcis_reserve",
    ]
    for statement in statements:
        owner.exec_driver_sql(statement)
    assert privileges.excess(owner, users) == []
    assert not may(owner, users["reserve"], "payouts", "SELECT")


@pytest.mark.parametrize("role", ["cloudsqlsuperuser", "karcis_app", "karcis_checkout", "pg_read_all_data"])
@pytest.mark.parametrize("member", ["login", "role"])
def test_a_function_that_is_a_member_of_any_other_role_is_refused(owner: Connection, role: str, member: str):
    owner.exec_driver_sql("CREATE ROLE cloudsqlsuperuser CREATEROLE NOLOGIN")
    users = a_login(owner, "reserve")
    privileges.grant_functions(owner)
    privileges.add_members(owner, users)
    privileges.require_own_roles(owner, users)
    name = {"login": users["reserve"], "role": "karcis_reserve"}[member]
    owner.exec_driver_sql(f'GRANT {role} TO "{name}"')
    with pytest.raises(privileges.UnexpectedMembership, match=f"^{name} is a member of {role}$"):
        privileges.require_own_roles(owner, users)
    for statement in privileges.excess(owner, users):
        owner.exec_driver_sql(statement)
    privileges.require_own_roles(owner, users)


def test_a_login_that_is_missing_is_an_error(owner: Connection):
    with pytest.raises(ProgrammingError, match="does not exist"):
        privileges.add_members(owner, {"reserve": "fn-nobody@example.iam"})


@pytest.mark.usefixtures("own_database")
def test_where_functions_share_a_process_each_acts_as_itself():
    def role_and_payouts() -> tuple[str, bool]:
        with transaction() as tx:
            query = "SELECT current_user::text, has_table_privilege('payouts', 'SELECT')"
            role, reads = tx.exec_driver_sql(query).one()
        return role, reads

    assert role_and_payouts() == ("karcis_app", True)
    with permissions.run_as(Permissions("reserve", frozenset())):
        assert role_and_payouts() == ("karcis_reserve", False)
        with pytest.raises(ProgrammingError, match="permission denied"), transaction() as tx:
            tx.exec_driver_sql("SELECT 1 FROM payouts")
    assert role_and_payouts() == ("karcis_app", True)


def test_reconcile_may_compact_the_figures_of_reports(owner: Connection):
    privileges.grant_functions(owner)
    for table in ("daily_figures", "daily_payments"):
        assert may(owner, permissions.database_role("reconcile"), table, "DELETE")
        assert may(owner, permissions.database_role("reconcile"), table, "INSERT")


def test_a_statement_that_hides_the_table_it_changes_is_refused(monkeypatch: pytest.MonkeyPatch):
    module = ast.parse('clear = text(f"DELETE FROM {table} WHERE id = :id")')
    monkeypatch.setattr(database_roles, "_tree", lambda _: module)
    database_roles._statements.cache_clear()
    try:
        with pytest.raises(LookupError, match="only a value names"):
            database_roles.privileges_of("shared.hidden")
    finally:
        database_roles._statements.cache_clear()
