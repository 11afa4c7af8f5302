"""The orders that a buyer has made."""

from uuid import UUID

from shared.messages import mails
from shared.messages.mails import TicketsNotIssued
from shared.messages.quotas import TooManyMails
from shared.models import Listing, PageQuery, ResponseModel
from shared.problems import NotFound
from shared.sales import orders
from shared.sales import schemas as sales_schemas
from shared.sales.orders import NotCancellable
from shared.sales.schemas import OrderResponse, OrderWithEventResponse
from shared.web import App, Buyer, SignedIn, SignedInHere, Transaction

routes = App("orders")


class ResendResponse(ResponseModel):
    """The tickets are mailed again."""

    detail: str = "We are mailing the tickets again."


@routes.get("/orders/my-orders")
def my_orders(page: PageQuery, buyer: Buyer, tx: Transaction) -> Listing[OrderWithEventResponse]:
    """The caller's orders, newest first."""
    return sales_schemas.list_own(tx, buyer.id, page)


@routes.get("/orders/{order_id}", problems=(NotFound,))
def order(order_id: UUID, viewer: SignedInHere) -> OrderWithEventResponse:
    """One order, for its buyer, its organizer or an admin."""
    return sales_schemas.read_and_reveal(order_id, viewer)


@routes.post("/orders/{order_id}/cancel", problems=(NotFound, NotCancellable))
def cancel(order_id: UUID, buyer: Buyer, tx: Transaction) -> OrderResponse:
    """Cancel an unpaid order; its tickets are free again at once."""
    orders.cancel(tx, orders.lock_own(tx, order_id, buyer.id))
    return OrderResponse.read(tx, order_id)


@routes.post("/orders/{order_id}/resend", status=202, problems=(NotFound, TicketsNotIssued, TooManyMails))
def resend(order_id: UUID, caller: SignedIn, tx: Transaction) -> ResendResponse:
    """Mail the tickets again to the buyer and the attendees, at most three times a day."""
    sales_schemas.require_access(tx, order_id, caller)
    mails.enqueue_e_tickets_again(tx, order_id)
    return ResendResponse()
