"""A rush: one place a person, a drawn order, calls in it, and one order for a pass (QUEUE-1)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import MultiDict

from shared.cloud import secrets
from shared.cloud.database import transaction
from shared.cloud.storage import StorageUnavailable
from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.sales import orders, queue_passes, reserve_load
from shared.sales.queue_passes import QueuePass, QueuePassRequired, QueuePassUsed
from shared.sales.reservations import AlreadyReserved
from shared.sales.schemas import OrderResponse
from shared.site import purchase_pages, waiting_room_publishing
from shared.waiting_room import controller, draw, pacing, places, rooms
from shared.waiting_room.places import NotCalledYet, PlaceRefused, PlaceState, QueuePassOver, WaitingRoomClosed
from shared.waiting_room.rooms import RoomState
from shared.web.pages import PageRequest, Redirect
from tests.endpoints import call, problem
from tests.factories import a_tier, a_user, reserve
from tests.integration.waiting_room.rush import Rush
from tests.stored_files import StoredFiles
from tests.threads import at_the_same_time, behind

pytestmark = pytest.mark.usefixtures("database")

HOUR = timedelta(hours=1)


@pytest.fixture
def rush() -> Rush:
    """An event of ten seats whose sale begins in an hour."""
    return Rush()


@pytest.fixture
def selling() -> Rush:
    """One whose sale has begun, after six people had joined."""
    begun = Rush()
    begun.joined(6)
    begun.tick(after=HOUR)
    return begun


def entered(rush: Rush) -> tuple[Principal, QueuePass]:
    """Somebody who has been called and has entered."""
    person = rush.person_called()
    place = places.enter(rush.event.id, person.id)
    assert place.queue_pass
    return person, place.queue_pass


def cancel(buyer: Principal, order: OrderResponse) -> None:
    with transaction() as tx:
        orders.cancel(tx, orders.lock_own(tx, order.id, buyer.id))


def refused(act: Callable[[], object], kind: type[Problem]) -> Problem:
    with pytest.raises(kind) as error:
        act()
    return error.value


# Places


def test_a_person_has_one_place_from_whatever_account_or_device(rush: Rush):
    with transaction() as tx:
        name = uuid4().hex[:10]
        one = a_user(tx, email=f"{name}@gmail.com")
        same_mailbox = a_user(tx, email=f"{name}+tiket@gmail.com")
        other = a_user(tx)
    numbers = [each.number for each in rush.join([one, same_mailbox, one, other])]
    assert numbers == [1, 1, 1, 2]


def test_calls_at_the_same_moment_get_numbers_of_their_own(rush: Rush):
    people = rush.people(24)
    joined = at_the_same_time([partial(places.join, rush.event.id, each.id) for each in people * 2])
    assert {each.number for each in joined} == set(range(1, 25)) == {rush.place(each).number for each in people}
    assert rush.room.joined == 24


def test_nobody_joins_before_it_opens_or_where_there_is_none(rush: Rush):
    [person] = rush.people(1)
    rush.change(waiting_room_opens_at=datetime.now(UTC) + HOUR)
    refused(lambda: rush.join([person]), WaitingRoomClosed)
    rush.change(waiting_room_opens_at=None)
    refused(lambda: rush.join([person]), WaitingRoomClosed)
    refused(lambda: places.join(uuid4(), person.id), WaitingRoomClosed)


def test_calls_for_events_without_a_room_hold_up_nobody_who_joins(monkeypatch: pytest.MonkeyPatch):
    joined_together: list[Any] = []
    monkeypatch.setattr(places, "_join_together", joined_together.append)
    refused(lambda: places.join(uuid4(), uuid4()), WaitingRoomClosed)
    assert joined_together == []


# The draw


def test_nobody_knows_a_position_or_the_key_before_the_hour(rush: Rush):
    [person] = rush.joined(1)
    room = rush.tick()
    assert (room.phase, room.draw_key, rush.place(person).state) == ("gathering", None, PlaceState.WAITING)
    assert room.position(1) is None
    assert draw.key_of(room.id, room.key_version) not in json.dumps([str(each) for each in rush.row()])


def test_at_the_hour_those_who_are_there_are_drawn_and_the_rest_stand_behind_them(rush: Rush):
    early = rush.joined(20)
    rush.pass_time(HOUR)
    late = rush.joined(3)  # before the controller has noticed that it is time
    room = rush.tick()
    assert (room.draw_size, rush.in_order([*late, *early])[20:]) == (20, late)
    assert rush.in_order(early) != early
    assert room.draw_key
    assert draw.commitment_to(room.draw_key) == room.commitment


def test_a_draw_never_changes(selling: Rush):
    before = selling.room
    secrets.provide({queue_passes.KEY: "a new key, after a rotation of the secret"}, number="2")
    secrets.provide({queue_passes.KEY: "what it was"}, number="1")
    selling.change_tiers(sale_start=datetime.now(UTC) + HOUR)
    selling.joined(2)
    after = selling.tick(after=2 * HOUR)
    assert (after.draw_key, after.draw_size) == (before.draw_key, before.draw_size)


def test_a_sale_that_is_put_off_puts_off_the_draw_and_after_it_only_the_calls(rush: Rush):
    rush.joined(3)
    rush.change_tiers(sale_start=datetime.now(UTC) + 2 * HOUR)
    assert rush.tick(after=HOUR).phase == "gathering"
    assert rush.tick(after=HOUR).serving_number == 3
    rush.change_tiers(sale_start=datetime.now(UTC) + HOUR)
    rush.joined(1)
    assert (rush.tick().phase, rush.tick().serving_number) == ("paused", 3)
    assert (rush.tick(after=HOUR).phase, rush.tick().serving_number) == ("serving", 4)


def test_nobody_draws_while_an_event_is_not_published(rush: Rush):
    rush.joined(2)
    rush.change(status="draft")
    rush.pass_time(HOUR)
    rush.joined(1)
    rush.tick()
    rush.change_tiers(sale_start=datetime.now(UTC) + HOUR)
    rush.change(status="published")
    assert (rush.tick().phase, rush.room.draw_key) == ("gathering", None)


# Calling


def test_people_are_called_in_their_order_and_no_more_than_seats_are_free(rush: Rush):
    people = rush.joined(15)
    rush.tick(after=HOUR)
    for _ in range(5):
        rush.tick()
    assert rush.called(people) == rush.in_order(people)[:10]


def test_whoever_lets_a_turn_go_makes_room_for_the_next(rush: Rush):
    people = rush.joined(15)
    rush.tick(after=HOUR)
    rush.tick()
    for each in rush.called(people):
        places.enter(rush.event.id, each.id)
    assert rush.tick().serving_number == 10
    rush.pass_time(timedelta(minutes=11))
    assert rush.tick().serving_number == 15


def test_everybody_hears_when_all_is_sold_and_when_tickets_come_back(rush: Rush):
    rush.joined(15)
    rush.tick(after=HOUR)
    rush.change_tiers(sold=10)
    assert rush.tick().phase == "sold_out"
    [late] = rush.people(1)
    refused(lambda: rush.join([late]), WaitingRoomClosed)
    rush.change_tiers(sold=8)
    assert (rush.tick(after=timedelta(minutes=5)).phase, rush.room.serving_number) == ("serving", 12)
    rush.change_tiers(sold=8, reserved=2)
    assert rush.tick().phase == "all_held"


def test_people_queue_for_tickets_and_goods_neither_begin_nor_prolong_it():
    rush = Rush(goods=[a_tier(kind="product", name="Kaos", quota=1_000)])
    rush.joined(15)
    assert rush.tick().phase == "gathering"
    assert rush.tick(after=HOUR).serving_number == 10
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET sold = quota WHERE id = :id"), {"id": rush.event.tier_ids[0]})
    assert rush.tick(after=HOUR).phase == "sold_out"


@pytest.mark.parametrize("gone", ["sold = quota", "sale_end = now() - interval '1 minute'"])
def test_goods_that_are_left_when_the_tickets_are_gone_need_no_pass(gone: str):
    rush = Rush(sale_in=None, goods=[a_tier(kind="product", name="Kaos")])
    [fan, other] = rush.people(2)
    assert isinstance(reserve(fan, rush.event, [0, 1]), QueuePassRequired)
    assert isinstance(reserve(fan, rush.event, [1]), QueuePassRequired)
    with transaction() as tx:
        tx.execute(text(f"UPDATE ticket_tiers SET {gone} WHERE id = :id"), {"id": rush.event.tier_ids[0]})
    assert isinstance(reserve(fan, rush.event, [0, 1]), OrderResponse)
    with transaction() as tx:
        tx.execute(
            text("UPDATE ticket_tiers SET sold = quota - 1, sale_end = NULL WHERE id = :id"),
            {"id": rush.event.tier_ids[0]},
        )
    assert isinstance(reserve(other, rush.event, [0, 1]), QueuePassRequired)


def test_a_room_whose_tickets_sale_has_ended_is_not_made_again_for_goods():
    rush = Rush(sale_in=None, goods=[a_tier(kind="product", name="Kaos")])
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET sale_end = now() WHERE id = :id"), {"id": rush.event.tier_ids[0]})
    assert rush.tick().phase == "ended"
    rooms.close(rush.room.id)
    rooms.make_missing(rush.event.id)
    assert rooms.find(rush.event.id) is None


def test_a_presale_that_has_ended_draws_nobody_before_the_sale_begins():
    now = datetime.now(UTC)
    rush = Rush(goods=[a_tier(name="Presale", sale_start=now - 48 * HOUR, sale_end=now - 24 * HOUR)])
    rush.joined(3)
    assert rush.tick().phase == "gathering"
    assert rush.tick(after=HOUR).draw_size == 3


ADD_WAITING = text("""
    INSERT INTO waiting_room_places (room_id, person_id, user_id, number)
    SELECT p.room_id, gen_random_uuid(), p.user_id, 1000 + each
    FROM generate_series(1, 2000) each, (SELECT * FROM waiting_room_places WHERE room_id = :id LIMIT 1) p
""")


def test_who_is_choosing_is_counted_without_reading_all_who_wait(selling: Rush):
    values = {"id": selling.room.id, "event_id": selling.event.id, "lately": rooms.ARRIVAL_SECONDS}
    with transaction() as tx, tx.begin_nested() as unseen:
        tx.execute(ADD_WAITING, values)
        tx.execute(text("ANALYZE waiting_room_places"))  # or what other tests have left there decides
        tx.execute(text("SET LOCAL enable_seqscan = off"))
        plan = [str(line) for line in tx.execute(text(f"EXPLAIN {rooms._QUEUE.text}"), values).scalars()]
        unseen.rollback()
    assert sum("waiting_room_places_passes" in line for line in plan) == 2
    assert not [line for line in plan if "waiting_room_places_pkey" in line or "room_id_number_key" in line]


@pytest.mark.parametrize("error", [KeyError("the version of its key"), DBAPIError("UPDATE", {}, Exception("refused"))])
def test_a_room_that_cannot_be_moved_holds_up_no_other(rush: Rush, monkeypatch: pytest.MonkeyPatch, error: Exception):
    later, broken, tick = Rush(), rush.room.id, rooms.tick

    def tick_or_fail(room_id: UUID) -> RoomState | None:
        if room_id == broken:
            raise error
        return tick(room_id)

    monkeypatch.setattr(rooms, "tick", tick_or_fail)
    shown: list[UUID] = []
    moved = controller.tick_all(lambda room, _: shown.append(room.id))
    assert moved[broken] is None, "and it is tried again with the next tick"
    assert later.room.id in shown
    assert broken not in shown


def test_what_was_moved_longest_ago_is_moved_first(rush: Rush):
    later = Rush()
    rush.tick(after=timedelta(0))
    order = list(rooms.open_rooms())
    assert order.index(later.room.id) < order.index(rush.room.id)


def test_two_controllers_call_no_faster_than_one(rush: Rush):
    people = rush.joined(15)
    rush.change_tiers(quota=1_000)
    rush.pass_time(HOUR)
    rush.limit_calls(per_minute=60)
    rush.pass_time(timedelta(seconds=4))
    at_the_same_time([partial(rooms.tick, rush.room.id)] * 4)
    assert len(rush.called(people)) == 4


def test_a_controller_that_is_cut_off_has_moved_everything_or_nothing(rush: Rush, monkeypatch: pytest.MonkeyPatch):
    rush.joined(5)
    rush.pass_time(HOUR)
    monkeypatch.setattr(rooms, "_CALL", text("SELECT 1 / CAST(0 AS int), :id, :serving_number"))
    with pytest.raises(Exception, match="division by zero"):
        rooms.tick(rush.room.id)
    assert (rush.room.draw_key, rush.room.serving_number) == (None, 0)
    monkeypatch.undo()
    assert rush.tick().serving_number == 5


def test_calling_slows_down_while_reserving_fails(rush: Rush, monkeypatch: pytest.MonkeyPatch):
    rush.joined(1)
    rush.tick(after=HOUR)
    monkeypatch.setattr(reserve_load, "REPORT_SECONDS", 0)
    with pytest.raises(RuntimeError), reserve_load.measured():
        raise RuntimeError
    rush.limit_calls(per_minute=600)
    rush.tick()
    assert rush.row().calls_per_minute == 400


# Entering and ordering


def test_nobody_enters_before_they_are_called_and_nobody_twice(selling: Rush):
    selling.change_tiers(quota=6)
    [late] = selling.joined(1)
    told = refused(lambda: places.enter(selling.event.id, late.id), NotCalledYet)
    assert told.members == {"people_ahead": 0}
    person, queue_pass = entered(selling)
    again = at_the_same_time([partial(places.enter, selling.event.id, person.id)] * 4)
    assert {each.queue_pass for each in again} == {queue_pass}


def test_who_enters_twice_at_the_same_moment_has_the_pass_of_the_first_time(selling: Rush):
    person = selling.person_called()
    place = selling.place(person)
    values = {"room_id": place.room.id, "number": place.number, "user_id": person.id, "seconds": places.PASS_SECONDS}
    given = text("SELECT pass_id FROM waiting_room_places WHERE room_id = :room_id AND number = :number")
    with transaction() as tx:
        tx.execute(places._ENTER, values)
        first = tx.execute(given, values).scalar_one()
        entering = behind(tx, partial(places.enter, selling.event.id, person.id))
    second = entering.result().queue_pass
    assert second is not None
    assert second.id == first


def test_an_order_needs_a_pass_of_ones_own_that_is_good(selling: Rush):
    person, queue_pass = entered(selling)
    [other] = selling.people(1)
    elsewhere = Rush(sale_in=None)
    expired = replace(queue_pass, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for buyer, event, given in (
        (person, selling.event, None),
        (person, selling.event, expired),
        (other, selling.event, queue_pass),
        (person, elsewhere.event, queue_pass),
    ):
        assert isinstance(reserve(buyer, event, queue_pass=given), QueuePassRequired)
    assert isinstance(reserve(person, selling.event, queue_pass=queue_pass), OrderResponse)


def test_any_account_of_a_person_may_order_with_their_pass_and_only_one_does():
    rush = Rush(sale_in=None)
    with transaction() as tx:
        name = uuid4().hex[:10]
        accounts = [a_user(tx, email=f"{name}{tag}@gmail.com") for tag in ("", "+tiket")]
    rush.join(accounts[:1])
    rush.tick()
    passes = [places.enter(rush.event.id, each.id).queue_pass for each in accounts]
    outcomes = at_the_same_time(
        [partial(reserve, each, rush.event, queue_pass=own) for each, own in zip(accounts, passes, strict=True)]
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["OrderResponse", "QueuePassUsed"]


def test_a_pass_is_good_for_one_order_even_once_that_is_cancelled(selling: Rush):
    person, queue_pass = entered(selling)
    outcomes = at_the_same_time([partial(reserve, person, selling.event, queue_pass=queue_pass)] * 6)
    [order] = [each for each in outcomes if isinstance(each, OrderResponse)]
    assert sum(isinstance(each, AlreadyReserved) for each in outcomes) == 5
    cancel(person, order)
    assert isinstance(reserve(person, selling.event, queue_pass=queue_pass), QueuePassUsed)
    assert selling.place(person).state == PlaceState.OVER
    refused(lambda: places.enter(selling.event.id, person.id), QueuePassOver)


def test_a_used_pass_sent_again_fails_nobody_elses_order(selling: Rush):
    person, queue_pass = entered(selling)
    order = reserve(person, selling.event, queue_pass=queue_pass)
    assert isinstance(order, OrderResponse)
    cancel(person, order)
    others = [entered(selling) for _ in range(3)]
    outcomes = selling.reserve_together([(person, queue_pass), *others])
    assert [type(each) for each in outcomes] == [QueuePassUsed, OrderResponse, OrderResponse, OrderResponse]


def test_whose_turn_is_over_may_stand_at_the_end_again(selling: Rush):
    person, _ = entered(selling)
    assert selling.join([person])[0].state == PlaceState.CHOOSING, "while it lasts, the place stays"
    selling.pass_time(timedelta(minutes=11))
    [again] = selling.join([person])
    assert (again.number, again.queue_pass) == (7, None)


def test_an_order_that_was_placed_is_the_answer_to_the_same_request_after_the_pass_has_expired(selling: Rush):
    person, queue_pass = entered(selling)
    order = reserve(person, selling.event, queue_pass=queue_pass, idempotency_key="one")
    expired = replace(queue_pass, expires_at=datetime.now(UTC) - timedelta(minutes=1))
    again = reserve(person, selling.event, queue_pass=expired, idempotency_key="one")
    assert isinstance(order, OrderResponse)
    assert isinstance(again, OrderResponse)
    assert again.id == order.id


def test_a_form_that_is_sent_again_leads_to_the_order_of_the_first_time(selling: Rush):
    person, _ = entered(selling)
    form = MultiDict({f"t_{selling.event.tier_ids[0]}": "1", "key": str(uuid4())})
    request = PageRequest(f"/buy/{selling.room.slug}", form=form)
    first, again = (purchase_pages.hold(request, selling.room.slug, person) for _ in range(2))
    assert isinstance(first, Redirect)
    assert first.location == f"/orders/{selling.place(person).order_id}"
    assert again == first


# The end


def test_a_rush_that_is_none_any_more_lets_everybody_order_and_marked_again_it_is_drawn_anew(selling: Rush):
    first = selling.room
    [anybody] = selling.people(1)
    assert isinstance(reserve(anybody, selling.event), QueuePassRequired)
    selling.change(waiting_room_opens_at=None)
    assert isinstance(reserve(anybody, selling.event), OrderResponse)
    shown: list[str] = []
    controller.tick_all(lambda room, _: shown.append(room.phase) if room.id == first.id else None)
    assert shown == ["lifted"]
    selling.change(waiting_room_opens_at=datetime.now(UTC))
    rooms.make_missing(selling.event.id)
    assert (selling.room.id != first.id, selling.room.joined) == (True, 0)
    assert selling.room.commitment != first.commitment


def test_a_cancelled_event_says_so_and_calls_nobody(selling: Rush):
    selling.change(status="cancelled")
    [called] = [selling.person_called()]
    moved = selling.tick()
    assert moved.phase == "cancelled"
    refused(lambda: places.enter(selling.event.id, called.id), WaitingRoomClosed)


# What is published


def test_the_status_and_the_pages_are_published_and_again_after_the_storage_was_away(rush: Rush, files: StoredFiles):
    def lost(*_: object) -> None:
        raise StorageUnavailable("away")

    rush.joined(2)
    controller.tick_all(lost)
    controller.tick_all(waiting_room_publishing.publish)
    slug = rush.room.slug
    told = json.loads(files.files[f"queue-status/{slug}.json"])
    assert (told["phase"], told["joined"], told["draw"]) == ("gathering", 2, None)
    assert "Ambil tempat" in files.files[f"id/queue/{slug}"].decode()
    assert "Take a place" in files.files[f"en/queue/{slug}"].decode()
    assert files.described[f"queue-status/{slug}.json"] == ("application/json", "public, max-age=2")
    rush.pass_time(HOUR)
    controller.tick_all(waiting_room_publishing.publish)
    told = json.loads(files.files[f"queue-status/{slug}.json"])
    assert (told["draw"]["size"], draw.commitment_to(told["draw"]["key"])) == (2, told["commitment"])


def test_a_room_stays_open_until_everybody_could_read_that_it_is_over(selling: Rush):
    def lost(*_: object) -> None:
        raise StorageUnavailable("away")

    selling.change(status="cancelled")
    controller.tick_all(lost)
    assert rooms.find(selling.event.id)
    controller.tick_all(lambda *_: None)
    assert rooms.find(selling.event.id) is None


def leave_no_rooms() -> None:
    """Close all rooms there are, so that the controller sees those of the test alone."""
    with transaction() as tx:
        tx.execute(text("UPDATE waiting_rooms SET closed_at = now() WHERE closed_at IS NULL"))
        tx.execute(text("UPDATE events SET waiting_room_opens_at = NULL"))


def test_the_controller_looks_once_in_a_run_at_a_room_that_opens_later(monkeypatch: pytest.MonkeyPatch):
    leave_no_rooms()
    Rush()
    later = Rush()
    later.change(waiting_room_opens_at=datetime.now(UTC) + HOUR)
    seen: list[UUID] = []
    monkeypatch.setattr(controller, "TICK_SECONDS", 1e-6)
    controller.run(lambda room, _: seen.append(room.id), seconds=0.05)
    assert seen.count(later.room.id) == 1


def test_the_controller_goes_on_while_somebody_waits_and_ends_where_nobody_does(monkeypatch: pytest.MonkeyPatch):
    leave_no_rooms()
    slept: list[float] = []
    monkeypatch.setattr("shared.waiting_room.controller.time.sleep", slept.append)
    controller.run(lambda *_: None, seconds=0)
    assert slept == []
    Rush().joined(1)
    seen: list[str] = []
    monkeypatch.setattr(controller, "TICK_SECONDS", 1e-6)
    controller.run(lambda room, _: seen.append(room.phase), seconds=0.05)
    assert len(seen) > 1


# By the API


def test_by_the_api(selling: Rush):
    person = selling.person_called()
    path = f"/waiting-rooms/{selling.event.id}"
    place = call("POST", f"{path}/place", by=person).get_json()
    assert (place["state"], place["people_ahead"], place["status_path"]) == (
        "called",
        0,
        f"/queue-status/{selling.room.slug}.json",
    )
    assert call("GET", f"{path}/place", by=person).get_json()["number"] == place["number"]
    given = call("POST", f"{path}/pass", by=person, json={"token": place["token"]}).get_json()
    body: dict[str, Any] = {
        "event_id": str(selling.event.id),
        "items": [{"tier_id": str(selling.event.tier_ids[0]), "quantity": 1}],
    }
    tampered = given["queue_pass"][:-4] + "AAAA"
    foreign = queue_passes.sign(QueuePass(uuid4(), selling.event.id, uuid4(), datetime.now(UTC) + HOUR))
    for bad in ({}, {"queue_pass": tampered}, {"queue_pass": foreign}, {"queue_pass": place["token"]}):
        assert problem(call("POST", "/orders/reserve", by=person, json=body | bad)) == (403, "queue-pass-required")
    good = {"queue_pass": given["queue_pass"]}
    assert call("POST", "/orders/reserve", by=person, json=body | good).status_code == 201


def test_a_token_of_somebody_else_or_of_nobody_is_refused(selling: Rush):
    one, other = selling.joined(2)
    token = selling.place(one).token
    for who, given in ((other, token), (one, token[:-4] + "AAAA"), (one, "nonsense"), (one, "\u0661")):
        refused(partial(places.enter, selling.event.id, who.id, given), PlaceRefused)
    elsewhere = Rush()
    refused(lambda: places.enter(elsewhere.event.id, one.id, token), PlaceRefused)


def test_who_asks_too_early_with_a_token_costs_no_query(selling: Rush, monkeypatch: pytest.MonkeyPatch):
    selling.change_tiers(quota=6)
    [late] = selling.joined(1)
    token = selling.place(late).token
    refused(lambda: places.enter(selling.event.id, late.id, token), NotCalledYet)
    monkeypatch.setattr(places, "own", None)
    refused(lambda: places.enter(selling.event.id, late.id, token), NotCalledYet)


def test_the_set_rate_is_never_passed(rush: Rush):
    rush.joined(1)
    for _ in range(60):
        rush.tick(after=timedelta(seconds=1) if rush.room.draw_key else HOUR)
    assert rush.row().calls_per_minute <= pacing.MAX_CALLS_PER_MINUTE
