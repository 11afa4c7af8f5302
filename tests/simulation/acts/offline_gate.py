"""Gates without network: devices decide by what they have seen themselves, and send their scans later."""

import random
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.gate import let_in, new_scan_id
from tests.simulation.acts.registry import act

if TYPE_CHECKING:
    from tests.simulation.world import World

DEVICES = ("Barat", "Timur")


@act("a gate without network scans a code", 3)
def scan(world: "World", chance: random.Random) -> str | None:
    """Let somebody in whom this device has not seen yet."""
    events = {str(event.id) for event in world.people.events}
    shown = [each for each in world.people.codes_shown.items() if each[1][0] in events]
    if not shown:
        return None
    ticket_id, (event_id, code) = chance.choice(shown)
    device = chance.choice(DEVICES)
    has_seen = any((each["gate"], each["qr"]) == (device, code) for _, _, each in world.people.offline_scans)
    moment = world.clock.now - timedelta(seconds=chance.choice((0, 0, 300)))  # its clock may be slow
    made: dict[str, Any] = {
        "scan_id": new_scan_id(chance),
        "qr": code,
        "scanned_at": moment.isoformat(),
        "gate": device,
        "admitted": not has_seen,
    }
    world.people.offline_scans.append((event_id, ticket_id, made))
    return f"{device}: {'seen already' if has_seen else 'let in'}"


@act("a gate's network is back", 3)
def send(world: "World", chance: random.Random) -> str | None:
    """Send what was scanned at an event meanwhile; the same again if no answer comes."""
    waiting: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for event_id, ticket_id, made in world.people.offline_scans:
        waiting[event_id].append((ticket_id, made))
    if not waiting:
        return None
    event_id = chance.choice(list(waiting))
    [staff] = [
        staff
        for event, staff in zip(world.people.events, world.people.gate_staff, strict=True)
        if str(event.id) == event_id
    ]
    body = {"scans": [made for _, made in waiting[event_id]]}
    answer = ask(world, "POST", f"/gate/events/{event_id}/scans", world.people.headers(staff), body)
    if answer is None or not answer.ok:
        return outcome(answer)
    world.people.offline_scans = [each for each in world.people.offline_scans if each[0] != event_id]
    for (ticket_id, made), judged in zip(waiting[event_id], answer.json()["items"], strict=True):
        if judged["result"] == "valid" and made["admitted"]:
            let_in(world, ticket_id, made["scan_id"])
    return ", ".join(judged["result"] for judged in answer.json()["items"])
