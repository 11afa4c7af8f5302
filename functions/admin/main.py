"""Endpoints for admins: roles, payments in review, other manual tasks, and mails that did not arrive."""

from uuid import UUID

from shared.admin import order_record, overview, search
from shared.admin.order_record import OrderRecord
from shared.admin.overview import Overview
from shared.admin.search import AdminSearch, SearchResult
from shared.cloud import authorization, manual_tasks
from shared.cloud.manual_tasks import AlreadyDone, Done, ManualTaskResponse
from shared.identity import roles
from shared.identity.accounts import UserResponse
from shared.identity.roles import RoleChange, RoleFixed
from shared.messages import sending, suppressions
from shared.messages.sending import NotSendable
from shared.messages.suppressions import LiftRequest, SuppressionResponse
from shared.models import Listing, PageQuery
from shared.payments import reviews
from shared.payments.reviews import DecisionResponse, NotInReview, NotUnderpaid, ReviewResponse
from shared.problems import NotFound
from shared.refunds import dashboard_decisions
from shared.refunds import manual as manual_refunds
from shared.refunds.dashboard_decisions import DashboardRefundRequest, DashboardRefundResponse
from shared.refunds.manual import ManualRefundRequest, NotManuallyRefundable
from shared.refunds.schemas import RefundResponse
from shared.sales.inventory import SoldOut
from shared.sales.orders import NotPayable
from shared.sales.registrations import AlreadyRegistered
from shared.tickets.voiding import ProductsPickedUp, TicketUsed
from shared.web import Admin, App, FreshlyProvenAdmin, SteppedUpAdmin, Transaction

app = App("admin")

NOT_ACCEPTED = (NotFound, NotInReview, NotPayable, SoldOut, AlreadyRegistered)
USED = (TicketUsed, ProductsPickedUp)
NOT_ALLOCATED = (NotFound, dashboard_decisions.NothingInSuspense, dashboard_decisions.InAnotherRefund, *USED)


@app.get("/admin/overview")
def read_overview(admin: Admin, tx: Transaction) -> Overview:
    """Everything that is wrong now, the worst first, with what ends it, and what was checked and is fine."""
    return overview.read(tx, admin)


@app.get("/admin/search")
def find(wanted: AdminSearch, admin: Admin, tx: Transaction) -> SearchResult:
    """People, events, orders, payments, refunds, payouts and transfers by what is known of them."""
    return search.search(tx, admin, wanted)


@app.get("/admin/orders/{order_id}", problems=(NotFound,))
def read_order_record(order_id: UUID, admin: Admin, tx: Transaction) -> OrderRecord:
    """An order's whole story: its money on every account, and all that happened to it, in one timeline."""
    return order_record.read(tx, admin, order_id)


@app.put("/admin/users/{user_id}/role", problems=(NotFound, RoleFixed))
def change_role(user_id: UUID, change: RoleChange, admin: FreshlyProvenAdmin, tx: Transaction) -> UserResponse:
    """Change the role of a customer, an organizer or another admin. Their sessions end."""
    return roles.change(tx, admin.id, user_id, change)


@app.get("/admin/reviews")
def payments_in_review(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[ReviewResponse]:
    """Payments in review because their amount does not match their order, oldest first."""
    authorization.record_list_access(tx, admin, subject="payment")
    return reviews.list_waiting(tx, page)


@app.post("/admin/reviews/{payment_id}/accept", status=200, problems=NOT_ACCEPTED)
def accept_payment(payment_id: UUID, admin: SteppedUpAdmin, tx: Transaction) -> DecisionResponse:
    """Accept the received amount as the full price: the order is paid."""
    return reviews.accept(tx, admin.id, payment_id)


@app.post("/admin/reviews/{payment_id}/refund", status=200, problems=(NotFound, NotInReview))
def refund_payment(payment_id: UUID, admin: SteppedUpAdmin, tx: Transaction) -> DecisionResponse:
    """Refund the payment in full; the order ends."""
    return reviews.refund(tx, admin.id, payment_id)


@app.post("/admin/reviews/{payment_id}/top-up", status=200, problems=(NotFound, NotInReview, NotUnderpaid))
def request_top_up(payment_id: UUID, admin: SteppedUpAdmin, tx: Transaction) -> DecisionResponse:
    """Hold the order for a day and ask its buyer for the missing amount."""
    return reviews.top_up(tx, admin.id, payment_id)


@app.post("/admin/refunds/{refund_id}/paid-by-hand", status=200, problems=(NotFound, NotManuallyRefundable))
def record_manual_refund(
    refund_id: UUID, paid: ManualRefundRequest, admin: SteppedUpAdmin, tx: Transaction
) -> RefundResponse:
    """Record a refund that was paid by hand at a gateway's dashboard, as the runbook describes."""
    return manual_refunds.record(tx, admin.id, refund_id, paid)


@app.post("/admin/payments/{payment_id}/dashboard-refund", status=200, problems=NOT_ALLOCATED)
def decide_dashboard_refund(
    payment_id: UUID, wanted: DashboardRefundRequest, admin: SteppedUpAdmin, tx: Transaction
) -> DashboardRefundResponse:
    """Assign a refund made at a gateway's dashboard to the items of its order."""
    return dashboard_decisions.decide(tx, admin.id, payment_id, wanted)


@app.get("/admin/manual-tasks")
def tasks(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[ManualTaskResponse]:
    """Open manual tasks, oldest first."""
    authorization.record_list_access(tx, admin, subject="manual_task")
    return manual_tasks.list_open(tx, page)


@app.post("/admin/manual-tasks/{task_id}/done", status=200, problems=(NotFound, AlreadyDone))
def complete_task(task_id: UUID, done: Done, admin: Admin, tx: Transaction) -> ManualTaskResponse:
    """Mark a manual task as done, with a note."""
    return manual_tasks.finish(tx, task_id, done, by=admin.id)


@app.post("/admin/mails/{email_id}/send-again", status=204, problems=(NotFound, NotSendable))
def resend_mail(email_id: UUID, admin: Admin, tx: Transaction) -> None:
    """Queue a failed mail again, for at most ten more attempts."""
    sending.resend(tx, email_id, by=admin.id)


@app.get("/admin/mail-suppressions")
def suppressed_addresses(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[SuppressionResponse]:
    """Addresses that get no mails, the newest first."""
    authorization.record_list_access(tx, admin, subject="mail_suppression")
    return suppressions.list_page(tx, page)


@app.post("/admin/mail-suppressions/lift", status=204, problems=(NotFound,))
def lift_suppression(wanted: LiftRequest, admin: Admin, tx: Transaction) -> None:
    """Try an address again that has refused a mail, or whose owner has called one spam."""
    suppressions.lift(tx, wanted, by=admin.id)


main = app.entry_point()
