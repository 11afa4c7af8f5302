"""Webhooks of the payment gateways (PS-005, PS-008, PS-009, PS-013, PS-014, MID-1)."""

from shared.models import ResponseModel
from shared.payments import webhooks
from shared.problems import ContentTooLarge, Malformed, NotSignedIn
from shared.web import NOTIFICATIONS, App, RawRequest, forgeries_recorded

app = App("webhook")

REFUSALS = (Malformed, NotSignedIn, ContentTooLarge)


class Received(ResponseModel):
    """The notification is stored."""

    received: bool = True


@app.post("/payments/webhook/xendit", anybody=True, limit=NOTIFICATIONS, problems=REFUSALS)
def from_xendit(request: RawRequest) -> Received:
    """Receive Xendit's callback: it is stored, and processed by the status that Xendit's API reports."""
    return _receive("xendit", request)


@app.post("/payments/webhook/midtrans", anybody=True, limit=NOTIFICATIONS, problems=REFUSALS)
def from_midtrans(request: RawRequest) -> Received:
    """Receive Midtrans's HTTP notification: it is stored, and processed by the status that Midtrans's API reports."""
    return _receive("midtrans", request)


def _receive(gateway: str, request: RawRequest) -> Received:
    with forgeries_recorded(request):
        is_readable = webhooks.receive(gateway, request.headers, request.body)
    if not is_readable:
        raise Malformed("This is not JSON. It is kept as the text it is.")
    return Received()


main = app.entry_point()
