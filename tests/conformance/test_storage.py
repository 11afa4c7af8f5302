"""Cloud Storage as the product uses it, through Google's unchanged client.

No emulator enforces generations and signatures, so the cloud alone can prove our reading of them. Known differences:
- Whoever speaks the JSON API counts as the project's own service account; only the public path asks who it is.
- Any service account of the store may sign for any bucket.
- Object versions, lifecycle rules, the batch endpoint and POST policies are missing.
"""

import base64
import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import google_crc32c
import pytest
import requests
from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Blob, Bucket, Client


@pytest.fixture
def client(local_cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The client as the product makes it."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", local_cloud.http_url)
    client = Client(project="karcis-conformance", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    yield client
    client.close()


@pytest.fixture
def bucket(client: Client) -> Bucket:
    """An empty private bucket."""
    return client.create_bucket(f"karcis-{uuid4().hex}")


def put(bucket: Bucket, name: str, content: str | bytes = b"x", **options: Any) -> Blob:
    """Upload an object."""
    blob = bucket.blob(name)
    blob.upload_from_string(content, **options)
    return blob


def names(listing: Any) -> list[str]:
    """The names of what was listed."""
    return [found.name for found in listing]


# Buckets


def test_a_bucket_is_created_once_listed_and_deleted_when_empty(client: Client, bucket: Bucket) -> None:
    with pytest.raises(Conflict):
        client.create_bucket(bucket.name)
    assert client.get_bucket(bucket.name).name == bucket.name
    assert bucket.name in names(client.list_buckets())
    put(bucket, "a")
    with pytest.raises(Conflict):
        bucket.delete()
    bucket.blob("a").delete()
    bucket.delete()
    with pytest.raises(NotFound):
        client.get_bucket(bucket.name)
    with pytest.raises(NotFound):
        put(bucket, "a")


def test_settings_of_a_bucket_are_kept(client: Client) -> None:
    bucket = client.bucket(f"karcis-{uuid4().hex}")
    bucket.cors = [{"origin": ["*"], "method": ["GET"]}]
    client.create_bucket(bucket, location="asia-southeast2")
    bucket.labels = {"app": "karcis"}
    bucket.patch()
    found = client.get_bucket(bucket.name)
    assert (found.location, found.labels, found.cors) == (bucket.location, {"app": "karcis"}, bucket.cors)
    with pytest.raises(BadRequest):
        client.create_bucket("Not A Name")


# Objects


def test_an_object_comes_back_with_its_description_and_checksums(bucket: Bucket) -> None:
    content = bytes(range(256)) * 5
    blob = bucket.blob("tickets/é & 1+1?.pdf")
    blob.cache_control = "private, no-store"
    blob.content_disposition = 'attachment; filename="tiket.pdf"'
    blob.metadata = {"order": "42", "Pemilik": "Ibu Sri"}
    blob.upload_from_string(content, content_type="application/pdf")

    found = bucket.get_blob("tickets/é & 1+1?.pdf")

    assert found is not None
    assert found.download_as_bytes() == content
    assert (found.content_type, found.size) == ("application/pdf", len(content))
    assert (found.cache_control, found.content_disposition) == (blob.cache_control, blob.content_disposition)
    assert found.metadata == {"order": "42", "Pemilik": "Ibu Sri"}
    assert base64.b64decode(found.md5_hash) == hashlib.md5(content, usedforsecurity=False).digest()
    assert int.from_bytes(base64.b64decode(found.crc32c), "big") == google_crc32c.value(content)
    assert found.time_created == found.updated
    assert (found.generation, found.metageneration) == (blob.generation, 1)


@pytest.mark.parametrize("size", [0, 1, 300_000, 9_000_000], ids=["empty", "byte", "two pieces", "client's own choice"])
def test_content_of_any_size_can_be_sent_in_pieces(bucket: Bucket, size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    blob = bucket.blob("big", chunk_size=256 * 1024 if size < 1_000_000 else None)
    blob.upload_from_file(io.BytesIO(content), content_type="image/png")
    assert bucket.blob("big").download_as_bytes() == content
    assert bucket.get_blob("big").content_type == "image/png"


def test_content_that_looks_like_a_multipart_body_survives(bucket: Bucket) -> None:
    content = b"\r\n--==0==\r\n\r\n--\r\n\r\ncontent-type: text/html\r\n\r\n"
    assert put(bucket, "odd", content).download_as_bytes() == content


def test_a_plain_upload_is_taken_too(local_cloud: Any, bucket: Bucket) -> None:
    url = f"{local_cloud.http_url}/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=a%2Fb"
    answer = requests.post(url, data=b"hello", headers={"Content-Type": "text/plain"}, timeout=10)
    assert answer.json()["contentType"] == "text/plain"
    assert bucket.blob("a/b").download_as_bytes() == b"hello"


def test_an_interrupted_upload_goes_on_where_it_stopped(local_cloud: Any, bucket: Bucket) -> None:
    session = bucket.blob("big").create_resumable_upload_session(content_type="image/png", size=10)
    first = requests.put(session, b"01234", headers={"Content-Range": "bytes 0-4/10"}, timeout=10)
    assert (first.status_code, first.headers["Range"]) == (308, "bytes=0-4")

    local_cloud.restart(kill=True)

    asked = requests.put(session, headers={"Content-Range": "bytes */10"}, timeout=10)
    assert (asked.status_code, asked.headers["Range"]) == (308, "bytes=0-4")
    gap = requests.put(session, b"9", headers={"Content-Range": "bytes 9-9/10"}, timeout=10)
    assert gap.headers["Range"] == "bytes=0-4"
    last = requests.put(session, b"3456789", headers={"Content-Range": "bytes 3-9/10"}, timeout=10)
    assert (last.status_code, last.json()["size"]) == (200, "10")
    again = requests.put(session, headers={"Content-Range": "bytes */10"}, timeout=10)
    assert again.json() == last.json()
    assert bucket.blob("big").download_as_bytes() == b"0123456789"


def test_a_cancelled_upload_leaves_nothing(bucket: Bucket) -> None:
    session = bucket.blob("big").create_resumable_upload_session(size=10)
    assert requests.delete(session, timeout=10).status_code == 499
    assert requests.put(session, b"0123456789", timeout=10).status_code == 404
    assert not bucket.blob("big").exists()


def test_damaged_content_is_refused(bucket: Bucket) -> None:
    blob = bucket.blob("a")
    blob.md5_hash = base64.b64encode(b"0" * 16).decode()
    with pytest.raises(BadRequest):
        blob.upload_from_string(b"x", checksum=None)
    assert not bucket.blob("a").exists()


def test_a_part_of_an_object_can_be_read(bucket: Bucket) -> None:
    put(bucket, "digits", b"0123456789")
    assert bucket.blob("digits").download_as_bytes(start=2, end=4) == b"234"
    assert bucket.blob("digits").download_as_bytes(start=7) == b"789"
    with bucket.blob("digits").open("rb") as stream:
        stream.seek(8)
        assert stream.read() == b"89"


def test_a_missing_object_is_not_found(bucket: Bucket) -> None:
    missing = bucket.blob("missing")
    assert not missing.exists()
    assert bucket.get_blob("missing") is None
    for attempt in (missing.download_as_bytes, missing.reload, missing.delete, missing.patch):
        with pytest.raises(NotFound):
            attempt()


def test_listings_are_in_order_filtered_folded_and_paged(bucket: Bucket) -> None:
    for name in ("b", "a/2", "a/1", "a/x/1", "a/x/2", "a/y/1", "B"):
        put(bucket, name)
    assert names(bucket.list_blobs()) == ["B", "a/1", "a/2", "a/x/1", "a/x/2", "a/y/1", "b"]
    assert names(bucket.list_blobs(prefix="a/x")) == ["a/x/1", "a/x/2"]
    assert names(bucket.list_blobs(prefix="%")) == []
    folded = bucket.list_blobs(prefix="a/", delimiter="/")
    assert (names(folded), folded.prefixes) == (["a/1", "a/2"], {"a/x/", "a/y/"})
    assert names(bucket.list_blobs(page_size=2)) == ["B", "a/1", "a/2", "a/x/1", "a/x/2", "a/y/1", "b"]
    paged = bucket.list_blobs(prefix="a/", delimiter="/", page_size=1)
    assert (names(paged), paged.prefixes) == (["a/1", "a/2"], {"a/x/", "a/y/"})
    assert names(bucket.list_blobs(max_results=3)) == ["B", "a/1", "a/2"]


def test_an_object_can_be_copied_rewritten_and_renamed(client: Client, bucket: Bucket) -> None:
    source = put(bucket, "a/1", b"one", content_type="text/plain")
    other = client.create_bucket(f"karcis-{uuid4().hex}")
    bucket.copy_blob(source, other, "copy of/1")
    assert other.blob("copy of/1").download_as_bytes() == b"one"
    assert other.get_blob("copy of/1").content_type == "text/plain"
    _, rewritten, total = other.blob("again").rewrite(source)
    assert (rewritten, total) == (3, 3)
    bucket.rename_blob(source, "a/2")
    assert names(bucket.list_blobs()) == ["a/2"]


def test_a_patch_changes_the_description_and_not_the_content(bucket: Bucket) -> None:
    blob = put(bucket, "a", b"one", content_type="text/plain")
    generation = blob.generation
    blob.cache_control, blob.metadata = "no-store", {"a": "1", "b": "2"}
    blob.patch()
    blob.metadata = {"a": None, "c": "3"}
    blob.patch()
    found = bucket.get_blob("a")
    assert (found.cache_control, found.content_type, found.metadata) == ("no-store", "text/plain", {"b": "2", "c": "3"})
    assert (found.generation, found.metageneration) == (generation, 3)
    assert found.download_as_bytes() == b"one"


# Preconditions


def test_what_is_written_once_stays_as_it_was(bucket: Bucket) -> None:
    put(bucket, "once", b"first", if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        put(bucket, "once", b"second", if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        bucket.blob("once", chunk_size=256 * 1024).upload_from_file(io.BytesIO(b"third"), if_generation_match=0)
    assert bucket.blob("once").download_as_bytes() == b"first"


def test_of_many_who_write_once_at_the_same_time_one_wins(bucket: Bucket) -> None:
    def attempt(number: int) -> int | None:
        try:
            put(bucket, "once", str(number), if_generation_match=0)
        except PreconditionFailed:
            return None
        return number

    with ThreadPoolExecutor(6) as threads:
        [winner] = [number for number in threads.map(attempt, range(12)) if number is not None]
    assert bucket.blob("once").download_as_bytes() == str(winner).encode()


def test_a_stale_generation_changes_and_deletes_nothing(bucket: Bucket) -> None:
    stale = put(bucket, "a", b"one").generation
    current = put(bucket, "a", b"two", if_generation_match=stale).generation
    assert current > stale
    blob = bucket.blob("a")
    with pytest.raises(PreconditionFailed):
        put(bucket, "a", b"three", if_generation_match=stale)
    with pytest.raises(PreconditionFailed):
        blob.delete(if_generation_match=stale)
    with pytest.raises(PreconditionFailed):
        blob.patch(if_metageneration_match=7)
    with pytest.raises(PreconditionFailed):
        blob.download_as_bytes(if_generation_match=stale)
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(blob, bucket, "b", if_source_generation_match=stale)
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(blob, bucket, "a", if_generation_match=0)
    with pytest.raises(NotFound):
        bucket.blob("a", generation=stale).download_as_bytes()
    assert blob.download_as_bytes() == b"two"
    blob.delete(if_generation_match=current)
    assert not bucket.blob("a").exists()


# What browsers see


def public_url(local_cloud: Any, blob: Blob) -> str:
    """The URL of an object for a browser."""
    return f"{local_cloud.http_url}/{blob.bucket.name}/{blob.name}"


def make_public(bucket: Bucket, role: str = "roles/storage.objectViewer") -> None:
    """Let everybody read the bucket's objects."""
    policy = bucket.get_iam_policy()
    policy.bindings.append({"role": role, "members": {"allUsers"}})
    bucket.set_iam_policy(policy)


def test_whoever_may_not_list_objects_is_not_told_that_one_is_missing(local_cloud: Any, bucket: Bucket) -> None:
    blob = bucket.blob("banners/konser.png")
    blob.upload_from_string(b"PNG", content_type="image/png")
    make_public(bucket, "roles/storage.legacyObjectReader")
    url = public_url(local_cloud, blob)
    missing = requests.get(f"{url}.missing", timeout=10)
    assert requests.get(url, timeout=10).status_code == 200
    assert (missing.status_code, "AccessDenied" in missing.text) == (403, True)


def test_objects_are_private_until_the_bucket_is_made_public(local_cloud: Any, bucket: Bucket) -> None:
    banner = bucket.blob("banners/konser.png")
    banner.cache_control = "public, max-age=31536000, immutable"
    banner.upload_from_string(b"PNG", content_type="image/png")
    url = public_url(local_cloud, banner)
    assert requests.get(url, timeout=10).status_code == 401

    make_public(bucket)

    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"PNG")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert requests.get(url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=10).status_code == 304
    part = requests.get(url, headers={"Range": "bytes=1-"}, timeout=10)
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"NG", "bytes 1-2/3")
    head = requests.head(url, timeout=10)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", "3")
    assert requests.get(f"{url}.missing", timeout=10).status_code == 404
    assert requests.put(url, b"graffiti", timeout=10).status_code == 401
    assert requests.get(f"{local_cloud.http_url}/no-such-bucket/a", timeout=10).status_code == 404


def test_a_policy_changed_by_somebody_else_is_not_overwritten(bucket: Bucket) -> None:
    stale = bucket.get_iam_policy()
    make_public(bucket)
    with pytest.raises(PreconditionFailed):
        bucket.set_iam_policy(stale)


def test_kill_9_keeps_what_was_acknowledged(local_cloud: Any, bucket: Bucket) -> None:
    generations = [put(bucket, f"tickets/{number}", str(number)).generation for number in range(10)]
    local_cloud.restart(kill=True)
    found = list(bucket.list_blobs())
    assert [blob.generation for blob in found] == generations
    assert [blob.download_as_bytes() for blob in found] == [str(number).encode() for number in range(10)]
