"""A list tells how many there are in all, on whatever page one asks (docs/reference/api.md)."""

from dataclasses import dataclass

import pytest

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.tickets import bibs
from tests.endpoints import call
from tests.factories import Event, a_promo, a_tier, a_user, an_event, an_order

pytestmark = pytest.mark.usefixtures("database")


@dataclass(frozen=True)
class Race:
    """An event with one runner who has paid, with a promo code."""

    event: Event
    organizer: Principal
    buyer: Principal

    def total(self, path: str, page: int) -> tuple[int, int]:
        """The number of entries on this page of a list, and in all."""
        by = self.buyer if path.startswith("/orders") else self.organizer
        listing = call("GET", f"{path.format(event=self.event.id)}?page={page}&page_size=1", by=by).get_json()
        return len(listing["items"]), listing["total"]


@pytest.fixture
def race() -> Race:
    with transaction() as tx:
        organizer, buyer = a_user(tx, role="organizer"), a_user(tx)
        event = an_event(tx, organizer_id=organizer.id, tiers=[a_tier(kind="registration")])
        a_promo(tx, event)
    order = an_order(event, buyer=buyer, paid=True)
    with transaction() as tx:
        bibs.assign_missing(tx, order.id)
    return Race(event, organizer, buyer)


@pytest.mark.parametrize("path", ["/orders/my-orders", "/promos", "/events/{event}/participants"])
def test_also_a_page_beyond_the_last_tells_how_many_there_are(race: Race, path: str):
    assert race.total(path, page=1) == (1, 1)
    assert race.total(path, page=2) == (0, 1)
