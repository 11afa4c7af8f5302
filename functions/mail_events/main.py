"""SendGrid's events: what became of our mails (NS-008)."""

from shared.messages import delivery_events
from shared.models import ResponseModel
from shared.problems import ContentTooLarge, Malformed, NotSignedIn
from shared.web import NOTIFICATIONS, App, RawRequest, forgeries_recorded

app = App("mail_events")


class Received(ResponseModel):
    """The events are stored."""

    received: bool = True


@app.post(
    "/messages/webhook/sendgrid",
    anybody=True,
    limit=NOTIFICATIONS,
    problems=(Malformed, NotSignedIn, ContentTooLarge),
)
def from_sendgrid(request: RawRequest) -> Received:
    """Receive a signed batch of SendGrid's events; repeated ones, and those of other mails, change nothing."""
    with forgeries_recorded(request):
        delivery_events.receive(request.headers, request.body)
    return Received()


main = app.entry_point()
