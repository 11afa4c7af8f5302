"""EM-017: what a visitor finds of events that are cancelled, over, or not on sale yet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.cloud.database import transaction
from shared.sales.order_pricing import SaleClosed
from shared.sales.schemas import OrderResponse
from tests.endpoints import call
from tests.factories import Event, a_tier, a_user, an_event, reserve
from tests.integration.catalog.steps import END, START, change, create, publish, tier

pytestmark = pytest.mark.usefixtures("database")

HOUR = timedelta(hours=1)


def visit(key: object) -> dict[str, Any]:
    """The page of an event, with what its address for tickets says under `tickets`."""
    page, tickets = (call("GET", f"/events/{key}{path}") for path in ("", "/tickets"))
    assert (page.status_code, tickets.status_code) == (200, 200)
    return {**page.get_json(), "tickets": tickets.get_json()}


def listed() -> set[str]:
    """The ids of all listed events."""
    return {event["id"] for event in call("GET", "/events?page_size=100&sort=-date").get_json()["items"]}


def test_a_cancelled_event_is_still_there_says_so_and_sells_nothing():
    event = publish(create())
    assert (visit(event.slug)["tiers"][0]["on_sale"], str(event.id) in listed()) == (True, True)
    change(event, status="cancelled")
    page = visit(event.slug)
    assert (page["status"], page["tickets"]["status"]) == ("cancelled", "cancelled")
    assert [each["on_sale"] for each in page["tiers"]] == [False]
    assert page["tickets"]["tiers"] == page["tiers"]
    assert str(event.id) not in listed()


def test_an_event_that_is_over_is_still_there_and_sells_nothing():
    with transaction() as tx:
        over = an_event(tx, starts_at=datetime.now(UTC) - timedelta(days=2))
        running = an_event(tx, starts_at=datetime.now(UTC) - HOUR)
    assert [each["on_sale"] for each in visit(over.id)["tiers"]] == [False]
    assert [each["on_sale"] for each in visit(running.id)["tiers"]] == [True]
    assert str(over.id) not in listed()
    assert str(running.id) in listed()


@pytest.mark.parametrize(
    ("window", "is_open"),
    [
        ({}, True),
        ({"sale_start": -HOUR}, True),
        ({"sale_start": HOUR}, False),
        ({"sale_end": HOUR}, True),
        ({"sale_end": -HOUR}, False),
        ({"sale_start": -HOUR, "sale_end": HOUR}, True),
    ],
)
def test_on_sale_says_what_a_reservation_would_meet(window: dict[str, timedelta], is_open: bool):
    now = datetime.now(UTC)
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(**{name: now + offset for name, offset in window.items()})])
        buyer = a_user(tx)
    assert visit(event.id)["tiers"][0]["on_sale"] is is_open
    outcome = reserve(buyer, event)
    assert isinstance(outcome, OrderResponse if is_open else SaleClosed)


def test_a_draft_sells_nothing_even_to_its_organizer():
    draft = create(tiers=[tier()], start_date=START, end_date=END)
    assert [each.on_sale for each in draft.tiers] == [False]
    with transaction() as tx:
        buyer = a_user(tx)
    assert isinstance(reserve(buyer, Event(draft.id, draft.organizer_id, [draft.tiers[0].id])), SaleClosed)
