"""EM-002, EM-004: POST events/{id}/banner."""

import hashlib
import io
from typing import Any
from uuid import uuid4

import pytest
from flask import Response

from shared.catalog.events import EventResponse
from shared.catalog.media import FOR_EVER, MAX_BANNER_BYTES
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


def test_a_banner_is_stored_under_its_content_and_shown_with_the_event(files: StoredFiles):
    event = publish(create())
    assert call("GET", f"/events/{event.slug}").get_json()["banner_url"] is None
    answer = send(event, from_a_phone())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    [(name, stored)] = files.files.items()
    assert name == f"banners/{hashlib.sha256(stored).hexdigest()}.jpg"
    assert files.described[name] == ("image/jpeg", FOR_EVER)
    assert not opened(stored).getexif()
    url = f"{settings().media_base_url}/{name}"
    assert answer.get_json()["banner_url"] == url
    assert call("GET", f"/events/{event.slug}").get_json()["banner_url"] == url


def test_the_content_counts_and_not_the_name(files: StoredFiles):
    event = create()
    png = send(event, a_picture("PNG"), name="banner.jpg")
    assert png.get_json()["banner_url"].endswith(".png")
    page = send(event, b"<!doctype html><script>alert(1)</script>", name="banner.png")
    assert problem(page) == (415, "not-an-image")
    assert len(files.files) == 1


def test_the_same_banner_twice_is_one_object_and_another_takes_its_place(files: StoredFiles):
    event = create()
    first, again, other = (send(event, content) for content in (a_picture(), a_picture(), a_picture("PNG")))
    assert first.get_json()["banner_url"] == again.get_json()["banner_url"] != other.get_json()["banner_url"]
    assert len(files.files) == 2


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
