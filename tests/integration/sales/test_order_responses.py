"""An order tells which event it is for: what a list of one's orders shows without asking for each event."""

from typing import Any

import pytest

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from tests.endpoints import call
from tests.factories import a_user
from tests.images import a_picture
from tests.integration.catalog.steps import create, organizer_of, publish
from tests.integration.catalog.test_banner import send
from tests.stored_files import StoredFiles

pytestmark = pytest.mark.usefixtures("database")

SHOWN = ("slug", "title", "status", "start_date", "end_date", "timezone", "location", "venue", "banner_url", "banner")


def a_buyer() -> Principal:
    with transaction() as tx:
        return a_user(tx)


def hold(event_id: Any, tier_id: Any, by: Principal) -> dict[str, Any]:
    """Reserve one ticket."""
    body = {"event_id": str(event_id), "items": [{"tier_id": str(tier_id), "quantity": 1}]}
    order: dict[str, Any] = call("POST", "/orders/reserve", by=by, json=body).get_json()
    return order


def test_orders_show_their_event_as_its_own_page_does(files: StoredFiles):
    event = publish(create(title="Konser di Bali", timezone="Asia/Makassar", venue="Taman Tepi Sawah"))
    send(event, a_picture(size=(600, 300)))
    buyer = a_buyer()
    order = hold(event.id, event.tiers[0].id, buyer)
    page = call("GET", f"/events/{event.id}").get_json()
    expected = {name: page[name] for name in SHOWN}
    assert len(expected["banner"]["variants"]) == 2
    assert call("GET", f"/orders/{order['id']}", by=buyer).get_json()["event"] == expected
    [listed] = call("GET", "/orders/my-orders", by=buyer).get_json()["items"]
    assert (listed["event"], listed["status"], listed["id"]) == (expected, "reserved", order["id"])
    assert call("GET", f"/orders/{order['id']}", by=organizer_of(event)).get_json()["event"] == expected


def test_an_event_without_banner_and_venue_is_shown_too():
    event = publish(create())
    buyer = a_buyer()
    hold(event.id, event.tiers[0].id, buyer)
    [listed] = call("GET", "/orders/my-orders", by=buyer).get_json()["items"]
    assert [listed["event"][name] for name in ("banner_url", "banner", "venue")] == [None] * 3
