"""Refunds: requested by buyers, decided by organizers (PS-015..018, LATE-1)."""

from uuid import UUID

from shared.catalog.editing import EventCancelled
from shared.models import Listing
from shared.problems import NotFound
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.refunds import schemas as refund_schemas
from shared.refunds.approval import RefundAlreadyDecided, RefundNotRetryable
from shared.refunds.requests import (
    AlreadyRequested,
    NothingToRefund,
    NotRefundable,
    RefundRequestedResponse,
    UnitRevealed,
    WindowClosed,
)
from shared.refunds.schemas import RefundQuery, RefundResponse
from shared.tickets.voiding import ProductsPickedUp, TicketUsed
from shared.web import App, Buyer, OrganizerOrSteppedUpAdmin, SignedIn, Transaction

app = App("refunds")

USED = (TicketUsed, ProductsPickedUp)
REFUSALS = (NotFound, NotRefundable, WindowClosed, EventCancelled, AlreadyRequested, NothingToRefund)


@app.post("/refunds/request", status=201, idempotent=True, problems=(*REFUSALS, *USED, UnitRevealed))
def request_refund(wanted: refund_requests.RefundRequest, buyer: Buyer, tx: Transaction) -> RefundRequestedResponse:
    """Request a refund of nine tenths of the price, up to seven days before the event; the organizer decides.

    Free items are returned at once.
    """
    return refund_requests.request(tx, buyer.id, wanted)


@app.get("/refunds")
def list_refunds(page: RefundQuery, caller: SignedIn, tx: Transaction) -> Listing[RefundResponse]:
    """The caller's refunds; for organizers those of their events too."""
    return refund_schemas.list_page(tx, caller, page)


@app.get("/refunds/{refund_id}", problems=(NotFound,))
def refund(refund_id: UUID, caller: SignedIn, tx: Transaction) -> RefundResponse:
    """One refund, for its buyer, its organizer or an admin."""
    return refund_schemas.read_visible(tx, refund_id, caller)


@app.put("/refunds/{refund_id}/approve", problems=(NotFound, RefundAlreadyDecided, *USED, EventCancelled))
def approve(refund_id: UUID, caller: OrganizerOrSteppedUpAdmin, tx: Transaction) -> RefundResponse:
    """Approve a refund: its tickets are void and their stock is free at once."""
    return approval.approve(tx, caller, refund_id)


@app.put("/refunds/{refund_id}/reject", problems=(NotFound, RefundAlreadyDecided))
def reject(
    refund_id: UUID, rejection: approval.Rejection, caller: OrganizerOrSteppedUpAdmin, tx: Transaction
) -> RefundResponse:
    """Reject a refund, with a reason for the buyer."""
    return approval.reject(tx, caller, refund_id, rejection)


@app.post("/refunds/{refund_id}/retry", status=200, problems=(NotFound, RefundNotRetryable))
def retry(refund_id: UUID, caller: OrganizerOrSteppedUpAdmin, tx: Transaction) -> RefundResponse:
    """Retry a refund that failed or waits."""
    return approval.retry(tx, caller, refund_id)


main = app.entry_point()
