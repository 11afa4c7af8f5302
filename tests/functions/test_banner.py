"""EM-002, CACHE-003: a banner goes up through HTTP and everybody sees it, for ever."""

import requests

from shared.catalog.banner_upload import MAX_BANNER_BYTES
from tests.images import a_picture, from_a_phone, opened
from tests.people import World
from tests.waiting import PATIENCE_SECONDS


def test_a_banner_is_uploaded_and_seen_by_everybody(world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    path = f"events/{event['id']}/banner"
    sent = organizer.api.call("POST", path, files={"file": ("liburan.jpg", from_a_phone(), "image/jpeg")}, status=200)
    url = world.anybody.get(f"events/{event['slug']}")["banner_url"]
    assert sent.json()["banner_url"] == url
    seen = requests.get(url, timeout=PATIENCE_SECONDS)
    assert (seen.status_code, seen.headers["Content-Type"]) == (200, "image/jpeg")
    assert seen.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert opened(seen.content).size == (40, 60)
    refused = requests.get(url.replace("banners/", "banners/../"), timeout=PATIENCE_SECONDS)
    assert refused.status_code == 403  # nobody may list what there is, so that nobody is told what is missing


def test_a_banner_that_is_too_large_is_refused_and_the_next_request_answered(world: World):
    organizer = world.somebody("organizer")
    path = f"events/{organizer.publish()['id']}/banner"
    for size in (MAX_BANNER_BYTES + 1, MAX_BANNER_BYTES * 3):
        answer = organizer.api.call("POST", path, files={"file": ("besar.jpg", bytes(size))})
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
    organizer.api.call("POST", path, files={"file": ("kecil.png", a_picture("PNG"))}, status=200)


def test_an_unchanged_page_is_answered_without_a_body(world: World):
    event = world.somebody("organizer").publish()
    url = f"{world.url}/api/v1/events/{event['id']}"
    first = requests.get(url, timeout=PATIENCE_SECONDS)
    again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=PATIENCE_SECONDS)
    assert (again.status_code, again.content) == (304, b"")
