"""Issue the tickets of paid orders, and tell people if that fails (TS-014, PS-023)."""

from uuid import UUID

from shared.cloud.database import transaction
from shared.messages import mails
from shared.models import Payload
from shared.tickets import issuing
from shared.web import App, DeliveryAttempt

app = App("issue_ticket")


class PaidOrder(Payload):
    """An order that is paid."""

    order_id: UUID


@app.message("payment.success")
def issue_paid(paid: PaidOrder, attempt: DeliveryAttempt) -> None:
    """Issue the tickets and products of a paid order."""
    _issue(paid.order_id, attempt)


@app.task("issue")
def issue_again(paid: PaidOrder, attempt: DeliveryAttempt) -> None:
    """Issue what reconcile has found missing."""
    _issue(paid.order_id, attempt)


def _issue(order_id: UUID, attempt: int) -> None:
    try:
        issuing.issue(order_id)
    except Exception as error:
        if attempt < issuing.MAX_ATTEMPTS:
            raise
        with transaction() as tx:
            if issuing.give_up(tx, order_id, error):
                mails.enqueue_ticket_delayed(tx, order_id)


main = app.entry_point()
