"""An event says whether there is any promo code for it, so that pages ask for none where there is none (TS-006)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.catalog import events
from shared.catalog.events import EventResponse
from shared.cloud import clock
from shared.cloud.database import snapshot, transaction
from tests.factories import Event, a_promo
from tests.integration.catalog.steps import an_organizer, create, publish

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def event() -> EventResponse:
    return publish(create())


def takes_promo_codes(event: EventResponse) -> bool:
    with snapshot() as tx:
        return events.get(tx, event.id).takes_promo_codes


def add_code(event: EventResponse, **columns: Any) -> None:
    """A code of the event's organizer, for this event unless told otherwise."""
    with transaction() as tx:
        a_promo(tx, Event(event.id, event.organizer_id, []), code=f"KODE{uuid4().hex[:8].upper()}", **columns)


def test_without_any_code_it_takes_none(event: EventResponse):
    assert not takes_promo_codes(event)


def test_a_code_of_its_own_counts(event: EventResponse):
    add_code(event)
    assert takes_promo_codes(event)


def test_a_code_for_all_events_of_its_organizer_counts(event: EventResponse):
    add_code(event, event_id=None)
    assert takes_promo_codes(event)


def test_codes_of_others_and_of_the_past_do_not_count(event: EventResponse):
    other = publish(create(an_organizer()))
    add_code(other)
    add_code(other, event_id=None)
    add_code(event, ends_at=clock.now() - timedelta(hours=1))
    add_code(event, is_active=False)
    assert not takes_promo_codes(event)
