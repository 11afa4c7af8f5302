"""The part of Cloud Storage that browsers see: /<bucket>/<object> of public buckets (XML API). No signed URLs."""

from collections.abc import Collection
from typing import Any
from xml.sax.saxutils import escape

from sqlalchemy import Connection, Row
from werkzeug import Request, Response

from infra.local.cloud import storage_objects as stored
from infra.local.cloud.storage_objects import StorageError

_LISTERS = {"roles/storage.objectViewer", "roles/storage.objectAdmin"}
_READERS = _LISTERS | {"roles/storage.legacyObjectReader"}
_CODES = {"notFound": "NoSuchKey", "conditionNotMet": "PreconditionFailed", "invalid": "InvalidArgument"}


def answer(tx: Connection, request: Request, bucket: str, name: str) -> Response:
    """Serve GET and HEAD of an object in a public bucket. Raises StorageError.

    Whoever may not list objects is not told either that one is missing: that is a 403.
    """
    there = stored.bucket(tx, bucket)
    if request.method not in ("GET", "HEAD") or not _is_granted(there, _READERS):
        raise StorageError(401, "AuthenticationRequired", f"Anonymous callers have no access to {bucket}/{name}.")
    try:
        return content(request, stored.read(tx, bucket, name), public=True)
    except StorageError as error:
        if error.status == 404 and not _is_granted(there, _LISTERS):
            raise StorageError(
                403, "AccessDenied", f"Permission denied on {bucket}/{name} (or it may not exist)."
            ) from error
        raise


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


def _is_granted(bucket: Row[Any], roles: Collection[str]) -> bool:
    """True if everybody has one of these roles."""
    return any("allUsers" in binding.get("members", ()) and binding.get("role") in roles for binding in bucket.policy)


def _fingerprints(row: Row[Any]) -> dict[str, str]:
    return {
        "ETag": f'"{row.md5}"',
        "x-goog-generation": str(row.generation),
        "x-goog-metageneration": str(row.metageneration),
        "x-goog-stored-content-length": str(row.size),
        "x-goog-hash": f"crc32c={row.crc32c},md5={row.md5}",
    }
