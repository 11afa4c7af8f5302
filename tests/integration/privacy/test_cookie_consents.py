"""DP-006: every cookie is told, and what a visitor chose is kept with its version and time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from shared.privacy.cookie_consents import VERSION
from shared.web.pages import LANGUAGE_COOKIE, LANGUAGE_SECONDS
from tests.endpoints import call, problem
from tests.integration.identity.steps import PASSWORD, Member, a_member

pytestmark = pytest.mark.usefixtures("database")

PATH = "/privacy/cookies"


def choose(body: dict[str, Any], member: Member | None = None) -> Response:
    by = Principal(member.id, "customer", None) if member else None
    return call("POST", PATH, by=by, json=body)


def owner_of(consent: Response) -> object:
    with transaction() as tx:
        query = text("SELECT user_id FROM cookie_consents WHERE id = :id")
        return tx.execute(query, {"id": consent.get_json()["id"]}).scalar_one()


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Google is a way to sign in."""
    monkeypatch.setenv("GOOGLE_CLIENT_IDS", "1234-web.apps.googleusercontent.com")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_the_list_names_exactly_the_cookies_that_are_set(google: None):
    credentials = {"email": a_member().email, "password": PASSWORD}
    signed_in = call("POST", "/auth/login", json=credentials, headers={"X-Session": "cookie"})
    begun = call("POST", "/auth/google/nonce")
    lives = {LANGUAGE_COOKIE: LANGUAGE_SECONDS}  # of pages
    for line in [*signed_in.headers.getlist("Set-Cookie"), *begun.headers.getlist("Set-Cookie")]:
        name = line.partition("=")[0]
        lives[name] = int(line.partition("Max-Age=")[2].partition(";")[0])
    told = call("GET", PATH).get_json()
    assert told["version"] == VERSION
    assert {each["name"]: each["life_seconds"] for each in told["cookies"]} == lives
    assert {each["category"] for each in told["cookies"]} == {"necessary"}


@pytest.mark.parametrize("categories", [[], ["necessary"], ["necessary", "necessary"]])
def test_a_choice_is_kept_with_its_version_and_time(categories: list[str]):
    answer = choose({"version": VERSION, "categories": categories})
    kept = answer.get_json()
    assert (answer.status_code, kept["version"], kept["categories"]) == (201, VERSION, ["necessary"])
    age = datetime.now(UTC) - datetime.fromisoformat(kept["chosen_at"])
    assert abs(age.total_seconds()) < 60
    assert owner_of(answer) is None


def test_a_choice_of_another_list_asks_anew():
    answer = choose({"version": "0", "categories": []})
    assert problem(answer) == (409, "cookie-list-changed")
    assert answer.get_json()["version"] == VERSION


def test_a_category_that_there_is_not_can_not_be_chosen():
    assert problem(choose({"version": VERSION, "categories": ["advertising"]})) == (422, "invalid")


def test_the_choice_of_who_is_signed_in_is_theirs_until_they_delete_their_account():
    member = a_member()
    answer = choose({"version": VERSION, "categories": []}, member)
    assert owner_of(answer) == member.id
    by = Principal(member.id, "customer", None)
    [exported] = call("GET", "/account/export", by=by).get_json()["cookie_consents"]
    assert exported["id"] == answer.get_json()["id"]
    assert call("POST", "/account/delete", by=by, json={"password": PASSWORD}).status_code == 204
    assert owner_of(answer) is None
