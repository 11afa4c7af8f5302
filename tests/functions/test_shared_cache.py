"""CACHE-002, CACHE-005 on a running product: visitors see what changes, and don't notice when Firestore is away."""

from statistics import median
from typing import Any

import pytest
import requests
from sqlalchemy import text

from tests.people import World
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS, until

SOON = PATIENCE_SECONDS


@pytest.fixture
def event(world: World) -> dict[str, Any]:
    """An event on sale that both web workers have shown to visitors."""
    published = world.somebody("organizer").publish({"name": "Festival", "price": 150_000, "quota": 10})
    for _ in range(20):
        visited(world, published)
    return published


def visited(world: World, event: dict[str, Any]) -> requests.Response:
    """The page as a new visitor gets it, from whichever worker."""
    answer = requests.get(f"{world.url}/api/v1/events/{event['slug']}", timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    return answer


def available(world: World, event: dict[str, Any]) -> int:
    left: int = visited(world, event).json()["tiers"][0]["available"]
    return left


def test_visitors_soon_see_what_was_reserved_paid_and_given_back(world: World, event: dict[str, Any]):
    buyer = world.somebody()
    order = buyer.reserve(event, [4])
    assert buyer.api.get(f"events/{event['slug']}")["tiers"][0]["available"] == 6
    until(lambda: available(world, event) == 6, seconds=SOON)
    buyer.api.post(f"orders/{order['id']}/cancel", status=200)
    until(lambda: available(world, event) == 10, seconds=SOON)
    world.somebody().buy(event, [3])
    until(lambda: visited(world, event).json()["tiers"][0]["sold"] == 3, seconds=SOON)


def test_with_firestore_stalled_visitors_are_answered_at_once_and_rightly(
    stack: Stack, world: World, event: dict[str, Any]
):
    with stack.stalled("cloud"):
        answers = [visited(world, event) for _ in range(40)]
        with stack.database() as database, database.begin() as tx:
            tx.execute(text("UPDATE events SET title = 'Konser Fajar' WHERE id = :id"), {"id": event["id"]})
        until(lambda: visited(world, event).json()["title"] == "Konser Fajar", seconds=SOON)
    assert median(answer.elapsed.total_seconds() for answer in answers) < 5
    until(lambda: "cache.fallback" in stack.output())
    until(lambda: '"operation": "recovered"' in fresh_output(stack, world, event))


def fresh_output(stack: Stack, world: World, event: dict[str, Any]) -> str:
    """The product's log after one more visit."""
    visited(world, event)
    return stack.output()
