"""Payments in review: their amount does not match their order (ISO-3)."""

from uuid import UUID

from shared.cloud import authorization
from shared.models import Listing, PageQuery
from shared.payments import reviews
from shared.payments.reviews import DecisionResponse, NotInReview, NotUnderpaid, ReviewResponse
from shared.problems import NotFound
from shared.sales.inventory import SoldOut
from shared.sales.orders import NotPayable
from shared.sales.registrations import AlreadyRegistered
from shared.web import Admin, App, SteppedUpAdmin, Transaction

routes = App("admin")

NOT_ACCEPTED = (NotFound, NotInReview, NotPayable, SoldOut, AlreadyRegistered)


@routes.get("/admin/reviews")
def payments_in_review(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[ReviewResponse]:
    """Payments in review because their amount does not match their order, oldest first."""
    authorization.record_list_access(tx, admin, subject="payment")
    return reviews.list_waiting(tx, page)


@routes.post("/admin/reviews/{payment_id}/accept", status=200, problems=NOT_ACCEPTED)
def accept_payment(payment_id: UUID, admin: SteppedUpAdmin, tx: Transaction) -> DecisionResponse:
    """Accept the received amount as the full price: the order is paid."""
    return reviews.accept(tx, admin.id, payment_id)


@routes.post("/admin/reviews/{payment_id}/refund", status=200, problems=(NotFound, NotInReview))
def refund_payment(payment_id: UUID, admin: SteppedUpAdmin, tx: Transaction) -> DecisionResponse:
    """Refund the payment in full; the order ends."""
    return reviews.refund(tx, admin.id, payment_id)


@routes.post("/admin/reviews/{payment_id}/top-up", status=200, problems=(NotFound, NotInReview, NotUnderpaid))
def request_top_up(payment_id: UUID, admin: SteppedUpAdmin, tx: Transaction) -> DecisionResponse:
    """Hold the order for a day and ask its buyer for the missing amount."""
    return reviews.top_up(tx, admin.id, payment_id)
