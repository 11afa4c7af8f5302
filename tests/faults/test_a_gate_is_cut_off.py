"""The product is killed (-9, all of it) while a gate scans: what it answered holds, what it didn't is asked again."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests import invariants
from tests.faults.points import cut_off, locked, rows
from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import until


@pytest.fixture
def event(organizer: Person) -> dict[str, Any]:
    """An event whose gates are open."""
    start = datetime.now(UTC) + timedelta(days=29)
    return organizer.publish(
        start_date=start.isoformat(),
        end_date=(start + timedelta(hours=4)).isoformat(),
        gates_open_at=(start - timedelta(days=30)).isoformat(),
    )


def bought(stack: Stack, world: World, event: dict[str, Any], quantity: int) -> list[dict[str, Any]]:
    """So many tickets of somebody, once all that their purchase leads to is done."""
    buyer = world.somebody()
    tickets = buyer.buy(event, [quantity])["tickets"]
    invariants.all_kept(stack)
    return [buyer.api.get(f"tickets/{ticket['id']}") for ticket in tickets]


def test_scans_without_network_that_were_cut_off_are_sent_again_and_count_once(
    stack: Stack, world: World, organizer: Person, event: dict[str, Any]
):
    tickets = bought(stack, world, event, 2)
    scans = [
        {"scan_id": str(uuid4()), "qr": ticket["qr"], "scanned_at": moment.isoformat(), "admitted": True}
        for ticket, moment in zip(tickets, (datetime.now(UTC) - timedelta(minutes=n) for n in (3, 2)), strict=True)
    ]
    send = partial(organizer.api.post, f"gate/events/{event['id']}/scans", {"scans": scans}, status=200)
    with locked(stack, "SELECT 1 FROM tickets WHERE id = :id FOR UPDATE", id=tickets[1]["id"]), cut_off(send):
        until(lambda: rows(stack, "SELECT 1 FROM scans WHERE event_id = :id", id=event["id"]))
        stack.kill()
    stack.start()
    assert [
        row.id for row in rows(stack, "SELECT CAST(id AS text) FROM scans WHERE event_id = :id", id=event["id"])
    ] == [scans[0]["scan_id"]]
    answers = send()["items"]
    assert [each["result"] for each in answers] == ["valid", "valid"]
    assert send()["items"] == answers
    counts = organizer.api.get(f"gate/events/{event['id']}/counts")
    assert (counts["used"], counts["inside"], counts["double_entries"]) == (2, 2, 0)


def test_a_scan_whose_answer_was_lost_is_answered_again_by_the_product_that_starts_anew(
    stack: Stack, world: World, organizer: Person, event: dict[str, Any]
):
    [ticket] = bought(stack, world, event, 1)
    scan = {"event_id": event["id"], "qr": ticket["qr"], "scan_id": str(uuid4()), "gate": "Gerbang A"}
    first = organizer.api.post("tickets/scan", scan, status=200)
    stack.kill()
    stack.start()
    assert first["result"] == "valid"
    assert organizer.api.post("tickets/scan", scan, status=200) == first
    again = organizer.api.post("tickets/scan", {**scan, "scan_id": str(uuid4())}, status=200)
    assert again["result"] == "already_used"
