"""Payouts, created when they are due and sent to organizers' banks (FN-006, FN-009)."""

from uuid import UUID

from shared.models import Payload
from shared.payouts import creation, execution
from shared.web import App

app = App("payout_execution")


class PayoutRequested(Payload):
    """Money that is to go to an organizer."""

    payout_id: UUID


@app.job("daily")
def create_due_payouts() -> None:
    """Create the payouts that are due, seven days after their event has ended."""
    creation.create_all_due()


@app.message("payout.requested")
def execute_payout(message: PayoutRequested) -> None:
    """Send a payout; without an answer of the gateway it is retried later under the same key."""
    execution.execute(message.payout_id)


main = app.entry_point()
