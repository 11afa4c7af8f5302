"""Reports are read from the replica where there is one, and from the primary where there is none or it is away."""

import logging
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text

from infra.local.postgres import Postgres
from shared.cloud import clients, database
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from tests.factories import Event, a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.reports.steps import sales


@pytest.fixture
def use_replica(own_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Have reports read from the replica at this URL."""

    def use(url: str) -> None:
        monkeypatch.setenv("REPLICA_URL", url)
        forget()

    yield use
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Begin anew, as a new instance does."""
    if clients.replica_engine.is_built:
        clients.replica_engine().dispose()
    clients.replica_engine.provide(None)
    database._replica_breaker.reset()
    settings.cache_clear()


@pytest.fixture
def event(own_database: str) -> Event:
    with transaction() as tx:
        event = an_event(tx)
    a_paid_order(event)
    return event


def sold(event: Event, by: Principal | None = None) -> int:
    told: int = sales(event, by=by)["report_card"]["sold"]
    return told


def test_a_report_is_what_the_replica_knows_and_the_look_is_audited_by_the_primary(
    event: Event, own_database: str, postgres: Postgres, use_replica: Callable[[str], None]
):
    name = f"replica_{uuid4().hex[:8]}"
    clients.engine().dispose()  # nobody may be connected to what is copied
    postgres.create_database(name, template=make_url(own_database).database)
    a_paid_order(event)
    assert sold(event) == 2
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    use_replica(postgres.url(name))
    assert sold(event, by=admin) == 1
    with transaction() as tx:
        looks = text("SELECT count(*) FROM audit_log WHERE action = 'admin.read' AND actor_id = :id")
        assert tx.execute(looks, {"id": admin.id}).scalar_one() == 1
    forget()
    postgres.drop_database(name)


def test_the_primary_answers_while_the_replica_is_away_and_is_not_asked_again_at_once(
    event: Event, use_replica: Callable[[str], None], caplog: pytest.LogCaptureFixture
):
    use_replica("postgresql+pg8000://nobody@127.0.0.1:1/away")
    with caplog.at_level(logging.WARNING):
        assert [sold(event), sold(event)] == [1, 1]
    assert [record.message for record in caplog.records].count("database.replica_unreachable") == 1
