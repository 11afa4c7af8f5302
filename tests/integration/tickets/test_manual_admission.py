"""People without their phone are found by what they can tell, and let in by the rules of a scan (GATE)."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from tests.endpoints import call, problem
from tests.factories import a_gate_staff, a_tier, a_user, an_event
from tests.integration.tickets.entrance import Entrance, counts_of, scans_of

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def entrance():
    entrance = Entrance()
    item_ids = [item.id for item in entrance.order.items]
    rename(item_ids[0], "Siti Rahma", "siti@example.com")
    rename(item_ids[1], "Budi Santoso", "budi@example.com")
    return entrance


def rename(item_id, name, email):
    with transaction() as tx:
        tx.execute(
            text("UPDATE order_items SET attendee_name = :name, attendee_email = :email WHERE id = :id"),
            {"id": item_id, "name": name, "email": email},
        )


def search(entrance, words, *, by=None):
    return call("GET", f"/gate/events/{entrance.event.id}/search", by=by or entrance.staff, query_string={"q": words})


def found(entrance, words):
    answer = search(entrance, words)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [each["attendee_name"] for each in answer.get_json()["items"]]


def admit(entrance, ticket_id, *, by=None, **asked):
    path = f"/gate/events/{entrance.event.id}/tickets/{ticket_id}/admit"
    return call("POST", path, by=by or entrance.staff, json=asked)


@pytest.mark.parametrize("words", ["siti", "RAHMA", "ti ra", "siti@example.com", "siti@", "  Siti  "])
def test_they_are_found_by_name_or_address(entrance, words):
    assert found(entrance, words) == ["Siti Rahma"]


def test_they_are_found_by_their_order(entrance):
    assert found(entrance, str(entrance.order.id)[:8].upper()) == ["Budi Santoso", "Siti Rahma"]
    assert found(entrance, str(entrance.order.id)) == ["Budi Santoso", "Siti Rahma"]


def test_runners_are_found_by_their_number(files):
    with transaction() as tx:
        race = an_event(tx, tiers=[a_tier(kind="registration", name="10K", quota=100)], gates_open=True)
    runners = Entrance(event=race)
    [[number]] = [[each["bib_number"]] for each in search(runners, "Peserta 2").get_json()["items"]]
    assert found(runners, str(number)) == ["Peserta 2"]


@pytest.mark.parametrize("words", ["", " ", "si", "%", "__", "a" * 101])
def test_too_little_is_refused(entrance, words):
    assert search(entrance, words).status_code == 422


@pytest.mark.parametrize("words", ["%%%", "___", "nobody", "example.com", "' OR true --"])
def test_nothing_else_is_found(entrance, words):
    assert found(entrance, words) == []


def test_it_is_told_what_the_gate_needs_and_no_address(entrance):
    entrance.scan(entrance.codes[0], at="Gerbang A")
    [one] = search(entrance, "siti").get_json()["items"]
    assert (one["status"], one["is_inside"], one["gate"]) == ("used", True, "Gerbang A")
    assert one["attendee_email"] == "s***@example.com"
    assert one["ticket_id"] == str(entrance.ticket_ids[0])


def test_no_more_than_twenty_are_told():
    assert len(found(Entrance(tickets=5), "peserta")) == 5
    crowd = Entrance()
    for _ in range(5):
        crowd.sell(5)
    assert len(found(crowd, "peserta")) == 20


def test_a_search_is_in_the_audit_trail_without_its_words(entrance):
    search(entrance, "siti")
    with transaction() as tx:
        [searched] = tx.execute(
            text("SELECT actor_id, details FROM audit_log WHERE action = 'tickets.searched' AND subject_id = :id"),
            {"id": str(entrance.event.id)},
        ).all()
    assert (searched.actor_id, searched.details) == (entrance.staff.id, {"found": 1})


def test_they_are_let_in_once_and_so_is_their_code(entrance):
    ticket_id = entrance.ticket_ids[0]
    answer = admit(entrance, ticket_id, gate="Gerbang A").get_json()
    assert (answer["result"], answer["attendee_name"], answer["gate"]) == ("valid", "Siti Rahma", "Gerbang A")
    assert admit(entrance, ticket_id).get_json()["result"] == "already_used"
    assert entrance.scan(entrance.codes[0]).result == "already_used"
    assert counts_of(entrance).used == 1
    with transaction() as tx:
        actors = tx.execute(
            text("SELECT actor_id FROM audit_log WHERE action = 'ticket.admitted_by_hand' AND subject_id = :id"),
            {"id": str(ticket_id)},
        ).scalars()
        assert list(actors) == [entrance.staff.id] * 2


def test_a_repeated_request_lets_them_in_once(entrance):
    asked = {"scan_id": str(uuid4()), "gate": "Gerbang A"}
    first = admit(entrance, entrance.ticket_ids[0], **asked)
    assert first.get_json()["result"] == "valid"
    assert admit(entrance, entrance.ticket_ids[0], **asked).get_json() == first.get_json()
    assert problem(admit(entrance, entrance.ticket_ids[1], **asked)) == (422, "idempotency-mismatch")
    assert len(scans_of(entrance.event)) == 1


def test_the_rules_of_a_scan_hold(entrance):
    other_tier = str(uuid4())
    assert admit(entrance, entrance.ticket_ids[0], tier_ids=[other_tier]).get_json()["result"] == "wrong_gate"
    assert problem(admit(entrance, entrance.ticket_ids[0], direction="out")) == (409, "reentry-not-allowed")
    entrance.code_that_is("not_open")
    assert admit(entrance, entrance.ticket_ids[0]).get_json()["result"] == "not_open"
    entrance.code_that_is("refunded")
    assert admit(entrance, entrance.ticket_ids[0]).get_json()["result"] == "refunded"


def test_nobody_else_finds_or_lets_in(entrance):
    elsewhere = Entrance()
    with transaction() as tx:
        colleague = a_gate_staff(tx, an_event(tx, organizer_id=entrance.event.organizer_id))
        buyer = a_user(tx)
    for stranger in (elsewhere.staff, elsewhere.organizer, colleague):
        assert search(entrance, "siti", by=stranger).status_code == 404
        assert admit(entrance, entrance.ticket_ids[0], by=stranger).status_code == 404
    assert search(entrance, "siti", by=buyer).status_code == 403
    assert admit(entrance, elsewhere.ticket_ids[0]).status_code == 404
    assert admit(entrance, uuid4()).status_code == 404
    assert admit(entrance, entrance.ticket_ids[0], by=entrance.organizer).get_json()["result"] == "valid"
