"""The clients of Google services and the database engine: the only place that depends on the environment.

Each client is built at its first use and kept for the life of the instance, so that a function which never publishes
never imports Pub/Sub. Local servers are found through the emulator variables of Google's clients, and through two of
our own for the services that have none.
"""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shared.cloud import permissions
from shared.cloud.settings import settings

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession
    from google.cloud.firestore import Client as FirestoreClient
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient
    from google.cloud.storage import Client as StorageClient
    from google.cloud.tasks_v2 import CloudTasksClient
    from sqlalchemy import Engine

CONNECT_SECONDS = 10.0
"""The time-out of one attempt to connect to Cloud SQL; two take less than the shortest time-out of a function."""

ALIVE_SECONDS = 1.0
"""A connection that was used so recently is taken without asking the database whether it is still there."""

log = logging.getLogger(__name__)

T = TypeVar("T")
_building = threading.RLock()


class LazyClient(Generic[T]):
    """A value that is built at its first use, once per process. Thread-safe."""

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._value: T | None = None

    def __call__(self) -> T:
        """The value."""
        if self._value is None:
            with _building:
                if self._value is None:
                    self._value = self._build()
        return self._value

    @property
    def is_built(self) -> bool:
        """True if the value has been built."""
        return self._value is not None

    def provide(self, value: T | None) -> None:
        """Use `value` from now on; None builds anew at the next use (tests, and a forked worker)."""
        self._value = value


@LazyClient
def engine() -> "Engine":
    """The pool of PostgreSQL connections of this instance, with the rights of the application."""
    return make_engine(settings().database_role)


@LazyClient
def replica_engine() -> "Engine":
    """The pool of connections to the read replica, where the settings name one."""
    chosen = settings()
    return make_engine(chosen.database_role, url=chosen.replica_url, instance=chosen.replica_instance)


def make_engine(role: str = "", *, url: str | None = None, instance: str | None = None) -> "Engine":
    """An engine with READ COMMITTED, UTC and time-outs below every function's own, acting as `role` if one is given.

    For the database at `url`, or the Cloud SQL `instance` through its connector with IAM login: by default those of
    the settings `DATABASE_URL` and `DATABASE_INSTANCE`.
    """
    from sqlalchemy import create_engine, event

    from shared.cloud import loopback
    from shared.cloud.prepared_statements import prepare_statements

    chosen = settings()
    address = chosen.database_url if url is None else url
    session = {
        "statement_timeout": str(chosen.statement_timeout_ms),
        "lock_timeout": str(chosen.lock_timeout_ms),
        "idle_in_transaction_session_timeout": str(chosen.statement_timeout_ms),
        "default_transaction_isolation": "read committed",
        "TimeZone": "UTC",
        **({"role": role} if role else {}),
    }
    pool: dict[str, Any] = {
        "pool_size": chosen.pool_size,
        "max_overflow": 0,  # the connection budget is pool x instances, and nothing beyond it
        "pool_timeout": chosen.pool_timeout_seconds,
        "pool_recycle": 1800,
        "pool_use_lifo": True,  # the connection used last has most statements prepared and its caches warm
        "hide_parameters": True,  # an error's text must not carry people's data into the log
    }
    if address:
        arguments: dict[str, Any] = {"startup_params": session, "application_name": f"karcis-{chosen.function}"}
        arguments |= loopback.connect_args(address)
        made = create_engine(address, connect_args=arguments, **pool)
    else:
        creator = _cloud_sql_creator(session, chosen.database_instance if instance is None else instance)
        made = create_engine("postgresql+pg8000://", creator=creator, **pool)
    event.listen(made, "connect", prepare_statements)
    event.listen(made, "connect", _notice_silence)
    event.listen(made, "checkin", _note_use)
    event.listen(made, "checkout", _ping_if_idle)
    if role:
        event.listen(made, "checkout", partial(_act_as_function, role))
    return made


def _notice_silence(connection: Any, _: Any) -> None:
    """Let the kernel end a TCP connection whose other side has gone without a word, as after the loss of a zone.

    Neither Cloud SQL's connector nor pg8000 does so for the connector's sockets, and Linux waits for a quarter of an
    hour.
    """
    taken = connection._usock
    if taken.family == socket.AF_UNIX:
        return
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 20_000)):
        if hasattr(socket, name):  # Linux has them all
            taken.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _note_use(_: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_if_idle(connection: Any, record: Any, _: Any) -> None:
    """Raise DisconnectionError for a connection that was cut meanwhile: the pool connects anew.

    In place of SQLAlchemy's `pool_pre_ping`. That costs each transaction a round trip, and with pg8000 it begins a
    transaction, with which a statement that was to be one of its own is rolled back.
    """
    from pg8000.exceptions import DatabaseError, InterfaceError
    from sqlalchemy.exc import DisconnectionError, InvalidatePoolError

    if getattr(connection, "is_cut", False):
        raise DisconnectionError
    used_at = record.info.get("used_at")
    if used_at is None or time.monotonic() - used_at < ALIVE_SECONDS:
        return
    try:
        _execute_alone(connection, "SELECT 1")
    except DatabaseError as error:  # it answers: for the others it may do so too
        raise DisconnectionError from error
    except (InterfaceError, OSError) as error:
        raise InvalidatePoolError from error


def _execute_alone(connection: Any, statement: str) -> None:
    """Run a statement in a transaction of its own."""
    connection.autocommit = True
    try:
        connection.cursor().execute(statement)
    finally:
        connection.autocommit = False


def _act_as_function(product: str, connection: Any, record: Any, _: Any) -> None:
    """Take the database role of the running function if functions share a process and its pool; else the product's."""
    function = permissions.running()
    wanted = permissions.database_role(function) if function else product
    if record.info.get("role", product) != wanted:
        _execute_alone(connection, f"SET ROLE {wanted}")
        record.info["role"] = wanted


def _cloud_sql_creator(session: dict[str, str], instance: str) -> Callable[[], Any]:
    """A function that opens a connection to a Cloud SQL instance: it tries twice, then raises ConnectionError."""
    from aiohttp import ClientError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.sql.connector import Connector, IPTypes
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt

    chosen = settings()
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="cloud-sql", daemon=True).start()
    # Lazy: a background refresh would starve, as an idle instance has no CPU (docs/reference/google-cloud.md).
    connector = Connector(refresh_strategy="lazy", ip_type=IPTypes.PRIVATE, enable_iam_auth=True, loop=loop)
    # Time-outs and TLS errors are OSErrors; ClientError comes from the Admin API, which issues the certificate, and
    # GoogleAuthError from the metadata server, which issues tokens.
    passing = (OSError, ClientError, GoogleAuthError)
    twice = Retrying(stop=stop_after_attempt(2), retry=retry_if_exception_type(passing))

    def attempt() -> Any:
        connecting = connector.connect_async(
            instance,
            "pg8000",
            user=chosen.database_user,
            db=chosen.database_name,
            startup_params=session,
            application_name=f"karcis-{chosen.function}",
        )
        # The connector's own time-out reaches neither the socket nor pg8000 (1.23.0), so we stop waiting instead.
        waiting = asyncio.run_coroutine_threadsafe(connecting, loop)
        try:
            return waiting.result(CONNECT_SECONDS)
        except TimeoutError:
            waiting.cancel()
            raise

    def connect() -> Any:
        try:
            return twice(attempt)
        except RetryError as error:
            cause = error.last_attempt.exception()
            log.warning("database.unreachable", extra={"error": type(cause).__name__, "reason": str(cause)})
            raise ConnectionError("Cloud SQL can't be reached") from cause

    return connect


@LazyClient
def publisher() -> "PublisherClient":
    """Pub/Sub. `PUBSUB_EMULATOR_HOST` points Google's client to a local server."""
    from google.cloud.pubsub_v1 import PublisherClient
    from google.cloud.pubsub_v1.types import BatchSettings

    return PublisherClient(batch_settings=BatchSettings(max_latency=0.002))


@LazyClient
def subscriber() -> "SubscriberClient":
    """The Pub/Sub subscriber, which pulls dead letters."""
    from google.cloud.pubsub_v1 import SubscriberClient

    return SubscriberClient()


@LazyClient
def tasks() -> "CloudTasksClient":
    """Cloud Tasks. `CLOUD_TASKS_EMULATOR_HOST` (ours) points to a local server."""
    from google.cloud.tasks_v2 import CloudTasksClient
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

    local = os.environ.get("CLOUD_TASKS_EMULATOR_HOST")
    return CloudTasksClient(transport=CloudTasksGrpcTransport(channel=_plain_channel(local)) if local else None)


@LazyClient
def secret_manager() -> "SecretManagerServiceClient":
    """Secret Manager. `SECRET_MANAGER_EMULATOR_HOST` (ours) points to a local server."""
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceGrpcTransport,
    )

    local = os.environ.get("SECRET_MANAGER_EMULATOR_HOST")
    transport = SecretManagerServiceGrpcTransport(channel=_plain_channel(local)) if local else None
    return SecretManagerServiceClient(transport=transport)


@LazyClient
def storage() -> "StorageClient":
    """Cloud Storage. `STORAGE_EMULATOR_HOST` points Google's client to a local server."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    local = os.environ.get("STORAGE_EMULATOR_HOST")
    credentials = AnonymousCredentials() if local else None  # type: ignore[no-untyped-call]
    return Client(project=settings().google_cloud_project, credentials=credentials)


@LazyClient
def google_session() -> "AuthorizedSession":
    """An HTTP session with a token of the function's own account, for services with one call of ours."""
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]


@LazyClient
def firestore() -> "FirestoreClient":
    """Firestore. `FIRESTORE_EMULATOR_HOST` points Google's client to a local server."""
    from google.cloud.firestore import Client

    return Client(project=settings().google_cloud_project)


def _plain_channel(address: str) -> Any:
    import grpc

    return grpc.insecure_channel(address)
