"""A local google.cloud.secretmanager.v1.SecretManagerService for the unchanged client, durable in the store.

It keeps payloads unencrypted, so it is for secrets of a laptop only. IAM, rotation, expiry and version
aliases other than `latest` are missing.
"""

import re
from collections.abc import Mapping

import google_crc32c
import grpc
import sqlalchemy
from google.cloud.secretmanager_v1 import types
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Column, Connection, DateTime, ForeignKey, Integer, LargeBinary, Row, Table, Text, func
from sqlalchemy.dialects.postgresql import insert

from infra.local.cloud.failures import Failure, failing
from infra.local.cloud.pages import page
from infra.local.cloud.rpc import Method, add_service
from infra.local.cloud.store import metadata

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"

_State = types.SecretVersion.State
_ID = re.compile("[A-Za-z0-9_-]{1,255}")
_MAX_BYTES = 65_536  # of one payload, https://cloud.google.com/secret-manager/quotas
_PAGE = 25_000

_secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True, comment="projects/p/secrets/s"),
    Column("definition", LargeBinary, nullable=False, comment="a google.cloud.secretmanager.v1.Secret"),
)
_versions = Table(
    "secret_versions",
    metadata,
    Column("secret", ForeignKey(_secrets.c.name, ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, comment="1, 2, 3 ... within the secret"),
    Column("state", Integer, nullable=False, comment="a SecretVersion.State"),
    Column("payload", LargeBinary, comment="gone when destroyed"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("destroyed_at", DateTime(timezone=True)),
)


def register(server: grpc.Server, engine: sqlalchemy.Engine) -> None:
    """Serve Secret Manager on `server` from the tables in `engine`."""
    add_service(server, SERVICE, _SecretManager(engine), _METHODS)


class _SecretManager:
    """The remote procedures; a refusal is a Failure."""

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self._engine = engine

    @failing
    def CreateSecret(self, request: types.CreateSecretRequest, context: grpc.ServicerContext) -> types.Secret:
        if not _ID.fullmatch(request.secret_id):
            raise Failure.invalid(f"{request.secret_id!r} is not the id of a secret")
        if "replication" not in request.secret:
            raise Failure.invalid("a secret needs a replication policy")
        secret = types.Secret(request.secret)
        secret.name = f"{request.parent}/secrets/{request.secret_id}"
        row = {"name": secret.name, "definition": types.Secret.serialize(secret)}
        with self._engine.begin() as tx:
            stored = tx.execute(insert(_secrets).values(row).on_conflict_do_nothing())
        if not stored.rowcount:
            raise Failure(grpc.StatusCode.ALREADY_EXISTS, f"Secret [{secret.name}] already exists.")
        return secret

    @failing
    def GetSecret(self, request: types.GetSecretRequest, context: grpc.ServicerContext) -> types.Secret:
        with self._engine.connect() as tx:
            secret: types.Secret = types.Secret.deserialize(_secret(tx, request.name).definition)
        return secret

    @failing
    def ListSecrets(
        self, request: types.ListSecretsRequest, context: grpc.ServicerContext
    ) -> types.ListSecretsResponse:
        with self._engine.connect() as tx:
            found, token = page(tx, _secrets, f"{request.parent}/secrets", request.page_size, request.page_token)
        secrets = [types.Secret.deserialize(definition) for definition in found]
        return types.ListSecretsResponse(secrets=secrets, next_page_token=token)

    @failing
    def DeleteSecret(self, request: types.DeleteSecretRequest, context: grpc.ServicerContext) -> Empty:
        with self._engine.begin() as tx:
            _secret(tx, request.name)
            tx.execute(_secrets.delete().where(_secrets.c.name == request.name))
        return Empty()

    @failing
    def AddSecretVersion(
        self, request: types.AddSecretVersionRequest, context: grpc.ServicerContext
    ) -> types.SecretVersion:
        payload = request.payload
        if len(payload.data) > _MAX_BYTES:
            raise Failure.invalid(f"a payload has at most {_MAX_BYTES} bytes")
        if "data_crc32c" in payload and payload.data_crc32c != google_crc32c.value(payload.data):
            raise Failure.invalid("the payload does not have the CRC32C checksum that came with it")
        with self._engine.begin() as tx:
            secret = _secret(tx, request.parent, lock=True)
            last = tx.scalar(_of(secret.name).with_only_columns(func.max(_versions.c.number)))
            values = {
                "secret": secret.name,
                "number": (last or 0) + 1,
                "state": _State.ENABLED,
                "payload": payload.data,
            }
            return _version(tx.execute(_versions.insert().values(values).returning(_versions)).one())

    @failing
    def GetSecretVersion(
        self, request: types.GetSecretVersionRequest, context: grpc.ServicerContext
    ) -> types.SecretVersion:
        with self._engine.connect() as tx:
            return _version(_found_version(tx, request.name))

    @failing
    def AccessSecretVersion(
        self, request: types.AccessSecretVersionRequest, context: grpc.ServicerContext
    ) -> types.AccessSecretVersionResponse:
        with self._engine.connect() as tx:
            row = _found_version(tx, request.name)
        version = _version(row)
        if version.state != _State.ENABLED:
            raise Failure(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"Secret Version [{version.name}] is in {version.state.name} state.",
            )
        payload = types.SecretPayload(data=row.payload, data_crc32c=google_crc32c.value(row.payload))
        return types.AccessSecretVersionResponse(name=version.name, payload=payload)

    @failing
    def ListSecretVersions(
        self, request: types.ListSecretVersionsRequest, context: grpc.ServicerContext
    ) -> types.ListSecretVersionsResponse:
        size = request.page_size or _PAGE
        query = _of(request.parent).order_by(_versions.c.number.desc()).limit(size + 1)
        if request.page_token:
            query = query.where(_versions.c.number < int(request.page_token))
        with self._engine.connect() as tx:
            _secret(tx, request.parent)
            rows = tx.execute(query).all()
        return types.ListSecretVersionsResponse(
            versions=[_version(row) for row in rows[:size]],
            next_page_token=str(rows[size - 1].number) if len(rows) > size else "",
        )

    @failing
    def EnableSecretVersion(
        self, request: types.EnableSecretVersionRequest, context: grpc.ServicerContext
    ) -> types.SecretVersion:
        return self._change(request.name, {"state": _State.ENABLED})

    @failing
    def DisableSecretVersion(
        self, request: types.DisableSecretVersionRequest, context: grpc.ServicerContext
    ) -> types.SecretVersion:
        return self._change(request.name, {"state": _State.DISABLED})

    @failing
    def DestroySecretVersion(
        self, request: types.DestroySecretVersionRequest, context: grpc.ServicerContext
    ) -> types.SecretVersion:
        erased = {"state": _State.DESTROYED, "payload": None, "destroyed_at": func.now()}
        return self._change(request.name, erased)

    def _change(self, name: str, values: Mapping[str, object]) -> types.SecretVersion:
        with self._engine.begin() as tx:
            row = _found_version(tx, name, lock=True)
            if row.state == _State.DESTROYED:
                raise Failure(grpc.StatusCode.FAILED_PRECONDITION, f"Secret Version [{name}] is in DESTROYED state.")
            one = (_versions.c.secret == row.secret) & (_versions.c.number == row.number)
            changed = tx.execute(_versions.update().where(one).values(values).returning(_versions))
            return _version(changed.one())


def _of(secret: str) -> sqlalchemy.Select[tuple[object, ...]]:
    return sqlalchemy.select(_versions).where(_versions.c.secret == secret)


def _secret(tx: Connection, name: str, *, lock: bool = False) -> Row[tuple[object, ...]]:
    query = sqlalchemy.select(_secrets).where(_secrets.c.name == name)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Failure.not_found(f"Secret [{name}] not found.")
    return row


def _found_version(tx: Connection, name: str, *, lock: bool = False) -> Row[tuple[object, ...]]:
    """The row of projects/p/secrets/s/versions/N, where `latest` is the newest one whatever its state."""
    secret, _, number = name.partition("/versions/")
    query = _of(secret).order_by(_versions.c.number.desc()).limit(1)
    if number != "latest":
        query = query.where(_versions.c.number == (int(number) if number.isdecimal() else 0))
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Failure.not_found(f"Secret Version [{name}] not found.")
    return row


def _version(row: Row[tuple[object, ...]]) -> types.SecretVersion:
    return types.SecretVersion(
        name=f"{row.secret}/versions/{row.number}",
        state=row.state,
        create_time=row.created_at,
        destroy_time=row.destroyed_at,
    )


_METHODS = {
    "CreateSecret": Method(types.CreateSecretRequest, types.Secret),
    "GetSecret": Method(types.GetSecretRequest, types.Secret),
    "ListSecrets": Method(types.ListSecretsRequest, types.ListSecretsResponse),
    "DeleteSecret": Method(types.DeleteSecretRequest, Empty),
    "AddSecretVersion": Method(types.AddSecretVersionRequest, types.SecretVersion),
    "GetSecretVersion": Method(types.GetSecretVersionRequest, types.SecretVersion),
    "AccessSecretVersion": Method(types.AccessSecretVersionRequest, types.AccessSecretVersionResponse),
    "ListSecretVersions": Method(types.ListSecretVersionsRequest, types.ListSecretVersionsResponse),
    "EnableSecretVersion": Method(types.EnableSecretVersionRequest, types.SecretVersion),
    "DisableSecretVersion": Method(types.DisableSecretVersionRequest, types.SecretVersion),
    "DestroySecretVersion": Method(types.DestroySecretVersionRequest, types.SecretVersion),
}
