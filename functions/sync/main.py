"""The status of a payment, after asking its gateway (L2, ISO-2)."""

from uuid import UUID

from shared.payments import sync
from shared.problems import NotFound
from shared.sales.schemas import PaymentResponse
from shared.web import App, SignedIn

app = App("sync")


@app.get("/payments/{payment_id}/status", problems=(NotFound,))
def status(payment_id: UUID, viewer: SignedIn) -> PaymentResponse:
    """The status of a payment at its gateway, queried at most once in 30 seconds."""
    return sync.status(viewer, payment_id)


main = app.entry_point()
