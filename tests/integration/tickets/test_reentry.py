"""A guest who has left may come in again where the organizer allows it, and nobody is in twice (GATE)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.tickets.admission import ReentryNotAllowed
from tests.integration.tickets.entrance import Entrance, counts_of, double_entries_of, offline
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def entrance():
    return Entrance(allows_reentry=True)


def test_who_has_left_comes_in_again(entrance):
    [code, _] = entrance.codes
    first = entrance.scan(code)
    assert (first.result, first.is_reentry) == ("valid", False)
    assert entrance.scan(code).result == "already_used"
    left = entrance.scan(code, direction="out")
    assert (left.result, left.validated_at) == ("exited", first.validated_at)
    assert counts_of(entrance).inside == 0
    again = entrance.scan(code, at="Gerbang B")
    assert (again.result, again.is_reentry) == ("valid", True)
    assert entrance.scan(code).result == "already_used"
    assert (counts_of(entrance).used, counts_of(entrance).inside) == (1, 1)


def test_nobody_leaves_who_is_not_inside(entrance):
    [code, _] = entrance.codes
    assert entrance.scan(code, direction="out").result == "not_inside"
    entrance.scan(code)
    assert [entrance.scan(code, direction="out").result for _ in range(2)] == ["exited", "not_inside"]
    assert entrance.scan("palsu", direction="out").result == "forged"


def test_where_it_is_not_allowed_nobody_is_scanned_out():
    entrance = Entrance()
    entrance.scan(entrance.codes[0])
    with pytest.raises(ReentryNotAllowed):
        entrance.scan(entrance.codes[0], direction="out")
    assert entrance.scan(entrance.codes[0]).result == "already_used"
    [answer] = entrance.send(offline(entrance.codes[0], direction="out"))
    assert answer.result == "not_inside", "a device's queue is never stuck"


def test_who_has_left_comes_in_within_the_hours_of_the_gate(entrance):
    [code, _] = entrance.codes
    entrance.scan(code)
    entrance.scan(code, direction="out")
    entrance.change_event(gates_open_at=datetime.now(UTC) + timedelta(hours=1))
    assert entrance.scan(code).result == "not_open"
    assert counts_of(entrance).inside == 0


def test_of_eight_who_come_back_in_the_same_instant_one_is_let_in(entrance):
    [code, _] = entrance.codes
    entrance.scan(code)
    assert sorted(at_the_same_time([lambda: entrance.scan(code, direction="out").result] * 8)) == [
        "exited",
        *["not_inside"] * 7,
    ]
    assert sorted(at_the_same_time([lambda: entrance.scan(code).result] * 8)) == ["already_used"] * 7 + ["valid"]


def test_a_repeated_exit_gets_the_same_answer_also_after_coming_back(entrance):
    [code, _] = entrance.codes
    entrance.scan(code)
    scan_id = uuid4()
    left = entrance.scan(code, direction="out", scan_id=scan_id)
    back = entrance.scan(code)
    assert back.is_reentry
    assert entrance.scan(code, direction="out", scan_id=scan_id) == left
    assert counts_of(entrance).inside == 1


def test_after_an_undo_nothing_of_it_counts(entrance):
    [code, _] = entrance.codes
    for direction in ("in", "out", "in", "out"):
        entrance.scan(code, direction=direction)
    entrance.undo()
    assert (counts_of(entrance).used, counts_of(entrance).inside) == (0, 0)
    assert entrance.scan(code, direction="out").result == "not_inside"
    again = entrance.scan(code)
    assert (again.result, again.is_reentry) == ("valid", False)
    assert counts_of(entrance).inside == 1


def test_what_devices_send_late_is_judged_by_what_had_happened_then(entrance):
    [code, _] = entrance.codes
    late = [
        offline(code, minutes_ago=30),
        offline(code, minutes_ago=20, direction="out"),
        offline(code, minutes_ago=10, gate="Gerbang C"),
    ]
    answers = entrance.send(*reversed(late))
    assert [(each.result, each.is_reentry) for each in reversed(answers)] == [
        ("valid", False),
        ("exited", False),
        ("valid", True),
    ]
    assert counts_of(entrance).inside == 1
    assert double_entries_of(entrance) == []


def test_a_late_entry_into_a_time_when_the_holder_was_inside_is_a_double_entry(entrance):
    [code, _] = entrance.codes
    entrance.send(offline(code, minutes_ago=50), offline(code, minutes_ago=40, direction="out"))
    entrance.send(offline(code, minutes_ago=30))
    [inside] = entrance.send(offline(code, minutes_ago=20))
    [before] = entrance.send(offline(code, minutes_ago=35))
    assert (inside.result, before.result) == ("already_used", "already_used")
    assert len(double_entries_of(entrance)) == 2
    [exited] = entrance.send(offline(code, minutes_ago=45, direction="out"))
    assert exited.result == "not_inside", "they left at another time, as far as is known"
    assert counts_of(entrance).inside == 1
