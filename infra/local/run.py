"""`make run`: the whole product on this machine, at one address, until Ctrl-C.

    PORT (8080)  DATA_DIR (.data)  SEED (1; 0 starts empty)  DATABASE_URL (none: an embedded PostgreSQL)

and every setting of shared/cloud/settings.py. A second start on the same DATA_DIR goes on where the
first one ended, however it ended.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import requests
from sqlalchemy import create_engine, make_url, text

from infra.local.child import Child
from infra.local.layout import HOST, PROCESSES_FILE, WEB_THREADS, WEB_WORKERS, Layout, layout
from infra.local.postgres import Postgres
from shared.cloud import loopback

ROOT = Path(__file__).parents[2]
READY_WITHIN_SECONDS = 180
STOP_WITHIN_SECONDS = 15


class NotReady(RuntimeError):
    """Something did not come up; the message says what, and what to look at."""


def main() -> int:
    """Start everything, print where it is, and wait."""
    data_dir = Path(os.environ.get("DATA_DIR", ".data")).absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    port = int(os.environ.get("PORT", "8080"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with ExitStack() as running:
            database_url, store_url = running.enter_context(_databases(data_dir))
            chosen = layout(data_dir, port=port, database_url=database_url, store_url=store_url)
            os.environ.update(chosen.environment(os.environ))
            _forget_counters(chosen.metrics_dir)
            _start(running, chosen, data_dir)
            _welcome(chosen)
            _finish_demo(running)
            return _watch(running)
    except NotReady as fault:
        print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _start(running: ExitStack, chosen: Layout, data_dir: Path) -> None:
    jobs = data_dir / "jobs.json"
    children = _servers(running, chosen, jobs)
    (data_dir / PROCESSES_FILE).write_text(json.dumps({name: child.pid for name, child in children.items()}))
    from infra.local import media_addresses, provision, seed

    provision.write_jobs(jobs)
    children["cloud"].tell()
    _migrate()
    _until_answers(f"{chosen.cloud_url}/healthz", "the local cloud")
    provision.provision()
    media_addresses.move_to(os.environ["MEDIA_BASE_URL"])
    if os.environ.get("SEED", "1") != "0":
        seed.seed()  # before anybody is served: who finds us ready finds the demo event
    children["simulators"].tell()
    children["web"].tell()
    _until_answers(f"{chosen.public_url}/readyz", "the product")
    _until_answers(f"http://{HOST}:{chosen.simulators_port}/simulators/", "the simulators")


def _servers(running: ExitStack, chosen: Layout, jobs: Path) -> dict[str, Child]:
    """The processes that serve, which wait to be told. They end in the opposite order."""
    # Only now: what these import reads the environment.
    from infra.local import serve
    from infra.local.cloud import server

    serve.import_everything()
    cloud = ["--database-url", chosen.store_url, "--grpc-port", str(chosen.grpc_port), "--jobs", str(jobs)]
    workers = int(os.environ.get("WEB_WORKERS", WEB_WORKERS))
    threads = int(os.environ.get("WEB_THREADS", WEB_THREADS))
    serving: dict[str, Callable[[], int | None]] = {
        "cloud": partial(server.main, [*cloud, "--http-port", str(chosen.cloud_port)]),
        "simulators": partial(serve.simulators, chosen.simulators_port),
        "web": partial(serve.product, chosen.port, workers=workers, threads=threads),
    }
    for name, serves in serving.items():
        _children[name] = Child(serves)
        running.callback(_children[name].stop)
    return _children


def _forget_counters(folder: Path) -> None:
    """Counters begin with the processes that count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


@contextmanager
def _databases(data_dir: Path) -> Iterator[tuple[str, str]]:
    """The product's database and the local cloud's: on the server given, or on an embedded one."""
    given = os.environ.get("DATABASE_URL")
    if given:
        url = make_url(given).set(drivername="postgresql+pg8000")
        name = f"{url.database}_local"
        _create_database(url.render_as_string(hide_password=False), name)
        yield (url.render_as_string(hide_password=False), url.set(database=name).render_as_string(hide_password=False))
        return
    with Postgres(data_dir / "postgres") as server:
        for name in ("karcis", "karcis_local"):
            server.create_database(name)
        os.environ.setdefault("DATABASE_ROLE", "karcis_app")  # the owner's rights are for the migrations
        yield server.url("karcis"), server.url("karcis_local")


def _create_database(url: str, name: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args=loopback.connect_args(url))
    with engine.connect() as connection:
        there = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first()
        if not there:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()


def _migrate() -> None:
    from alembic import command
    from alembic.config import Config

    command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
    if os.environ.get("DATABASE_ROLE"):
        _give_roles()


def _give_roles() -> None:
    """The roles of the functions, which they take as in the cloud (shared/cloud/clients.py)."""
    from infra.deploy import privileges
    from shared.cloud.clients import make_engine

    owner = make_engine()
    with owner.begin() as tx:
        privileges.grant_functions(tx)
    owner.dispose()


@contextmanager
def _process(module: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", module], cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


_children: dict[str, Child] = {}


def _until_answers(url: str, what: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    with requests.Session() as session:
        session.trust_env = False  # what listens here is behind no proxy
        while time.monotonic() < deadline:
            if any(child.exit_status is not None for child in _children.values()):
                raise NotReady(f"{what} did not start: one of its processes ended. Its last lines are above.")
            if _answers(session, url):
                return
            time.sleep(0.05)
    raise NotReady(f"{what} did not answer at {url} within {READY_WITHIN_SECONDS} s.")


def _answers(session: requests.Session, url: str) -> bool:
    try:
        return session.get(url, timeout=2).status_code < 500
    except requests.RequestException:
        return False


def _welcome(chosen: Layout) -> None:
    from infra.local import seed

    print(f"local cloud: {chosen.cloud_url}")
    print(f"ready: {chosen.public_url}   (simulators and inbox are linked there; Ctrl-C ends it)")
    for line in seed.accounts():
        print(f"  {line}")
    sys.stdout.flush()


def _finish_demo(running: ExitStack) -> None:
    """Have drawn and sold what the demo events lack, while the product is used already."""
    from infra.local.demo import finishing

    if os.environ.get("SEED", "1") != "0" and finishing.is_needed():
        running.enter_context(_process("infra.local.demo.finishing"))


def _watch(running: ExitStack) -> int:
    """Wait until one of the processes ends by itself, which ends all."""
    del running
    while True:
        for child in _children.values():
            status = child.wait(0.5)
            if status is not None:
                return status or 1


if __name__ == "__main__":
    sys.exit(main())
