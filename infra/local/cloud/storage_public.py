"""The part of Cloud Storage that browsers see: /<bucket>/<object> of public buckets (XML API). No signed URLs."""

from typing import Any
from xml.sax.saxutils import escape

from sqlalchemy import Connection, Row
from werkzeug import Request, Response

from infra.local.cloud import storage_objects as stored
from infra.local.cloud.storage_objects import StorageError

_READERS = {"roles/storage.objectViewer", "roles/storage.objectAdmin", "roles/storage.legacyObjectReader"}
_CODES = {"notFound": "NoSuchKey", "conditionNotMet": "PreconditionFailed", "invalid": "InvalidArgument"}


def answer(tx: Connection, request: Request, bucket: str, name: str) -> Response:
    """Serve GET and HEAD of an object in a public bucket. Raises StorageError."""
    if request.method not in ("GET", "HEAD") or not _is_public(stored.bucket(tx, bucket)):
        raise StorageError(401, "AuthenticationRequired", f"Anonymous callers have no access to {bucket}/{name}.")
    return content(request, stored.read(tx, bucket, name), public=True)


def content(request: Request, row: Row[Any], *, public: bool = False) -> Response:
    """An object's content, or the range of it that was asked for, with the headers Cloud Storage sends."""
    described = row.described
    headers = {
        "Cache-Control": described.get("cacheControl", "public, max-age=3600" if public else "private, max-age=0"),
        "Content-Disposition": described.get("contentDisposition"),
        "Content-Encoding": described.get("contentEncoding"),
        "Content-Language": described.get("contentLanguage"),
        **{f"x-goog-meta-{key}": value for key, value in described.get("metadata", {}).items()},
        **_fingerprints(row),
    }
    response = Response(
        bytes(row.content),
        content_type=described.get("contentType", "application/octet-stream"),
        headers={name: value for name, value in headers.items() if value is not None},
    )
    response.last_modified = row.updated_at
    return response.make_conditional(request, accept_ranges=True, complete_length=row.size)


def error(problem: StorageError) -> Response:
    """The XML document that tells why."""
    code = _CODES.get(problem.reason, problem.reason)
    body = f"<Error><Code>{escape(code)}</Code><Message>{escape(problem.message)}</Message></Error>"
    return Response(f"<?xml version='1.0' encoding='UTF-8'?>{body}", problem.status, content_type="application/xml")


def _is_public(bucket: Row[Any]) -> bool:
    return any(
        "allUsers" in binding.get("members", ()) and binding.get("role") in _READERS for binding in bucket.policy
    )


def _fingerprints(row: Row[Any]) -> dict[str, str]:
    return {
        "ETag": f'"{row.md5}"',
        "x-goog-generation": str(row.generation),
        "x-goog-metageneration": str(row.metageneration),
        "x-goog-stored-content-length": str(row.size),
        "x-goog-hash": f"crc32c={row.crc32c},md5={row.md5}",
    }
