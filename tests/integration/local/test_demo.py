"""The demo events of a local run: every state that a page about an event has to tell, made once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from infra.checks.invariants import ALWAYS, broken
from infra.local import media_addresses, seed
from infra.local.demo import artwork, finishing
from shared.cloud.clients import engine
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from tests.endpoints import call
from tests.images import a_picture
from tests.stored_files import StoredFiles

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def drawings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A database that was seeded, and the titles of the banners drawn since, in its stead a small picture each."""
    titles: list[str] = []

    def drawn(wanted: artwork.Artwork) -> bytes:
        titles.append(wanted.title)
        return a_picture(size=(160, 90))

    monkeypatch.setattr(artwork, "drawn", drawn)
    seed.seed()
    finishing.finish()
    return titles


def statuses() -> dict[str, str]:
    """All events by title."""
    with transaction() as tx:
        return {row.title: row.status for row in tx.execute(text("SELECT title, status FROM events"))}


def listed() -> list[dict[str, Any]]:
    """The events as visitors see them, soonest first."""
    items: list[dict[str, Any]] = call("GET", "/events?page_size=100").get_json()["items"]
    return items


def tiers() -> list[dict[str, Any]]:
    """The tiers of the events that visitors see, on sale or not."""
    return [tier for event in listed() for tier in event["tiers"]]


def test_a_second_start_changes_nothing(drawings: list[str], files: StoredFiles):
    made, uploads = statuses(), files.uploads
    drawings.clear()
    seed.seed()
    assert not finishing.is_needed()
    finishing.finish()
    assert (statuses(), files.uploads, drawings) == (made, uploads, [])
    assert len(seed.accounts()) == 6


def test_a_start_that_was_cut_off_is_finished_by_the_next(drawings: list[str]):
    drawings.clear()
    with transaction() as tx:
        tx.execute(text("UPDATE events SET banner_url = NULL WHERE title = 'Jazz Tepi Sawah'"))
        tx.execute(text("DELETE FROM event_staff"))
        tx.execute(text("DELETE FROM ticket_tiers t USING events e WHERE e.id = t.event_id AND e.status = 'draft'"))
        tx.execute(text("DELETE FROM events WHERE status = 'draft'"))
    assert finishing.is_needed()
    seed.seed()
    finishing.finish()
    assert sorted(drawings) == ["Jazz Tepi Sawah", "Konser Kota Lama"]
    assert not finishing.is_needed()


def test_the_event_that_readme_sells_is_the_first_and_its_gates_are_open():
    first = listed()[0]
    assert first["title"] == "Konser Senja di Istora"
    assert first["tiers"][0]["on_sale"]
    assert datetime.fromisoformat(first["gates_open_at"]) <= datetime.now(UTC)


def test_every_state_of_an_event_is_there():
    assert {"draft", "published", "cancelled"} == set(statuses().values())
    assert statuses()["Orkes Hujan Pertama"] == "published", "and it is past, so no list shows it"
    assert "Orkes Hujan Pertama" not in [event["title"] for event in listed()]
    assert {event["timezone"] for event in listed()} == {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}
    assert {tier["kind"] for tier in tiers()} == {"ticket", "registration", "product", "digital"}
    prices = [tier["price"] for tier in tiers()]
    assert (min(prices), max(prices) > 5_000_000) == (0, True)
    assert any(tier["requires_identity"] for tier in tiers())
    assert any(tier["current_price"] == tier["early_bird_price"] for tier in tiers())
    now = datetime.now(UTC)
    assert any(tier["sale_start"] and datetime.fromisoformat(tier["sale_start"]) > now for tier in tiers())
    assert any(tier["sale_end"] and datetime.fromisoformat(tier["sale_end"]) < now for tier in tiers())


def test_one_event_is_sold_out_and_of_another_every_seat_is_held():
    assert [tier["quota"] for tier in tiers() if tier["sold"] == tier["quota"]] == [12]
    assert [tier["quota"] for tier in tiers() if tier["reserved"] == tier["quota"]] == [20]
    with engine().connect() as connection:
        assert broken(connection, ALWAYS) == {}


def test_every_event_that_visitors_find_has_a_banner_with_its_sides():
    assert all(event["banner"]["width"] == 160 and event["banner"]["variants"] for event in listed())


def test_a_database_with_accounts_of_its_own_gets_no_demo():
    with transaction() as tx:
        tx.execute(text("UPDATE users SET terms_version = '1' WHERE role = 'organizer'"))
    before = statuses()
    try:
        seed.seed()
        finishing.finish()
        assert statuses() == before
        assert not finishing.is_needed()
    finally:
        with transaction() as tx:
            tx.execute(text("UPDATE users SET terms_version = 'demo' WHERE role = 'organizer'"))


def test_banners_of_a_run_at_another_port_are_found_at_this_one():
    former, current = "http://127.0.0.1:8080/media", "http://127.0.0.1:9000/media"
    moved = """UPDATE events SET banner_url = replace(banner_url, :now, :then),
        banner = CAST(replace(CAST(banner AS text), :now, :then) AS jsonb)"""
    with transaction() as tx:
        tx.execute(text(moved), {"now": settings().media_base_url, "then": former})
    before = banners()
    media_addresses.move_to(current)
    assert before
    assert banners() == {url.replace(former, current) for url in before}
    with transaction() as tx:
        tx.execute(text(moved), {"now": current, "then": settings().media_base_url})


def banners() -> set[str]:
    """The addresses of all banners, in all sizes."""
    with transaction() as tx:
        shown = tx.execute(text("SELECT banner_url, banner FROM events WHERE banner_url IS NOT NULL")).all()
    variants = {each["url"] for row in shown for each in (row.banner, *row.banner["variants"])}
    return variants | {row.banner_url for row in shown}
