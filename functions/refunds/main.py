"""Send money back through the gateway it came from (PS-017, LATE-1)."""

from uuid import UUID

from shared.models import Task
from shared.money import refunds
from shared.web import App

app = App("refunds")


class RefundApproved(Task):
    """Money that is to go back."""

    refund_id: UUID


@app.message("refund.approved")
def pay_back(message: RefundApproved) -> None:
    """Send it; a gateway that doesn't answer is asked again later, under the same key."""
    refunds.pay_back(message.refund_id)


main = app.entry_point()
