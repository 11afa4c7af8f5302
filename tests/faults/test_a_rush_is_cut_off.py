"""kill -9 of everything in the middle of a rush: nobody loses a place, and nobody's position changes (QUEUE-1)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS, until

RUN = "waiting-room-controller-run"


def status(world: World, slug: str) -> dict[str, Any]:
    """The document that everybody who waits can read; empty before it is published."""
    answer = requests.get(f"{world.url}/queue-status/{slug}.json", timeout=PATIENCE_SECONDS)
    return answer.json() if answer.ok else {}


def test_a_rush_survives_kill_minus_nine(stack: Stack, world: World, organizer: Person):
    now = datetime.now(UTC)
    later, opened = (now + timedelta(hours=1)).isoformat(), (now - timedelta(minutes=1)).isoformat()
    tier = {"name": "Festival", "price": 150_000, "quota": 2, "sale_start": later}
    event = organizer.publish(tier, title="Konser Rebutan", waiting_room_opens_at=opened)
    place = f"waiting-rooms/{event['id']}/place"
    people = [world.somebody() for _ in range(4)]
    numbers = [each.api.post(place, status=200)["number"] for each in people]
    stack.run_job(RUN)
    commitment = until(lambda: status(world, event["slug"]).get("commitment"), what="for the status")
    stack.restart()
    assert [each.api.post(place, status=200)["number"] for each in people] == numbers == [1, 2, 3, 4]
    begun = [{"id": event["tiers"][0]["id"], "sale_start": datetime.now(UTC).isoformat()}]
    organizer.api.call("PUT", f"events/{event['id']}", json={"tiers": begun}, status=200)
    stack.run_job(RUN)
    until(lambda: status(world, event["slug"]).get("serving_number") == 2, what="for two to be called")
    positions = [each.api.get(place)["position"] for each in people]
    [first] = [each for each, position in zip(people, positions, strict=True) if position == 1]
    given = first.api.post(f"waiting-rooms/{event['id']}/pass", {}, status=200)
    stack.restart()
    stack.run_job(RUN)
    until(lambda: status(world, event["slug"]).get("phase") == "serving", what="for the status")
    assert [each.api.get(place)["position"] for each in people] == positions
    assert status(world, event["slug"])["commitment"] == commitment
    again = first.api.post(f"waiting-rooms/{event['id']}/pass", {}, status=200)
    assert again["expires_at"] == given["expires_at"]
    items = [{"tier_id": event["tiers"][0]["id"], "quantity": 1}]
    body = {"event_id": event["id"], "items": items, "queue_pass": given["queue_pass"]}
    assert first.api.post("orders/reserve", body, status=201)["status"] == "reserved"
    organizer.api.call("PUT", f"events/{event['id']}", json={"waiting_room_opens_at": None}, status=200)
