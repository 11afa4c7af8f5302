"""Buckets and objects of the local Cloud Storage in the store, with generations that are truly enforced.

A resource is a dict in the JSON API's own words; its mutable part is kept as given.
"""

import base64
import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import google_crc32c
from sqlalchemy import BigInteger, Column, Connection, DateTime, ForeignKey, LargeBinary, Row, Table, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from infra.local.cloud.store import metadata

Resource: TypeAlias = dict[str, Any]

_BYTEWISE = Text(collation="C")  # objects are listed in the order of their names' bytes
_WRITABLE = (
    "contentType",
    "contentEncoding",
    "contentDisposition",
    "contentLanguage",
    "cacheControl",
    "customTime",
    "metadata",
)

buckets = Table(
    "storage_buckets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("settings", JSONB, nullable=False, comment="the bucket's resource as its maker gave it"),
    Column("policy", JSONB, nullable=False, comment="the bindings of its IAM policy"),
    Column("metageneration", BigInteger, nullable=False, server_default="1"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
objects = Table(
    "storage_objects",
    metadata,
    Column("bucket", ForeignKey(buckets.c.name), primary_key=True),
    Column("name", _BYTEWISE, primary_key=True),
    Column("generation", BigInteger, nullable=False, comment="grows with every new content"),
    Column("metageneration", BigInteger, nullable=False, comment="1, and one more with every patch"),
    Column("content", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False, comment="bytes"),
    Column("crc32c", Text, nullable=False, comment="base64"),
    Column("md5", Text, nullable=False, comment="base64"),
    Column("described", JSONB, nullable=False, comment="the writable fields of its resource"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
_WITHOUT_CONTENT = [column for column in objects.c if column.name != "content"]


class StorageError(Exception):
    """The answer to a request that cannot be served: an HTTP status, the reason's name and a sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


def missing(bucket: str, name: str = "") -> StorageError:
    """404: there is no such bucket, or no such object in it."""
    what = f"No such object: {bucket}/{name}" if name else "The specified bucket does not exist."
    return StorageError(404, "notFound", what)


def invalid(message: str) -> StorageError:
    """400: the request itself is wrong."""
    return StorageError(400, "invalid", message)


@dataclass(frozen=True)
class Conditions:
    """The preconditions of a request; generation 0 stands for no object."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    @classmethod
    def of(cls, parameters: Mapping[str, str], prefix: str = "if") -> Self:
        """Read them from query parameters ifGenerationMatch and so on, or ifSourceGenerationMatch with `ifSource`."""
        names = ("GenerationMatch", "GenerationNotMatch", "MetagenerationMatch", "MetagenerationNotMatch")
        try:
            return cls(*(int(parameters[prefix + name]) if prefix + name in parameters else None for name in names))
        except ValueError:
            raise invalid("a generation is a whole number") from None

    def check(self, current: Row[Any] | None, *, reading: bool = False) -> None:
        """Raise StorageError: 412, or 304 where a reader has the very content already."""
        generation, metageneration = (current.generation, current.metageneration) if current else (0, 0)
        if self.generation_match not in (None, generation) or self.metageneration_match not in (None, metageneration):
            raise _condition_not_met(412)
        if self.generation_not_match == generation or self.metageneration_not_match == metageneration:
            raise _condition_not_met(304 if reading else 412)


def _condition_not_met(status: int) -> StorageError:
    message = "At least one of the pre-conditions you specified did not hold."
    return StorageError(status, "conditionNotMet", message)


def bucket(tx: Connection, name: str, *, lock: bool = False) -> Row[Any]:
    """The row of a bucket. Raises StorageError (404)."""
    query = select(buckets).where(buckets.c.name == name)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise missing(name)
    return row


def lock(tx: Connection, bucket_name: str, name: str) -> Row[Any] | None:
    """The row of an object without its content, or None, and nobody else changes or makes it until `tx` ends.

    Raises StorageError (404) if there is no such bucket.
    """
    bucket(tx, bucket_name)
    tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{bucket_name}/{name}", 0))))
    return tx.execute(_found(bucket_name, name, *_WITHOUT_CONTENT)).one_or_none()


def read(
    tx: Connection, bucket_name: str, name: str, *, content: bool = True, generation: int | None = None
) -> Row[Any]:
    """The row of an object, with its content or without. Raises StorageError (404)."""
    row = tx.execute(_found(bucket_name, name, *(objects.c if content else _WITHOUT_CONTENT))).one_or_none()
    if row is None or generation not in (None, row.generation):
        bucket(tx, bucket_name)
        raise missing(bucket_name, name)
    return row


def write(tx: Connection, bucket_name: str, resource: Resource, content: bytes, conditions: Conditions) -> Row[Any]:
    """Store `content` as a new generation of the object resource["name"], and return its row.

    Raises StorageError: 404 no such bucket, 412 a condition does not hold, 400 a checksum does not fit.
    """
    name = resource.get("name")
    if not name or len(name.encode()) > 1024 or "\n" in name or "\r" in name:
        raise invalid("an object needs a name of 1 to 1024 bytes without line breaks")
    current = lock(tx, bucket_name, name)
    conditions.check(current)
    now = datetime.datetime.now(datetime.UTC)
    microseconds = int(now.timestamp() * 1_000_000)
    row = {
        "bucket": bucket_name,
        "name": name,
        "generation": max(microseconds, current.generation + 1) if current else microseconds,
        "metageneration": 1,
        "content": content,
        "size": len(content),
        "crc32c": base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode(),
        "md5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
        "described": {field: resource[field] for field in _WRITABLE if resource.get(field) is not None},
        "created_at": now,
        "updated_at": now,
    }
    if resource.get("crc32c") not in (None, row["crc32c"]) or resource.get("md5Hash") not in (None, row["md5"]):
        raise invalid("the content does not have the checksum that came with it")
    stored = insert(objects).values(row)
    stored = stored.on_conflict_do_update(index_elements=["bucket", "name"], set_=row)
    return tx.execute(stored.returning(*_WITHOUT_CONTENT)).one()


def describe(tx: Connection, row: Row[Any], changes: Resource, *, whole: bool) -> Row[Any]:
    """Change the writable fields of a locked object; those not named stay, or with `whole` go."""
    described = {} if whole else dict(row.described)
    for field in _WRITABLE:
        if field == "metadata" and isinstance(changes.get(field), dict):
            described[field] = _merged(described.get(field) or {}, changes[field])
        elif field in changes:
            described[field] = changes[field]
    values = {
        "described": {field: value for field, value in described.items() if value is not None},
        "metageneration": row.metageneration + 1,
        "updated_at": func.now(),
    }
    one = (objects.c.bucket == row.bucket) & (objects.c.name == row.name)
    return tx.execute(objects.update().where(one).values(values).returning(*_WITHOUT_CONTENT)).one()


def delete(tx: Connection, row: Row[Any]) -> None:
    """Delete a locked object."""
    tx.execute(objects.delete().where(objects.c.bucket == row.bucket, objects.c.name == row.name))


def named(tx: Connection, bucket_name: str, prefix: str) -> list[Row[Any]]:
    """The rows of the objects whose names begin with `prefix`, in the order of names, without their contents."""
    bucket(tx, bucket_name)
    query = select(*_WITHOUT_CONTENT).where(objects.c.bucket == bucket_name, func.starts_with(objects.c.name, prefix))
    return list(tx.execute(query.order_by(objects.c.name)))


def _found(bucket_name: str, name: str, *columns: Column[Any]) -> Any:
    return select(*columns).where(objects.c.bucket == bucket_name, objects.c.name == name)


def _merged(old: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Custom metadata after a patch: a key set to null goes."""
    return {key: value for key, value in {**old, **changes}.items() if value is not None}
