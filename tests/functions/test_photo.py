"""UM-007, DP-002: a photo goes up through HTTP, is seen, and is gone with the account."""

import requests

from tests.images import from_a_phone
from tests.people import PASSWORD, World
from tests.waiting import PATIENCE_SECONDS


def test_a_photo_is_uploaded_seen_and_gone_with_the_account(world: World):
    person = world.somebody()
    sent = person.api.call("POST", "account/photo", files={"file": ("aku.jpg", from_a_phone())}, status=200)
    url = sent.json()["photo_url"]
    seen = requests.get(url, timeout=PATIENCE_SECONDS)
    assert (seen.status_code, seen.headers["Content-Type"]) == (200, "image/jpeg")
    person.api.call("POST", "account/delete", json={"password": PASSWORD}, status=204)
    assert requests.get(url, timeout=PATIENCE_SECONDS).status_code == 403  # as for whatever is not there
