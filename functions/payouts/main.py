"""Payouts of organizers (FN-004..012)."""

from uuid import UUID

from shared.models import Listing, PageQuery
from shared.payouts import retries, schemas
from shared.payouts.schemas import PayoutResponse
from shared.problems import NotFound
from shared.web import App, Organizer, OrganizerOrSteppedUpAdmin, Transaction

app = App("payouts")


@app.get("/payouts")
def history(page: PageQuery, caller: Organizer, tx: Transaction) -> Listing[PayoutResponse]:
    """The caller's payouts, newest first; all of them for an admin."""
    return schemas.list_page(tx, caller, page)


@app.get("/payouts/{payout_id}", problems=(NotFound,))
def payout(payout_id: UUID, caller: Organizer, tx: Transaction) -> PayoutResponse:
    """One payout, for its organizer or an admin."""
    return schemas.read_visible(tx, payout_id, caller)


@app.post("/payouts/{payout_id}/retry", status=200, problems=(NotFound, retries.PayoutNotRetryable))
def retry(payout_id: UUID, caller: OrganizerOrSteppedUpAdmin, tx: Transaction) -> PayoutResponse:
    """Retry a payout that failed or waits, after the bank account was corrected."""
    return retries.retry(tx, payout_id, caller)


main = app.entry_point()
