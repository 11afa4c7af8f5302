"""CACHE-001, 002, 005: visitors' pages come from the shared cache, follow every change, and don't need it."""

import time
from typing import Any, NoReturn

import pytest
from flask import Response
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from shared.catalog import digital_goods, public_views
from shared.catalog.events import EventResponse
from shared.catalog.search import EventSearch
from shared.cloud import cache, read_through_cache
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.sales import counter_repair, orders
from shared.site import event_pages, stale_if_error
from shared.web.pages import PageRequest
from tests.conformance.local_cloud import LocalCloud
from tests.endpoints import call, problem
from tests.factories import a_user
from tests.instances import new_instance
from tests.integration.catalog.steps import add_tier, change, change_tier, create, organizer_of, publish, tier
from tests.waiting import until

SOON = 20
"""Seconds for what takes two where the machine is not busy."""


pytestmark = pytest.mark.usefixtures("shared_cache")


def visit(event: EventResponse, *, by: Principal | None = None, path: str = "") -> Response:
    """The event's page, as another instance answers it each time."""
    read_through_cache.instance_cache.clear()
    return call("GET", f"/events/{event.slug}{path}", by=by)


def shown(event: EventResponse, *, by: Principal | None = None) -> dict[str, Any]:
    document: dict[str, Any] = visit(event, by=by).get_json()
    return document


def titles(*, by: Principal | None = None, **query: Any) -> list[str]:
    """The titles of the events that are listed."""
    read_through_cache.instance_cache.clear()
    listed = call("GET", "/events", by=by, query_string={"sort": "-date", **query})
    assert listed.status_code == 200, listed.get_data(as_text=True)
    return [event["title"] for event in listed.get_json()["items"]]


def behind_our_back(event: EventResponse, title: str) -> None:
    """Change the row as nothing of ours does, so that only a new reading shows it."""
    with transaction() as tx:
        tx.execute(text("UPDATE events SET title = :title WHERE id = :id"), {"title": title, "id": event.id})


def settle() -> None:
    """Wait until the marks of the changes so far are old enough for what is read now to be kept."""
    at = time.monotonic()
    until(lambda: time.monotonic() - at > cache.MARK_COVERS_SECONDS)
    cache.reset()


def a_buyer() -> Principal:
    with transaction() as tx:
        return a_user(tx)


def hold(event: EventResponse, quantity: int, by: Principal) -> dict[str, Any]:
    """Reserve through the endpoint."""
    body = {"event_id": str(event.id), "items": [{"tier_id": str(event.tiers[0].id), "quantity": quantity}]}
    answer = call("POST", "/orders/reserve", by=by, json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    order: dict[str, Any] = answer.get_json()
    return order


def available(event: EventResponse, *, by: Principal | None = None) -> int:
    left: int = shown(event, by=by)["tiers"][0]["available"]
    return left


def becomes(event: EventResponse, left: int) -> None:
    """A visitor soon sees that so many are left."""
    until(lambda: available(event) == left, seconds=SOON, what=f"for {left} to be left")


def test_a_page_is_read_once_from_the_database_and_then_from_the_cache():
    event = publish(create())
    settle()
    first = shown(event)
    behind_our_back(event, "Lain")
    assert shown(event) == first
    until(lambda: cache.lookup(f"event:{event.id}", "none").age_seconds > cache.WRITE_INTERVAL_SECONDS)
    assert shown(event) == first
    assert visit(event, path="/tickets").get_json()["tiers"] == first["tiers"]


def test_the_filters_are_kept_and_follow_the_events():
    publish(create(category="kuliner langka"))
    settle()

    def categories() -> list[str]:
        read_through_cache.instance_cache.clear()
        return [option["name"] for option in call("GET", "/events/filters").get_json()["categories"]]

    assert "kuliner langka" in categories()
    with transaction() as tx:
        tx.execute(text("UPDATE events SET category = 'lain' WHERE category = 'kuliner langka'"))
    assert "kuliner langka" in categories()
    publish(create(category="teater boneka"))
    until(lambda: "teater boneka" in categories(), seconds=SOON)


def test_who_is_signed_in_is_shown_what_is_true_now():
    event = publish(create())
    shown(event)
    behind_our_back(event, "Lain")
    for viewer in (organizer_of(event), a_buyer(), Principal(a_buyer().id, "admin", None)):
        assert shown(event, by=viewer)["title"] == "Lain"


def test_a_buyer_sees_their_own_reservation_at_once_and_visitors_soon():
    event = publish(create(tiers=[tier(quota=10)]))
    buyer = a_buyer()
    assert available(event) == 10
    order = hold(event, 3, buyer)
    assert available(event, by=buyer) == 7
    becomes(event, 7)
    with transaction() as tx:
        orders.cancel(tx, orders.lock_own(tx, order["id"], buyer.id))
    assert available(event, by=buyer) == 10
    becomes(event, 10)
    for _ in range(2):
        hold(event, 5, a_buyer())
    until(lambda: shown(event)["tiers"][0]["sold_out"], seconds=SOON)


def test_a_corrected_counter_is_seen_too():
    event = publish(create(tiers=[tier(quota=10)]))
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET reserved = 4 WHERE event_id = :id"), {"id": event.id})
    settle()
    assert available(event) == 6
    counter_repair.correct_counters()
    becomes(event, 10)


def test_every_change_of_an_event_and_its_tiers_is_seen_soon():
    event = publish(create())
    shown(event)
    change(event, title="Konser Fajar")
    until(lambda: shown(event)["title"] == "Konser Fajar", seconds=SOON)
    change_tier(event, event.tiers[0].id, price=120_000)
    until(lambda: shown(event)["tiers"][0]["price"] == 120_000, seconds=SOON)
    add_tier(event, name="VIP")
    until(lambda: len(shown(event)["tiers"]) == 2, seconds=SOON)
    change(event, status="draft")
    until(lambda: visit(event).status_code == 404, seconds=SOON)


def test_uploaded_goods_are_seen_soon():
    event = publish(create(tiers=[tier(kind="digital", quota=10)]))
    assert available(event) == 0
    units = digital_goods.Upload(units=["kode-satu", "kode-dua"])
    with transaction() as tx:
        digital_goods.upload(tx, organizer_of(event), event.id, event.tiers[0].id, units)
    becomes(event, 2)


def test_a_list_is_read_once_and_follows_what_is_published_changed_and_cancelled():
    publish(create(category="daftar", title="Satu"))
    settle()
    assert titles(category="daftar") == ["Satu"]
    event = create(category="daftar", title="Dua")
    behind_our_back(event, "Dua draf")
    until(lambda: titles(category="daftar", page_size=7) == ["Satu"], seconds=SOON)
    publish(event)
    until(lambda: sorted(titles(category="daftar")) == ["Dua draf", "Satu"], seconds=SOON)
    change(event, title="Tiga")
    until(lambda: sorted(titles(category="daftar")) == ["Satu", "Tiga"], seconds=SOON)
    change(event, status="cancelled")
    until(lambda: titles(category="daftar") == ["Satu"], seconds=SOON)


def test_a_list_is_kept_for_visitors_and_customers_and_read_for_those_who_change_it():
    event = publish(create(category="simpan", title="Lama"))
    settle()
    assert titles(category="simpan") == ["Lama"]
    behind_our_back(event, "Baru")
    assert titles(category="simpan") == ["Lama"]
    assert titles(category="simpan", by=a_buyer()) == ["Lama"]
    assert titles(category="simpan", by=organizer_of(event)) == ["Baru"]
    assert titles(category="simpan", q="baru") == ["Baru"], "what is searched for is not kept"


def test_the_age_of_what_is_kept_comes_off_the_time_others_may_keep_it():
    event = publish(create())
    settle()
    first = visit(event)
    until(lambda: cache.lookup(f"event:{event.id}", "none").age_seconds > 1.5)
    kept = visit(event)
    stale = int(kept.headers["Cache-Control"].rpartition("=")[2])
    assert kept.headers["Cache-Control"].startswith("public, max-age=5, s-maxage=15,")
    assert 0 <= stale <= public_views.CACHE_SECONDS - 2
    assert kept.headers["ETag"] == first.headers["ETag"]
    again = call("GET", f"/events/{event.slug}", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_nothing_is_kept_of_drafts_and_of_what_is_not_there():
    draft = create()
    for key in (draft.slug, str(draft.id), "tidak-ada"):
        read_through_cache.instance_cache.clear()
        assert problem(call("GET", f"/events/{key}")) == (404, "not-found")
    assert shown(draft, by=organizer_of(draft))["title"] == draft.title
    assert problem(visit(draft)) == (404, "not-found")
    assert not cache.lookup(f"event:{draft.id}", "none").is_fresh(60)


@pytest.mark.parametrize("key", ["a%00b", "..", "Konser Senja", "a" * 2_000, "__x__"])
def test_what_can_be_no_events_address_is_not_looked_for(key: str):
    for viewer in (None, a_buyer()):
        assert problem(call("GET", f"/events/{key}", by=viewer)) == (404, "not-found")


def test_what_another_version_has_kept_in_another_form_is_read_anew():
    event = publish(create())
    cache.put(cache.lookup(f"event:{event.id}", "none"), '{"form": "of another version"}')
    assert shown(event)["title"] == event.title


def test_without_the_cache_everything_comes_from_the_database(
    cache_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    event = publish(create(category="tanpa"))
    assert available(event) == 10
    monkeypatch.setattr(cache, "TIMEOUT_SECONDS", 0.15)
    cache_cloud.stop(kill=True)
    try:
        hold(event, 1, a_buyer())
        assert available(event) == 9
        change(event, title="Konser Fajar")
        assert titles(category="tanpa") == ["Konser Fajar"]
        assert shown(event)["title"] == "Konser Fajar"
        told = [record.count for record in caplog.records if record.message == "cache.fallback"]
    finally:
        cache_cloud.start()
        until(cache_answers, what="for the cache to answer the next test")
    assert told[0] == 1


def cache_answers() -> bool:
    """True if the shared cache can be asked."""
    try:
        cache.lookup("event:of nobody", "none")
    except cache.CacheUnavailable:
        return False
    return True


def test_while_the_database_is_away_a_new_instance_has_the_last_copy_for_who_asks_for_it(
    monkeypatch: pytest.MonkeyPatch,
):
    event = publish(create())
    public_views.get_event(None, event.slug)
    public_views.list_filters(None)
    new_instance()
    public_views._id_of_slug.cache_clear()
    monkeypatch.setattr(public_views, "transaction", away)
    monkeypatch.setattr(public_views, "snapshot", away)
    until(lambda: cache.lookup(f"event:{event.id}", "none").age_seconds > cache.WRITE_INTERVAL_SECONDS)
    monkeypatch.setattr(public_views, "CACHE_SECONDS", 0)
    with pytest.raises(OperationalError):
        public_views.get_event(None, event.slug)
    shown = public_views.get_event(None, event.slug, stale_if_error=True)
    assert (shown.value.title, shown.is_stale) == (event.title, True)
    assert shown.age_seconds > cache.WRITE_INTERVAL_SECONDS
    assert public_views.list_filters(None, stale_if_error=True).is_stale
    with pytest.raises(OperationalError):
        public_views.list_events(None, EventSearch(category="never looked at"), stale_if_error=True)


def test_every_spelling_of_an_events_id_is_one_copy_of_its_page():
    event = publish(create())
    before = len(stale_if_error._copies)
    for spelling in (str(event.id), event.id.hex.upper(), f"{{{event.id}}}", f"{event.id.hex[:3]}-{event.id.hex[3:]}"):
        assert event_pages.event(PageRequest(f"/id/events/{spelling}", language="id"), spelling).status == 200
    assert len(stale_if_error._copies) == before + 1


def away() -> NoReturn:
    """The database, of which nothing is heard."""
    raise OperationalError("SELECT 1", None, Exception("connection refused"))
