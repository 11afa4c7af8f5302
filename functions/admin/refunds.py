"""Money that went back without us: refunds at a gateway's dashboard, and disputes of cards that were lost."""

from uuid import UUID

from shared.payments import disputes
from shared.payments.disputes import LostDispute, LostDisputeResponse, NotDisputed
from shared.problems import NotFound
from shared.refunds import dashboard_decisions
from shared.refunds import manual as manual_refunds
from shared.refunds.dashboard_decisions import DashboardRefundRequest, DashboardRefundResponse
from shared.refunds.manual import ManualRefundRequest, NotManuallyRefundable
from shared.refunds.schemas import RefundResponse
from shared.tickets.voiding import ProductsPickedUp, TicketUsed
from shared.web import App, SteppedUpAdmin, Transaction

routes = App("admin")

USED = (TicketUsed, ProductsPickedUp)
NOT_ALLOCATED = (NotFound, dashboard_decisions.NothingInSuspense, dashboard_decisions.InAnotherRefund, *USED)


@routes.post("/admin/refunds/{refund_id}/paid-by-hand", status=200, problems=(NotFound, NotManuallyRefundable))
def record_manual_refund(
    refund_id: UUID, paid: ManualRefundRequest, admin: SteppedUpAdmin, tx: Transaction
) -> RefundResponse:
    """Record a refund that was paid by hand at a gateway's dashboard, as the runbook describes."""
    return manual_refunds.record(tx, admin.id, refund_id, paid)


@routes.post("/admin/payments/{payment_id}/dashboard-refund", status=200, problems=NOT_ALLOCATED)
def decide_dashboard_refund(
    payment_id: UUID, wanted: DashboardRefundRequest, admin: SteppedUpAdmin, tx: Transaction
) -> DashboardRefundResponse:
    """Assign a refund made at a gateway's dashboard to the items of its order."""
    return dashboard_decisions.decide(tx, admin.id, payment_id, wanted)


@routes.post("/admin/payments/{payment_id}/dispute-lost", status=200, problems=(NotFound, NotDisputed))
def record_lost_dispute(
    payment_id: UUID, lost: LostDispute, admin: SteppedUpAdmin, tx: Transaction
) -> LostDisputeResponse:
    """Book that the dispute of a card payment was lost, as the runbook describes."""
    return disputes.lose(tx, admin.id, payment_id, lost)
