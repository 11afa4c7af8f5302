"""Requests for refunds, by buyers, and what became of them."""

from uuid import UUID

from shared.catalog.editing import EventCancelled
from shared.models import Listing
from shared.problems import NotFound
from shared.refunds import requests as refund_requests
from shared.refunds import schemas as refund_schemas
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
from shared.web import App, Buyer, SignedIn, Transaction

routes = App("refunds")

USED = (TicketUsed, ProductsPickedUp)
REFUSALS = (NotFound, NotRefundable, WindowClosed, EventCancelled, AlreadyRequested, NothingToRefund)


@routes.post("/refunds/request", status=201, idempotent=True, problems=(*REFUSALS, *USED, UnitRevealed))
def request_refund(wanted: refund_requests.RefundRequest, buyer: Buyer, tx: Transaction) -> RefundRequestedResponse:
    """Request a refund of nine tenths of the price, up to seven days before the event; the organizer decides.

    Free items are returned at once.
    """
    return refund_requests.request(tx, buyer.id, wanted)


@routes.get("/refunds")
def list_refunds(page: RefundQuery, caller: SignedIn, tx: Transaction) -> Listing[RefundResponse]:
    """The caller's refunds; for organizers those of their events too."""
    return refund_schemas.list_page(tx, caller, page)


@routes.get("/refunds/{refund_id}", problems=(NotFound,))
def refund(refund_id: UUID, caller: SignedIn, tx: Transaction) -> RefundResponse:
    """One refund, for its buyer, its organizer or an admin."""
    return refund_schemas.read_visible(tx, refund_id, caller)
