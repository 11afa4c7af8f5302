"""UM-007: one's own photo, as the endpoint answers; it goes with the account (DP-002)."""

import io

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud import object_deletion
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity.photos import CACHE_ONE_HOUR, MAX_PHOTO_BYTES
from shared.identity.tokens import Principal
from tests.endpoints import call, problem
from tests.images import a_picture, from_a_phone, many_scans, opened
from tests.integration.identity.steps import PASSWORD, Member, a_member
from tests.stored_files import StoredFiles

pytestmark = pytest.mark.usefixtures("database")

PATH = "/account/photo"


@pytest.fixture
def member() -> Member:
    return a_member()


def by(member: Member) -> Principal:
    return Principal(member.id, "customer", None)


def send(member: Member, content: bytes) -> Response:
    form = {"file": (io.BytesIO(content), "aku.jpg")}
    return call("POST", PATH, by=by(member), data=form, content_type="multipart/form-data")


def photo_url(member: Member) -> str | None:
    return call("GET", "/account", by=by(member)).get_json()["photo_url"]


def delete_account(member: Member) -> Response:
    return call("POST", "/account/delete", by=by(member), json={"password": PASSWORD})


def an_hour_later() -> None:
    with transaction() as tx:
        earlier = "make_interval(secs => :ago)"
        aged = text(f"UPDATE stale_objects SET created_at = created_at - {earlier}, due_at = due_at - {earlier}")
        tx.execute(aged, {"ago": object_deletion.RECHECK_AFTER_SECONDS + 1})


def waiting() -> int:
    with transaction() as tx:
        count: int = tx.execute(text("SELECT count(*) FROM stale_objects")).scalar_one()
        return count


def test_a_photo_is_a_square_in_the_profile(member, files: StoredFiles):
    assert photo_url(member) is None
    answer = send(member, from_a_phone())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    [(name, stored)] = files.files.items()
    assert answer.get_json()["photo_url"] == photo_url(member) == f"{settings().media_base_url}/{name}"
    assert files.described[name] == ("image/jpeg", CACHE_ONE_HOUR)
    square = opened(stored)
    assert square.width == square.height
    assert not square.getexif()


def test_another_photo_takes_its_place_and_the_old_one_is_deleted(member, files: StoredFiles):
    first = send(member, a_picture()).get_json()["photo_url"]
    second = send(member, a_picture()).get_json()["photo_url"]
    assert first != second  # or caches would show the old one
    [name] = files.files
    assert second.endswith(name)


def test_a_photo_is_removed(member, files: StoredFiles):
    send(member, a_picture())
    for _ in range(2):
        assert call("DELETE", PATH, by=by(member)).status_code == 204
    assert photo_url(member) is None
    assert files.files == {}


def test_what_is_no_picture_is_refused(member, files: StoredFiles):
    assert problem(send(member, b"<script>alert(1)</script>")) == (415, "not-an-image")
    assert problem(send(member, many_scans(1_000))) == (422, "invalid")
    assert problem(send(member, a_picture() + bytes(MAX_PHOTO_BYTES))) == (413, "too-large")
    assert files.files == {}


def test_who_is_not_there_has_no_photo(member, files: StoredFiles):
    assert problem(call("DELETE", PATH)) == (401, "not-signed-in")
    with transaction() as tx:
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": member.id})
    assert problem(send(member, a_picture())) == (401, "not-signed-in")
    assert files.files == {}


def test_the_photo_is_in_the_export(member):
    url = send(member, a_picture()).get_json()["photo_url"]
    export = call("GET", "/account/export", by=by(member)).get_json()
    assert export["profile"]["photo_url"] == url


def test_it_goes_with_the_account_and_other_peoples_stay(member, files: StoredFiles):
    other = a_member()
    send(member, a_picture())
    kept = send(other, a_picture()).get_json()["photo_url"]
    assert delete_account(member).status_code == 204
    [name] = files.files
    assert kept.endswith(name)
    with transaction() as tx:
        assert tx.execute(text("SELECT photo_object FROM users WHERE id = :id"), {"id": member.id}).scalar() is None


def test_a_storage_that_is_down_gets_the_deletion_later(member, files: StoredFiles):
    send(member, a_picture())
    files.is_down = True
    assert delete_account(member).status_code == 204
    object_deletion.sweep()
    assert len(files.files) == 1
    files.is_down = False
    an_hour_later()  # the failed try has its lease
    assert object_deletion.sweep() >= 1
    assert files.files == {}


def test_what_was_stored_at_the_very_moment_of_the_deletion_goes_too(member, files: StoredFiles):
    send(member, a_picture())
    [name] = files.files
    delete_account(member)
    object_deletion.sweep()
    files.files[name.rpartition("/")[0] + "/late.jpg"] = b"stored by a request that was under way"
    an_hour_later()
    object_deletion.sweep()
    assert files.files == {}
    assert waiting() == 0
