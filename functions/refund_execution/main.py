"""Refunds, sent through the gateways (PS-017, PS-025)."""

from uuid import UUID

from shared.models import Payload
from shared.refunds import execution
from shared.web import App

app = App("refund_execution")


class RefundApproved(Payload):
    """An approved refund."""

    refund_id: UUID


@app.message("refund.approved")
def execute_refund(message: RefundApproved) -> None:
    """Send a refund; without an answer of the gateway it is retried later under the same key."""
    execution.execute(message.refund_id)


main = app.entry_point()
