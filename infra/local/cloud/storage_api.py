"""Cloud Storage's JSON API: what each method does, and under which path it is found.

https://cloud.google.com/storage/docs/json_api/v1
"""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert
from werkzeug import Request, Response

from infra.local.cloud import storage_objects as stored
from infra.local.cloud import storage_uploads as uploads
from infra.local.cloud.storage_objects import Conditions, Resource, StorageError, buckets, invalid, objects
from infra.local.cloud.storage_public import content
from infra.local.cloud.storage_resources import bucket_resource, listing, object_resource, policy_resource

_BUCKET_NAME = re.compile("[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_PAGE = 1000
_CANCELLED = 499
_INCOMPLETE = 308


@dataclass(frozen=True)
class Call:
    """One request within its transaction."""

    tx: Connection
    request: Request

    @property
    def origin(self) -> str:
        """Scheme and host it was sent to, so that links lead back here."""
        return self.request.host_url.rstrip("/")

    @property
    def conditions(self) -> Conditions:
        """The preconditions of the request."""
        return Conditions.of(self.request.args)

    @property
    def resource(self) -> Resource:
        """The JSON object in the body. Raises StorageError (400)."""
        return uploads.read_resource(self.request.get_data())

    def object(self, row: Row[Any]) -> Response:
        """Answer with an object's resource."""
        return _json(object_resource(row, self.origin))


Operation: TypeAlias = Callable[..., Response]


def _list_buckets(call: Call) -> Response:
    prefix = call.request.args.get("prefix", "")
    rows = call.tx.execute(select(buckets).where(func.starts_with(buckets.c.name, prefix)).order_by(buckets.c.name))
    return _json({"kind": "storage#buckets", "items": [bucket_resource(row, call.origin) for row in rows]})


def _create_bucket(call: Call) -> Response:
    settings = call.resource
    name = settings.get("name", "")
    if not _BUCKET_NAME.fullmatch(name):
        raise invalid(f"Invalid bucket name: '{name}'")
    made = insert(buckets).values(name=name, settings=settings, policy=[]).on_conflict_do_nothing()
    if not call.tx.execute(made).rowcount:
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise StorageError(409, "conflict", message)
    return _get_bucket(call, name)


def _get_bucket(call: Call, bucket: str) -> Response:
    return _json(bucket_resource(stored.bucket(call.tx, bucket), call.origin))


def _patch_bucket(call: Call, bucket: str) -> Response:
    row = stored.bucket(call.tx, bucket, lock=True)
    merged = {**row.settings, **call.resource, "name": bucket}
    values = {
        "settings": {field: value for field, value in merged.items() if value is not None},
        "metageneration": row.metageneration + 1,
        "updated_at": func.now(),
    }
    call.tx.execute(buckets.update().where(buckets.c.name == bucket).values(values))
    return _get_bucket(call, bucket)


def _delete_bucket(call: Call, bucket: str) -> Response:
    stored.bucket(call.tx, bucket, lock=True)
    if call.tx.scalar(select(func.count()).select_from(objects).where(objects.c.bucket == bucket)):
        raise StorageError(409, "conflict", "The bucket you tried to delete is not empty.")
    call.tx.execute(buckets.delete().where(buckets.c.name == bucket))
    return Response(status=204)


def _get_policy(call: Call, bucket: str) -> Response:
    return _json(policy_resource(stored.bucket(call.tx, bucket)))


def _set_policy(call: Call, bucket: str) -> Response:
    row = stored.bucket(call.tx, bucket, lock=True)
    policy = call.resource
    if policy.get("etag") not in (None, policy_resource(row)["etag"]):
        raise StorageError(412, "conditionNotMet", "The policy has been changed since it was read.")
    values = {"policy": policy.get("bindings", [])}
    call.tx.execute(buckets.update().where(buckets.c.name == bucket).values(values))
    return _get_policy(call, bucket)


def _list_objects(call: Call, bucket: str) -> Response:
    query = call.request.args
    prefix = query.get("prefix", "")
    page = listing(
        stored.named(call.tx, bucket, prefix),
        call.origin,
        prefix=prefix,
        delimiter=query.get("delimiter", ""),
        after=query.get("pageToken", ""),
        most=min(query.get("maxResults", _PAGE, int), _PAGE),
    )
    return _json(page)


def _get_object(call: Call, bucket: str, name: str) -> Response:
    if call.request.args.get("alt") == "media":
        return _download(call, bucket, name)
    return call.object(_readable(call, bucket, name, content=False))


def _download(call: Call, bucket: str, name: str) -> Response:
    return content(call.request, _readable(call, bucket, name))


def _patch_object(call: Call, bucket: str, name: str) -> Response:
    return call.object(stored.describe(call.tx, _locked(call, bucket, name), call.resource, whole=False))


def _update_object(call: Call, bucket: str, name: str) -> Response:
    return call.object(stored.describe(call.tx, _locked(call, bucket, name), call.resource, whole=True))


def _delete_object(call: Call, bucket: str, name: str) -> Response:
    stored.delete(call.tx, _locked(call, bucket, name))
    return Response(status=204)


def _copy_object(call: Call, bucket: str, name: str, to_bucket: str, to_name: str) -> Response:
    return call.object(_copied(call, bucket, name, to_bucket, to_name))


def _rewrite_object(call: Call, bucket: str, name: str, to_bucket: str, to_name: str) -> Response:
    """Copy in one go: the real service may need more than one call for a large object."""
    row = _copied(call, bucket, name, to_bucket, to_name)
    rewritten = {"totalBytesRewritten": str(row.size), "objectSize": str(row.size), "done": True}
    return _json({"kind": "storage#rewriteResponse", **rewritten, "resource": object_resource(row, call.origin)})


def _upload(call: Call, bucket: str) -> Response:
    query, sent = call.request.args, call.request.headers.get("Content-Type", "application/octet-stream")
    match query.get("uploadType"):
        case "media":
            resource, body = {"contentType": sent}, call.request.get_data()
        case "multipart":
            resource, body = uploads.parts(sent, call.request.get_data())
        case "resumable":
            return _begin_upload(call, bucket)
        case other:
            raise invalid(f"unknown upload type {other}")
    return call.object(stored.write(call.tx, bucket, _named(call, resource), body, call.conditions))


def _upload_piece(call: Call, bucket: str) -> Response:
    upload_id = call.request.args.get("upload_id", "")
    begun = uploads.find(call.tx, upload_id)
    if begun.outcome is not None:
        return _json(begun.outcome)
    known, whole = uploads.receive(
        call.tx, upload_id, call.request.headers.get("Content-Range"), call.request.get_data()
    )
    if whole is None:
        return Response(status=_INCOMPLETE, headers={"Range": f"bytes=0-{known - 1}"} if known else {})
    hashed = dict(pair.split("=", 1) for pair in call.request.headers.get("X-Goog-Hash", "").split(",") if pair)
    checksums = {"crc32c": hashed.get("crc32c"), "md5Hash": hashed.get("md5")}
    resource = {**begun.resource, **{field: value for field, value in checksums.items() if value}}
    row = stored.write(call.tx, bucket, resource, whole, Conditions.of(begun.conditions))
    outcome = object_resource(row, call.origin)
    uploads.finish(call.tx, upload_id, outcome)
    return _json(outcome)


def _cancel_upload(call: Call, bucket: str) -> Response:  # noqa: ARG001 - the path has it, the upload's id is enough
    upload_id = call.request.args.get("upload_id", "")
    uploads.find(call.tx, upload_id)
    uploads.cancel(call.tx, upload_id)
    return Response(status=_CANCELLED)


def _begin_upload(call: Call, bucket: str) -> Response:
    stored.bucket(call.tx, bucket)
    declared = call.request.headers.get("X-Upload-Content-Type", "application/octet-stream")
    resource = _named(call, {"contentType": declared, **call.resource})
    conditions = {key: value for key, value in call.request.args.items() if key.startswith("if")}
    upload_id = uploads.begin(call.tx, bucket, resource, conditions)
    query = f"uploadType=resumable&upload_id={upload_id}"
    return Response(headers={"Location": f"{call.origin}/upload/storage/v1/b/{bucket}/o?{query}"})


def _named(call: Call, resource: Resource) -> Resource:
    """The resource of a new object, which may be named in the query or in the resource itself."""
    return {**resource, "name": call.request.args.get("name") or resource.get("name")}


def _readable(call: Call, bucket: str, name: str, *, content: bool = True) -> Row[Any]:
    row = stored.read(call.tx, bucket, name, content=content, generation=_generation(call, "generation"))
    call.conditions.check(row, reading=True)
    return row


def _locked(call: Call, bucket: str, name: str) -> Row[Any]:
    row = stored.lock(call.tx, bucket, name)
    if row is None or _generation(call, "generation") not in (None, row.generation):
        raise stored.missing(bucket, name)
    call.conditions.check(row)
    return row


def _copied(call: Call, bucket: str, name: str, to_bucket: str, to_name: str) -> Row[Any]:
    source = stored.read(call.tx, bucket, name, generation=_generation(call, "sourceGeneration"))
    Conditions.of(call.request.args, "ifSource").check(source)
    resource = {**source.described, **call.resource, "name": to_name}
    return stored.write(call.tx, to_bucket, resource, bytes(source.content), call.conditions)


def _generation(call: Call, parameter: str) -> int | None:
    return call.request.args.get(parameter, type=int)


def error(problem: StorageError) -> Response:
    """The JSON document that tells why; none with 304."""
    if problem.status == 304:
        return Response(status=304)
    reason = {"domain": "global", "reason": problem.reason, "message": problem.message}
    document = {"code": problem.status, "message": problem.message, "errors": [reason]}
    return _json({"error": document}, problem.status)


def _json(document: Resource, status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json; charset=UTF-8")


_BUCKETS = "/storage/v1/b"
_BUCKET = f"{_BUCKETS}/{{bucket}}"
_OBJECT = f"{_BUCKET}/o/{{name}}"
_ROUTES: list[tuple[str, str, Operation]] = [
    ("GET", _BUCKETS, _list_buckets),
    ("POST", _BUCKETS, _create_bucket),
    ("GET", _BUCKET, _get_bucket),
    ("PATCH", _BUCKET, _patch_bucket),
    ("DELETE", _BUCKET, _delete_bucket),
    ("GET", f"{_BUCKET}/iam", _get_policy),
    ("PUT", f"{_BUCKET}/iam", _set_policy),
    ("GET", f"{_BUCKET}/o", _list_objects),
    ("GET", _OBJECT, _get_object),
    ("PATCH", _OBJECT, _patch_object),
    ("PUT", _OBJECT, _update_object),
    ("DELETE", _OBJECT, _delete_object),
    ("POST", f"{_OBJECT}/copyTo/b/{{to_bucket}}/o/{{to_name}}", _copy_object),
    ("POST", f"{_OBJECT}/rewriteTo/b/{{to_bucket}}/o/{{to_name}}", _rewrite_object),
    ("GET", f"/download{_OBJECT}", _download),
    ("POST", f"/upload{_BUCKET}/o", _upload),
    ("PUT", f"/upload{_BUCKET}/o", _upload_piece),
    ("DELETE", f"/upload{_BUCKET}/o", _cancel_upload),
]
_PATTERNS = [
    (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), operation) for method, path, operation in _ROUTES
]


def route(method: str, raw_path: str) -> Callable[[Call], Response] | None:
    """The handler of this method and path, or None; `raw_path` is percent-encoded as it was sent."""
    for known, pattern, operation in _PATTERNS:
        found = pattern.fullmatch(raw_path)
        if found and known == method:
            parameters = {name: unquote(value) for name, value in found.groupdict().items()}
            return functools.partial(_call, operation, parameters)
    return None


def _call(operation: Operation, parameters: dict[str, str], call: Call) -> Response:
    return operation(call, **parameters)
