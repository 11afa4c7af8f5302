"""The part of Cloud Storage that browsers see: /<bucket>/<object>, public, or with a signed URL (XML API)."""

import datetime
from typing import Any
from xml.sax.saxutils import escape

from sqlalchemy import Connection, Row
from werkzeug import Request, Response

from infra.local.cloud import storage_objects as stored
from infra.local.cloud import storage_signatures as signatures
from infra.local.cloud.storage_objects import Conditions, Resource, StorageError

_READERS = {"roles/storage.objectViewer", "roles/storage.objectAdmin", "roles/storage.legacyObjectReader"}
_CODES = {"notFound": "NoSuchKey", "conditionNotMet": "PreconditionFailed", "invalid": "InvalidArgument"}
_OVERRIDES = {"response-content-type": "Content-Type", "response-content-disposition": "Content-Disposition"}


def answer(tx: Connection, request: Request, raw_path: str, bucket: str, name: str) -> Response:
    """Serve GET and HEAD of an object, and PUT to a signed URL. Raises StorageError."""
    signed = "X-Goog-Signature" in request.args
    row = stored.bucket(tx, bucket)
    if signed:
        signatures.verify(tx, request, raw_path, datetime.datetime.now(datetime.UTC))
    elif request.method not in ("GET", "HEAD") or not _is_public(row):
        raise StorageError(401, "AuthenticationRequired", f"Anonymous callers have no access to {bucket}/{name}.")
    match request.method:
        case "GET" | "HEAD":
            response = content(request, stored.read(tx, bucket, name), public=not signed)
            for parameter, header in _OVERRIDES.items() if signed else ():
                if parameter in request.args:
                    response.headers[header] = request.args[parameter]
            return response
        case "PUT":
            written = stored.write(tx, bucket, _described(request, name), request.get_data(), _conditions(request))
            return Response(headers=_fingerprints(written))
        case _:
            raise StorageError(405, "MethodNotAllowed", f"{request.method} is not served here.")


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


def _described(request: Request, name: str) -> Resource:
    own = {key[12:].lower(): value for key, value in request.headers.items() if key.lower().startswith("x-goog-meta-")}
    return {
        "name": name,
        "contentType": request.headers.get("Content-Type"),
        "contentEncoding": request.headers.get("Content-Encoding"),
        "contentDisposition": request.headers.get("Content-Disposition"),
        "cacheControl": request.headers.get("Cache-Control"),
        "md5Hash": request.headers.get("Content-MD5"),
        "metadata": own or None,
    }


def _conditions(request: Request) -> Conditions:
    headers = {"GenerationMatch": "generation", "MetagenerationMatch": "metageneration"}
    given = {f"if{name}": request.headers.get(f"x-goog-if-{header}-match") for name, header in headers.items()}
    return Conditions.of({name: value for name, value in given.items() if value is not None})
