"""The three ways to send an object's content: plain, with its resource (multipart), and in pieces (resumable)."""

import json
import re
import secrets
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, ForeignKey, LargeBinary, Row, Table, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB

from infra.local.cloud.storage_objects import Resource, StorageError, invalid
from infra.local.cloud.store import metadata

_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+)|\*)/(?P<total>\d+|\*)")

uploads = Table(
    "storage_uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("bucket", Text, nullable=False),
    Column("resource", JSONB, nullable=False, comment="what the object is to be"),
    Column("conditions", JSONB, nullable=False, comment="the query parameters it was begun with"),
    Column("outcome", JSONB, comment="the object's resource once all is there"),
    Column("begun_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
_pieces = Table(
    "storage_upload_pieces",
    metadata,
    Column("upload", ForeignKey(uploads.c.id, ondelete="CASCADE"), primary_key=True),
    Column("first", BigInteger, primary_key=True, comment="place of its first byte"),
    Column("content", LargeBinary, nullable=False),
)


def parts(content_type: str, body: bytes) -> tuple[Resource, bytes]:
    """The resource and the content of a multipart/related body. Raises StorageError (400)."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if boundary is None:
        raise invalid("a multipart upload needs a boundary")
    delimiter = b"--" + boundary[1].encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(pieces) != 4:  # before the first delimiter, two parts, after the last
        raise invalid("a multipart upload has two parts: the object's resource and its content")
    _, described = _part(pieces[1])
    media_type, content = _part(pieces[2])
    return {"contentType": media_type, **read_resource(described)}, content


def read_resource(body: bytes) -> Resource:
    """The JSON object in a body, empty for none. Raises StorageError (400)."""
    try:
        resource = json.loads(body or b"{}")
    except ValueError:
        raise invalid("the resource is no JSON") from None
    if not isinstance(resource, dict):
        raise invalid("the resource is no JSON object")
    return resource


def _part(piece: bytes) -> tuple[str, bytes]:
    head, _, content = piece.partition(b"\r\n\r\n")
    media_type = re.search(rb"(?i)^content-type:\s*(.+?)\s*$", head, re.MULTILINE)
    return media_type[1].decode() if media_type else "application/octet-stream", content


def begin(tx: Connection, bucket: str, resource: Resource, conditions: dict[str, str]) -> str:
    """Open a resumable upload and return its id."""
    upload_id = secrets.token_urlsafe(24)
    values = {"id": upload_id, "bucket": bucket, "resource": resource, "conditions": conditions}
    tx.execute(uploads.insert().values(values))
    return upload_id


def find(tx: Connection, upload_id: str) -> Row[Any]:
    """The row of an upload, locked. Raises StorageError (404)."""
    row = tx.execute(select(uploads).where(uploads.c.id == upload_id).with_for_update()).one_or_none()
    if row is None:
        raise StorageError(404, "notFound", "No such upload")
    return row


def receive(tx: Connection, upload_id: str, content_range: str | None, content: bytes) -> tuple[int, bytes | None]:
    """Keep a piece; return how many bytes are there without a gap, and the whole content once it is complete.

    A piece that begins after a gap is not kept, one that overlaps counts from where it is new, and a range
    of `*` only asks. Raises StorageError (400) for a range that is none.
    """
    known = _length(tx, upload_id)
    first, total = _place(content_range, content)
    if first <= known < first + len(content):
        piece = {"upload": upload_id, "first": known, "content": content[known - first :]}
        tx.execute(_pieces.insert().values(piece))
        known = first + len(content)
    return known, _whole(tx, upload_id) if known == total else None


def finish(tx: Connection, upload_id: str, outcome: Resource) -> None:
    """Remember what became of an upload, for a client that did not hear it, and drop its pieces."""
    tx.execute(uploads.update().where(uploads.c.id == upload_id).values(outcome=outcome))
    tx.execute(_pieces.delete().where(_pieces.c.upload == upload_id))


def cancel(tx: Connection, upload_id: str) -> None:
    """Forget an upload and what was sent of it."""
    tx.execute(uploads.delete().where(uploads.c.id == upload_id))


def _place(content_range: str | None, content: bytes) -> tuple[int, int | None]:
    """The start of a piece, and the length of the whole if the client knows it."""
    if content_range is None:
        return 0, len(content)
    found = _RANGE.fullmatch(content_range)
    if found is None:
        raise invalid(f"Failed to parse Content-Range header: {content_range}")
    total = None if found["total"] == "*" else int(found["total"])
    if found["first"] is None:
        return 0, total
    if int(found["last"]) - int(found["first"]) + 1 != len(content):
        raise invalid("the content is not as long as its range")
    return int(found["first"]), total


def _length(tx: Connection, upload_id: str) -> int:
    last = select(func.max(_pieces.c.first + func.length(_pieces.c.content))).where(_pieces.c.upload == upload_id)
    return tx.scalar(last) or 0


def _whole(tx: Connection, upload_id: str) -> bytes:
    query = select(_pieces.c.content).where(_pieces.c.upload == upload_id).order_by(_pieces.c.first)
    return b"".join(bytes(content) for (content,) in tx.execute(query))
