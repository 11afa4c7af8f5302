"""R-005, R-006: a backup of a selling product is restored into a fresh server, and proven; damage is named."""

import gzip
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Engine, text

from infra.deploy import backups, drill
from infra.local.postgres import Postgres
from tests import forked
from tests.folders import a_folder
from tests.people import World
from tests.processes import starts_processes
from tests.stack import Stack


@pytest.fixture(scope="module")
@starts_processes
def shop() -> Iterator[Stack]:
    """A product of its own: what other tests do to theirs would be told here."""
    with a_folder() as folder:
        running = Stack(folder, RATE_LIMITS="off", WEB_WORKERS="1")
        try:
            running.start()
            _trade(World(running))
            yield running
        finally:
            running.stop()


def _trade(world: World) -> None:
    """Purchases at both gateways, one that is being paid, one that is only held."""
    event = world.somebody("organizer").publish({"name": "Festival", "price": 150_000, "quota": 100})
    for gateway in ("xendit", "midtrans"):
        world.somebody().buy(event, gateway=gateway)
    paying = world.somebody()
    paying.checkout(paying.reserve(event, [2]), "xendit")
    world.somebody().reserve(event)


@pytest.fixture
def database(shop: Stack) -> Iterator[Engine]:
    with shop.database() as engine:
        yield engine


class Done(NamedTuple):
    """How a drill has ended, and what it said."""

    returncode: int | None
    output: str


def run(shop: Stack, *arguments: str, database: str | None = None) -> Done:
    """Call the drill as an operator does, who names the product's database unless another one is given."""
    url = Postgres(shop.data_dir / "postgres").url("karcis") if database is None else database
    environment = os.environ | {"DATABASE_URL": url, "DATABASE_ROLE": ""}
    process, output = forked.start(partial(drill.main, list(arguments)), environment)
    with output:
        told = output.read()
    process.join()
    return Done(process.exitcode, told)


@pytest.mark.parametrize("arguments", [(), ("--export",), ("--in-place",)])
@pytest.mark.slow("it sells in a product of its own, and restores a backup into a fresh server")
def test_what_was_sold_is_whole_after_a_restore(shop: Stack, arguments: tuple[str, ...]):
    done = run(shop, *arguments)
    assert done.returncode == 0, done.output
    assert done.output.endswith("whole\n")


def test_an_export_out_of_the_vault_is_proven_without_its_source(shop: Stack, tmp_path: Path):
    source = Postgres(shop.data_dir / "postgres")
    packed = backups.export(source.url("karcis"), tmp_path / "karcis.sql.gz", source.bin_dir).file
    unpacked = tmp_path / "karcis.sql"
    unpacked.write_bytes(gzip.decompress(packed.read_bytes()))
    done = run(shop, "--export", str(unpacked), database="")
    assert done.returncode == 0, done.output
    assert done.output.endswith("whole\n")
    assert "dumped" not in done.output


def test_a_damaged_database_is_told_and_named(shop: Stack, database: Engine):
    with database.begin() as owner:
        owner.execute(text("UPDATE ticket_tiers SET sold = sold + 1"))
    try:
        done = run(shop)
    finally:
        with database.begin() as owner:
            owner.execute(text("UPDATE ticket_tiers SET sold = sold - 1"))
    assert done.returncode == 1
    assert "WRONG  reserved and sold equal the orders behind them: 1 rows" in done.output


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE alembic_version SET version_num = '0010'", "migrations: it is at 0010"),
        ("GRANT DELETE ON ledger_entries TO karcis_app", "ledger_entries: the product may change it"),
        (
            "INSERT INTO outbox (topic, payload, attributes) VALUES ('nobody.hears', '{}', '{}')",
            "outbox: 1 messages can't be published",
        ),
        (
            "ALTER TABLE ledger_entries DISABLE TRIGGER USER;"
            " DELETE FROM ledger_entries WHERE id = (SELECT max(id) FROM ledger_entries)",
            "every posting sums to zero: 1 rows",
        ),
        (
            "UPDATE tickets SET status = 'void'",
            "an order whose tickets are issued has one for each seat that was not given back: 2 rows",
        ),
    ],
)
def test_every_kind_of_damage_has_its_words(database: Engine, damage: str, told: str):
    with database.connect() as connection:
        assert drill.problems(connection) == []
        connection.exec_driver_sql(damage)
        [problem] = drill.problems(connection)
        connection.rollback()
    assert problem.startswith(told)


def test_rows_that_are_missing_are_told_by_table():
    assert drill.differences({"orders": 3, "tickets": 2}, {"orders": 3, "tickets": 1}) == [
        "tickets: 2 rows in the source, 1 restored"
    ]
    assert drill.differences({"orders": 3}, {}) == ["orders: 3 rows in the source, None restored"]
    assert drill.differences({"orders": 3}, {"orders": 3}) == []
