"""Failed mails, and addresses that get none."""

from uuid import UUID

from shared.cloud import authorization
from shared.messages import sending, suppressions
from shared.messages.sending import NotSendable
from shared.messages.suppressions import LiftRequest, SuppressionResponse
from shared.models import Listing, PageQuery
from shared.problems import NotFound
from shared.web import Admin, App, Transaction

routes = App("admin")


@routes.post("/admin/mails/{email_id}/send-again", status=204, problems=(NotFound, NotSendable))
def resend_mail(email_id: UUID, admin: Admin, tx: Transaction) -> None:
    """Queue a failed mail again, for at most ten more attempts."""
    sending.resend(tx, email_id, by=admin.id)


@routes.get("/admin/mail-suppressions")
def suppressed_addresses(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[SuppressionResponse]:
    """Addresses that get no mails, the newest first."""
    authorization.record_list_access(tx, admin, subject="mail_suppression")
    return suppressions.list_page(tx, page)


@routes.post("/admin/mail-suppressions/lift", status=204, problems=(NotFound,))
def lift_suppression(wanted: LiftRequest, admin: Admin, tx: Transaction) -> None:
    """Lift the suppression of an address that has refused a mail, or whose owner has reported one as spam."""
    suppressions.lift(tx, wanted, by=admin.id)
