"""A real PostgreSQL for everybody, migrated once; each test module finds its database empty."""

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import hypothesis
import pytest
from xdist.remote import Producer

from infra.local.postgres import Postgres
from shared.cloud import clients, secrets
from tests import log_scanner, mail_events, migrated_cluster, outside, processes, product_database, scheduling
from tests.doubles import Doubles, Published, Scheduled
from tests.folders import a_folder
from tests.reused_database import ReusedDatabase
from tests.stack import stack_secrets
from tests.stored_files import StoredFiles

EXPLORES = bool(os.environ.get("EXPLORE"))
"""Whether the random tests take new paths (`make explore`). They walk the same ones otherwise, so that a red suite
is about the change at hand."""
hypothesis.settings.register_profile(
    "busy",  # a machine that does something else for a moment falsifies nothing
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    derandomize=not EXPLORES,
    max_examples=400 if EXPLORES else 40,
    database=None,
)
hypothesis.settings.load_profile("busy")

SECRETS = {
    "jwt-signing-key": "test-only-jwt-signing-key-of-enough-length",
    "ticket-signing-key": "test-only-ticket-signing-key",
    "ticket-qr-key": "test-only-ticket-qr-key",
    "code-signing-key": "test-only-code-signing-key",
    "unsubscribe-signing-key": "test-only-unsubscribe-signing-key",
    "field-encryption-key": "test-only-field-encryption-key",
    "fingerprint-key": "test-only-fingerprint-key",
    "waiting-room-key": "test-only-waiting-room-key-of-enough-length",
    "xendit-api-key": "xnd_development_test",
    "xendit-callback-token": "test-only-callback-token",
    "midtrans-server-key": "SB-Mid-server-test",
    "midtrans-client-key": "SB-Mid-client-test",
    "whatsapp-access-token": "test-only-whatsapp-access-token",
    "whatsapp-app-secret": "contoh-app-secret",
    "whatsapp-verify-token": "contoh-verify-token",
    "sendgrid-api-key": "SG.test",
    "sendgrid-webhook-key": mail_events.PUBLIC_KEY,
}


ENVIRONMENT = {
    **outside.ENVIRONMENT,
    "DATABASE_ROLE": "karcis_app",  # no more rights than in the cloud
    "SHARED_CACHE": "off",  # tests of these four turn them on
    "CONSTANT_TIME": "off",
    "RATE_LIMITS": "off",
    "CANCELLATION_APPROVAL": "optional",  # one admin is enough where the test is about something else
    "BANK_ACCOUNT_WAIT_SECONDS": "0",
    "SECOND_FACTOR_FOR_ADMINS": "optional",
    "BCRYPT_COST": "4",  # the least there is: a hash takes a millisecond
    "POOL_SIZE": "24",  # hundreds wait their turn
    "POOL_TIMEOUT_SECONDS": "60",
    "LOCK_TIMEOUT_MS": "60000",
    "STATEMENT_TIMEOUT_MS": "90000",
}
"""The settings of every test, whether or not another one ran before it in the same process."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose the settings before a test module is imported, the order and a folder for all before a worker starts."""
    os.environ.update(ENVIRONMENT)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process that a test starts compiles every module anew
    sys.dont_write_bytecode = False
    scheduling.draw_numbers()
    if migrated_cluster.FOLDER not in os.environ:
        shared = ExitStack()
        config.add_cleanup(shared.close)
        os.environ[migrated_cluster.FOLDER] = str(shared.enter_context(a_folder()))


def pytest_report_header() -> Sequence[str]:
    return scheduling.header()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        processes.mark(item)
    scheduling.arrange(items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the garbage collector from all that the tests share, and from looking for more garbage than there is.

    It takes a sixth of the processor time of collecting, and a tenth of the tests'.
    """
    gc.disable()
    result = yield
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    gc.enable()
    return result


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> scheduling.Scheduling | None:
    return scheduling.scheduler(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    processes.begin(item)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this test process, with the migrated database `template`."""
    with a_folder() as folder:
        server = Postgres(folder, settings=migrated_cluster.FAST)
        migrated_cluster.begin(server)
        with server:
            yield server


@pytest.fixture(scope="session")
def reused_database(postgres: Postgres) -> Iterator[ReusedDatabase]:
    """The migrated database of one module after the other."""
    postgres.create_database("reused", template=migrated_cluster.TEMPLATE)
    reused = ReusedDatabase(postgres, "reused")
    yield reused
    reused.close()


@pytest.fixture(scope="module")
def database(reused_database: ReusedDatabase) -> Iterator[str]:
    """An empty migrated database, which the product uses until the module ends. Gives its URL.

    A module that changes its schema or its statistics takes `own_database` instead.
    """
    reused_database.end_transactions()
    reused_database.empty()
    with _in_use(reused_database.url) as url:
        engine = reused_database.product_engine()
        clients.engine.provide(engine)
        yield url
        if clients.engine() is engine:
            clients.engine.provide(None)


@pytest.fixture(scope="module")
def own_database(postgres: Postgres) -> Iterator[str]:
    """The same, but new, and dropped when the module ends."""
    with migrated(postgres) as url:
        yield url


@contextmanager
def migrated(postgres: Postgres) -> Iterator[str]:
    """A new migrated database, which the product uses until the block ends. Gives its URL."""
    name = f"test_{uuid4().hex[:12]}"
    postgres.create_database(name, template=migrated_cluster.TEMPLATE)
    try:
        with _in_use(postgres.url(name)) as url:
            yield url
    finally:
        postgres.drop_database(name)


@contextmanager
def _in_use(url: str) -> Iterator[str]:
    product_database.use(url)
    secrets.provide(SECRETS)
    try:
        yield url
    finally:
        if clients.engine.is_built:
            clients.engine().dispose()
            clients.engine.provide(None)


@pytest.fixture(scope="session", autouse=True)
def scanned_session() -> Iterator[None]:
    """Nothing that is logged may tell on anybody, at the session's end either (SEC-013)."""
    log_scanner.scanner.keep_secret([*SECRETS.values(), *stack_secrets().values()])
    log_scanner.listen()
    yield
    log_scanner.scanner.check()


@pytest.fixture(autouse=True)
def doubles() -> Iterator[Doubles]:
    """Every test has the same secrets and its own stand-ins for Google Cloud, and its logs tell on nobody.

    One fixture for all of it: each that every test uses costs a second of processor in a run.
    """
    secrets.provide(SECRETS)
    cloud = Doubles()
    clients.publisher.provide(cloud.published)  # type: ignore[arg-type]
    clients.tasks.provide(cloud.scheduled)  # type: ignore[arg-type]
    clients.storage.provide(cloud.files)  # type: ignore[arg-type]
    yield cloud
    clients.publisher.provide(None)
    clients.tasks.provide(None)
    clients.storage.provide(None)
    log_scanner.scanner.check()


@pytest.fixture
def published(doubles: Doubles) -> Published:
    """The messages that the test's own process publishes: recorded, not sent."""
    return doubles.published


@pytest.fixture
def scheduled(doubles: Doubles) -> Scheduled:
    """The Cloud Tasks that the test's own process asks for: recorded, not run."""
    return doubles.scheduled


@pytest.fixture
def files(doubles: Doubles) -> StoredFiles:
    """Cloud Storage for the test's own process: an empty one, in memory."""
    return doubles.files
