"""EM-001, EM-003: an organizer's own events, and a new draft like one of them."""

from datetime import timedelta

import pytest

from shared.cloud import clock
from tests.endpoints import call, problem
from tests.integration.catalog.steps import END, START, an_organizer, change, create, organizer_of, publish, tier

pytestmark = pytest.mark.usefixtures("database")


def test_an_organizer_sees_their_own_events_with_drafts_and_nobody_elses():
    organizer = an_organizer()
    later = create(organizer, title="Nanti", start_date=START + timedelta(days=9), end_date=END + timedelta(days=9))
    sooner = publish(create(organizer, title="Segera"))
    publish(create(an_organizer()))
    listed = call("GET", "/organizer/events", by=organizer).get_json()
    assert [each["id"] for each in listed["items"]] == [str(sooner.id), str(later.id)]
    assert listed["total"] == 2
    drafts = call("GET", "/organizer/events?status=draft", by=organizer).get_json()
    assert [each["title"] for each in drafts["items"]] == ["Nanti"]


def test_a_duplicate_is_a_draft_whose_times_keep_their_distance_from_the_start():
    early = {"early_bird_price": 50_000, "early_bird_end": START - timedelta(days=7)}
    event = publish(create(tiers=[tier(name="A", sale_end=START, **early), tier(name="B")], terms="Bawa KTP"))
    event = change(event, gates_open_at=START - timedelta(hours=2))
    start = START + timedelta(days=365)
    answer = call(
        "POST", f"/events/{event.id}/duplicate", by=organizer_of(event), json={"start_date": clock.rfc3339(start)}
    )
    assert answer.status_code == 201, answer.get_data(as_text=True)
    new = answer.get_json()
    assert (new["status"], new["title"], new["terms"]) == ("draft", event.title, "Bawa KTP")
    assert new["slug"] != event.slug
    assert new["end_date"] == clock.rfc3339(END + timedelta(days=365))
    assert new["gates_open_at"] == clock.rfc3339(start - timedelta(hours=2))
    assert [each["name"] for each in new["tiers"]] == ["A", "B"]
    first = new["tiers"][0]
    assert first["sale_end"] == clock.rfc3339(start)
    assert first["early_bird_end"] == clock.rfc3339(start - timedelta(days=7))
    assert (first["early_bird_price"], first["sold"]) == (50_000, 0)


def test_nobody_duplicates_the_event_of_another_even_if_it_is_public():
    event = publish(create())
    wanted = {"start_date": clock.rfc3339(START)}
    answer = call("POST", f"/events/{event.id}/duplicate", by=an_organizer(), json=wanted)
    assert problem(answer) == (404, "not-found")
