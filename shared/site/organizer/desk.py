"""Helpers of the desk's pages: addresses of an event's pages, whether an organizer can be paid."""

from uuid import UUID

from shared.catalog import own_events
from shared.catalog.events import EventResponse
from shared.cloud.database import Transaction, snapshot
from shared.identity.tokens import Principal
from shared.payouts import bank_accounts
from shared.problems import NotFound


def address(event_id: UUID, page: str = "") -> str:
    """The address of a page of an event, as `tickets`."""
    return f"/organizer/events/{event_id}/{page}".rstrip("/")


def own_event(organizer: Principal, event_id: UUID) -> EventResponse:
    """An event that the organizer may change, as it is now. Raises NotFound."""
    with snapshot() as tx:
        return own_events.read(tx, organizer, event_id)


def has_bank_account(tx: Transaction, organizer: Principal) -> bool:
    """True if the organizer has said where to send their money."""
    try:
        bank_accounts.read_own(tx, organizer.id)
    except NotFound:
        return False
    return True
