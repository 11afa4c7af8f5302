"""Buckets, objects and listings as the JSON API shows them.

https://cloud.google.com/storage/docs/json_api/v1
"""

import base64
import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from sqlalchemy import Row

from infra.local.cloud.storage_objects import Resource


def bucket_resource(row: Row[Any], origin: str) -> Resource:
    """A bucket; `origin` is the scheme and host it was asked for at."""
    return {
        "storageClass": "STANDARD",
        "location": "ASIA-SOUTHEAST2",
        **row.settings,
        "kind": "storage#bucket",
        "id": row.name,
        "name": row.name,
        "selfLink": f"{origin}/storage/v1/b/{row.name}",
        "projectNumber": "0",
        "metageneration": str(row.metageneration),
        "etag": _etag(row.metageneration),
        "timeCreated": _time(row.created_at),
        "updated": _time(row.updated_at),
    }


def object_resource(row: Row[Any], origin: str) -> Resource:
    """An object; `origin` is the scheme and host it was asked for at, where its media link leads to."""
    path = f"storage/v1/b/{row.bucket}/o/{quote(row.name, safe='')}"
    return {
        **row.described,
        "kind": "storage#object",
        "id": f"{row.bucket}/{row.name}/{row.generation}",
        "selfLink": f"{origin}/{path}",
        "mediaLink": f"{origin}/download/{path}?generation={row.generation}&alt=media",
        "bucket": row.bucket,
        "name": row.name,
        "generation": str(row.generation),
        "metageneration": str(row.metageneration),
        "storageClass": "STANDARD",
        "size": str(row.size),
        "md5Hash": row.md5,
        "crc32c": row.crc32c,
        "etag": object_etag(row),
        "timeCreated": _time(row.created_at),
        "updated": _time(row.updated_at),
    }


def object_etag(row: Row[Any]) -> str:
    """The tag that changes with every content and every patch of an object."""
    return _etag(row.generation, row.metageneration)


def policy_resource(row: Row[Any]) -> Resource:
    """The IAM policy of a bucket; its etag changes with it."""
    digest = hashlib.sha256(json.dumps(row.policy, sort_keys=True).encode()).digest()
    return {
        "kind": "storage#policy",
        "resourceId": f"projects/_/buckets/{row.name}",
        "version": 1,
        "bindings": row.policy,
        "etag": base64.b64encode(digest[:9]).decode(),
    }


def listing(rows: Iterable[Row[Any]], origin: str, *, prefix: str, delimiter: str, after: str, most: int) -> Resource:
    """One page of a listing: objects, and the prefixes into which `delimiter` folds longer names.

    `after` is the page token: the last name or prefix of the page before.
    """
    page: list[tuple[str, Row[Any] | None]] = []
    for entry in _folded(rows, prefix, delimiter):
        if entry[0] <= after:
            continue
        if len(page) == most:
            return {**_page(page, origin), "nextPageToken": page[-1][0]}
        page.append(entry)
    return _page(page, origin)


def _folded(rows: Iterable[Row[Any]], prefix: str, delimiter: str) -> Iterator[tuple[str, Row[Any] | None]]:
    last = ""
    for row in rows:
        head, found, _ = row.name[len(prefix) :].partition(delimiter) if delimiter else (row.name, "", "")
        name = f"{prefix}{head}{found}" if found else row.name
        if found and name == last:
            continue
        last = name
        yield name, None if found else row


def _page(entries: list[tuple[str, Row[Any] | None]], origin: str) -> Resource:
    return {
        "kind": "storage#objects",
        "items": [object_resource(row, origin) for _, row in entries if row is not None],
        "prefixes": [name for name, row in entries if row is None],
    }


def _etag(*numbers: int) -> str:
    return base64.b64encode("/".join(map(str, numbers)).encode()).decode()


def _time(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
