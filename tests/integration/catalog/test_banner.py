"""EM-002, EM-004: POST events/{id}/banner."""

import io
import re
from typing import Any
from uuid import uuid4

import pytest
from flask import Response
from sqlalchemy import text

from shared.catalog.banner_upload import IMMUTABLE, MAX_BANNER_BYTES
from shared.catalog.events import EventResponse
from shared.cloud import object_deletion
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from tests.endpoints import call, problem
from tests.images import a_bomb, a_picture, from_a_phone, many_scans, opened
from tests.integration.catalog.steps import an_organizer, change, create, organizer_of, publish
from tests.stored_files import StoredFiles

pytestmark = pytest.mark.usefixtures("database")


def send(
    event: EventResponse, content: bytes, *, name: str = "banner.jpg", by: Principal | None = None, **more: Any
) -> Response:
    """Send a file as a browser's form does."""
    form = {"file": (io.BytesIO(content), name), **more}
    path = f"/events/{event.id}/banner"
    return call("POST", path, by=by or organizer_of(event), data=form, content_type="multipart/form-data")


def name_of(url: str) -> str:
    """The object at an address."""
    return url.removeprefix(f"{settings().media_base_url}/")


def make_due() -> None:
    """Let the time pass after which files that are no longer shown are deleted."""
    with transaction() as tx:
        tx.execute(text("UPDATE stale_objects SET due_at = now()"))


def test_a_banner_is_stored_in_a_folder_of_its_own_and_shown_with_the_event(files: StoredFiles):
    event = publish(create())
    assert call("GET", f"/events/{event.slug}").get_json()["banner_url"] is None
    answer = send(event, from_a_phone())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    url = answer.get_json()["banner_url"]
    name = name_of(url)
    assert re.fullmatch(r"banners/[0-9a-f]{32}/original\.jpg", name)
    assert files.described[name] == ("image/jpeg", IMMUTABLE)
    assert not opened(files.files[name]).getexif()
    assert call("GET", f"/events/{event.slug}").get_json()["banner_url"] == url


def test_the_content_counts_and_not_the_name(files: StoredFiles):
    event = create()
    png = send(event, a_picture("PNG"), name="banner.jpg")
    assert png.get_json()["banner_url"].endswith(".png")
    page = send(event, b"<!doctype html><script>alert(1)</script>", name="banner.png")
    assert problem(page) == (415, "not-an-image")
    assert {name.rsplit("/", 1)[0] for name in files.files} == {name_of(png.get_json()["banner_url"]).rsplit("/", 1)[0]}


@pytest.mark.parametrize(
    ("size", "variants"),
    [
        ((3000, 1500), [(480, 240), (960, 480), (1600, 800)]),
        ((1200, 675), [(480, 270), (960, 540), (1200, 675)]),
        ((480, 480), [(480, 480)]),
        ((60, 40), [(60, 40)]),
        ((2000, 1), [(480, 1), (960, 1), (1600, 1)]),
    ],
)
def test_a_banner_has_variants_that_are_never_wider_than_itself(
    files: StoredFiles, size: tuple[int, int], variants: list[tuple[int, int]]
):
    event = publish(create())
    sent = send(event, a_picture(size=size)).get_json()
    banner = sent["banner"]
    assert (banner["url"], banner["width"], banner["height"]) == (sent["banner_url"], *size)
    assert [(variant["width"], variant["height"]) for variant in banner["variants"]] == variants
    for variant in banner["variants"]:
        name = name_of(variant["url"])
        assert files.described[name] == ("image/webp", IMMUTABLE)
        assert opened(files.files[name]).size == (variant["width"], variant["height"])
    listed = call("GET", "/events?page_size=100").get_json()["items"]
    assert next(item for item in listed if item["id"] == str(event.id))["banner"] == banner


def test_a_banner_from_before_there_were_variants_is_shown_as_it_was():
    event = publish(create())
    with transaction() as tx:
        tx.execute(text("UPDATE events SET banner_url = 'https://x/banners/a.jpg' WHERE id = :id"), {"id": event.id})
    shown = call("GET", f"/events/{event.id}").get_json()
    assert shown["banner_url"] == "https://x/banners/a.jpg"
    assert shown["banner"] == {"url": "https://x/banners/a.jpg", "width": None, "height": None, "variants": []}


def test_a_banner_without_its_sizes_does_not_have_those_of_the_one_before(files: StoredFiles):
    event = create()
    send(event, a_picture())
    with transaction() as tx:
        tx.execute(text("UPDATE events SET banner_url = 'https://x/banners/b.jpg' WHERE id = :id"), {"id": event.id})
    shown = call("GET", f"/events/{event.id}", by=organizer_of(event)).get_json()
    assert (shown["banner"]["url"], shown["banner"]["variants"]) == ("https://x/banners/b.jpg", [])


def test_a_banner_that_another_replaces_is_deleted_with_its_variants_an_hour_later(files: StoredFiles):
    event = create()
    first = send(event, a_picture()).get_json()["banner_url"]
    second = send(event, a_picture()).get_json()["banner_url"]
    assert first != second
    object_deletion.sweep()
    assert name_of(first) in files.files, "pages that are kept may still show it"
    make_due()
    object_deletion.sweep()
    folder = name_of(second).rsplit("/", 1)[0]
    assert {name.rsplit("/", 1)[0] for name in files.files} == {folder}


def test_the_banner_of_a_deleted_draft_is_deleted(files: StoredFiles):
    event = create()
    send(event, a_picture())
    assert call("DELETE", f"/events/{event.id}", by=organizer_of(event)).status_code == 204
    make_due()
    object_deletion.sweep()
    assert files.files == {}


def test_five_megabytes_and_no_more(files: StoredFiles):
    event = create()
    padded = a_picture() + bytes(MAX_BANNER_BYTES)
    assert send(event, padded[:MAX_BANNER_BYTES]).status_code == 200
    for over in (1, 100_000, 5_000_000):
        refused = send(event, padded[:MAX_BANNER_BYTES] + bytes(over))
        assert problem(refused) == (413, "too-large")
        assert "5 MB" in refused.get_json()["detail"]


def test_broken_and_oversized_pictures_are_named(files: StoredFiles):
    event = create()
    for content in (a_picture(size=(400, 300))[:-200], a_bomb(), many_scans(1_000)):
        refused = send(event, content)
        assert problem(refused) == (422, "invalid")
        assert refused.get_json()["errors"][0]["field"] == "file"
    assert files.files == {}


def test_a_form_that_is_none_is_refused(files: StoredFiles):
    event = create()
    by, path = organizer_of(event), f"/events/{event.id}/banner"
    assert problem(call("POST", path, by=by, json={})) == (415, "wrong-content-type")
    assert problem(call("POST", path, by=by, data=a_picture(), content_type="image/jpeg"))[0] == 415
    no_file = call("POST", path, by=by, data={"file": "text"}, content_type="multipart/form-data")
    assert problem(no_file) == (422, "invalid")
    extra = send(event, a_picture(), caption="Senja")
    assert [error["field"] for error in extra.get_json()["errors"]] == ["caption"]
    cut_off = call("POST", path, by=by, data=b"--x\r\nContent-", content_type="multipart/form-data; boundary=x")
    assert problem(cut_off) == (422, "invalid")


def test_only_its_organizer_sets_the_banner_of_a_living_event(files: StoredFiles):
    event = create()
    assert problem(send(event, a_picture(), by=an_organizer())) == (404, "not-found")
    assert problem(send(event, a_picture(), by=Principal(uuid4(), "customer", None))) == (403, "forbidden")
    assert files.files == {}
    cancelled = change(publish(event), status="cancelled")
    assert problem(send(cancelled, a_picture())) == (409, "event-cancelled")
