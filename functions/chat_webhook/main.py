"""WhatsApp's webhooks: incoming messages, and the delivery statuses of ours (CHAT-5)."""

from typing import Annotated

from pydantic import Field

from shared.chat import receiving
from shared.chat.receiving import WrongVerifyToken
from shared.field_types import line
from shared.gateways.whatsapp import webhooks
from shared.models import Query, ResponseModel
from shared.problems import ContentTooLarge, Malformed, NotSignedIn
from shared.web import NOTIFICATIONS, App, MaxBytes, PlainText, RawRequest, forgeries_recorded

app = App("chat_webhook")


class Challenge(Query):
    """WhatsApp's question whether this address is ours."""

    mode: Annotated[str, line(50), Field(alias="hub.mode")]
    challenge: Annotated[str, line(200), Field(alias="hub.challenge")]
    verify_token: Annotated[str, line(200), Field(alias="hub.verify_token", repr=False)]


class Received(ResponseModel):
    """The updates are stored."""

    received: bool = True


@app.get("/chat/webhook/whatsapp", anybody=True, problems=(WrongVerifyToken,))
def answer_challenge(challenge: Challenge) -> PlainText:
    """Answer WhatsApp's verification request."""
    return PlainText(receiving.answer_challenge(challenge.mode, challenge.verify_token, challenge.challenge))


@app.post(
    "/chat/webhook/whatsapp",
    anybody=True,
    limit=NOTIFICATIONS,
    problems=(Malformed, NotSignedIn, ContentTooLarge),
)
def from_whatsapp(request: Annotated[RawRequest, MaxBytes(webhooks.MAX_BYTES)]) -> Received:
    """Receive signed updates: they are stored, and worked on later; repeated ones change nothing."""
    with forgeries_recorded(request):
        receiving.receive(request.headers, request.body)
    return Received()


main = app.entry_point()
