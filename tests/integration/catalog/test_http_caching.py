"""CACHE-001..004: what browsers and the CDN may keep of the catalogue, and what nobody may."""

from typing import Any

import pytest
from flask import Response

from shared.cloud.database import transaction
from tests.endpoints import call
from tests.factories import a_user
from tests.integration.catalog.steps import change, create, organizer_of, publish

pytestmark = pytest.mark.usefixtures("database")

BRIEF = "public, max-age=5, s-maxage=15, stale-while-revalidate=15"


def body(answer: Response) -> bytes:
    """The bytes on the wire."""
    return b"".join(answer.get_app_iter({"REQUEST_METHOD": "GET"}))


@pytest.fixture
def reads(database: str) -> list[tuple[str, str]]:
    """Everything there is to read about a published event, and how long it may be kept."""
    event = publish(create())
    return [
        ("/events", BRIEF),
        ("/events/filters", BRIEF),
        (f"/events/{event.id}", BRIEF),
        (f"/events/{event.slug}", BRIEF),
        (f"/events/{event.id}/tickets", BRIEF),
    ]


def test_what_everybody_sees_may_be_kept_by_everybody(reads: list[tuple[str, str]]):
    with transaction() as tx:
        customer = a_user(tx)
    for path, directives in reads:
        for viewer in (None, customer):
            answer = call("GET", path, by=viewer)
            assert answer.headers["Cache-Control"] == directives
            assert "Authorization" not in answer.vary, "or Cloud CDN would not keep it"


def test_who_has_it_already_is_told_so_without_a_body(reads: list[tuple[str, str]]):
    for path, directives in reads:
        first = call("GET", path)
        etag = first.headers["ETag"]
        for given in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            again = call("GET", path, headers={"If-None-Match": given})
            assert (again.status_code, body(again)) == (304, b"")
            assert (again.headers["ETag"], again.headers["Cache-Control"]) == (etag, directives)
        assert body(call("GET", path, headers={"If-None-Match": '"other"'})) == body(first)


def test_a_change_of_the_content_is_a_change_of_the_etag():
    event = publish(create())
    path = f"/events/{event.id}"
    before = call("GET", path).headers["ETag"]
    assert call("GET", path).headers["ETag"] == before
    change(event, title="Konser Fajar")
    answer = call("GET", path, headers={"If-None-Match": before})
    assert (answer.status_code, answer.get_json()["title"]) == (200, "Konser Fajar")


def test_a_draft_is_kept_nowhere():
    draft = create()
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    for viewer in (organizer_of(draft), admin):
        for path in (f"/events/{draft.id}", f"/events/{draft.slug}/tickets"):
            answer = call("GET", path, by=viewer)
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "private, no-store"
            assert "Authorization" in answer.vary
            assert "ETag" not in answer.headers


@pytest.mark.parametrize("arguments", [{"path": "/events/there-is-none"}, {"path": "/events?page_size=0"}])
def test_refusals_are_kept_nowhere(arguments: dict[str, Any]):
    answer = call("GET", **arguments)
    assert answer.status_code in (404, 422)
    assert answer.headers["Cache-Control"] == "private, no-store"
