"""Consent to notices in a chat: asked apart from any purchase, recorded, and withdrawn at once (NS-010, DP-005).

    button, KABARI, account page    on           of a question whose wording has a version
    button                          off          nothing outside of 24 hours; what was bought in the chat is told inside
    STOP, BERHENTI, WhatsApp        stopped      nothing that nobody asked for; paid tickets still can be asked for
    START, MULAI after a stop       on

Choices take effect as the webhook brings them, also of who writes more than we answer. Webhooks come late and in any
order, so the choice counts that was made last. Each is confirmed once, and a few a day at most, as each message costs.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import text

from shared.chat import commands, outgoing, senders, wording
from shared.chat.consent_question import BUTTON, WORDING_VERSION
from shared.chat.contents import Text
from shared.cloud.database import Transaction
from shared.gateways.whatsapp.webhooks import Message
from shared.states import ChatNotices

MAX_CONFIRMATIONS_A_DAY: Final = 4
"""How many of a sender's choices in a day are confirmed; those that follow take effect without a word."""

Source = Literal["button", "typed", "account", "preference", "refused"]
"""The way of a choice: `refused` if WhatsApp reports that they have stopped us."""

_RECORD = text("""
    INSERT INTO chat_consents (sender_id, choice, source, wording, chosen_at)
    VALUES (:sender_id, :choice, :source, :wording, :at)
    RETURNING id, (SELECT count(*) FROM chat_consents AS c  -- Uses index: chat_consents_sender
        WHERE c.sender_id = :sender_id AND c.chosen_at > now() - interval '1 day') AS earlier
""")
_CONFIRMATIONS: Final = {
    ChatNotices.ON: "notices_on",
    ChatNotices.OFF: "notices_off",
    ChatNotices.STOPPED: "notices_stopped",
}


@dataclass(frozen=True)
class Choice:
    """A choice, its time and the wording shown. `resumes`: it counts only after they have stopped us."""

    notices: ChatNotices
    source: Source
    at: datetime
    wording: str = WORDING_VERSION
    resumes: bool = False


def choice_in(message: Message) -> Choice | None:
    """The choice that a message makes, if any."""
    if message.kind == "choice" and message.choice.startswith(f"{BUTTON}:"):
        return _pressed(message)
    command = commands.read(message.text) if message.kind == "text" else commands.read(message.choice)
    if command is None or command.name not in _TYPED:
        return None
    return Choice(_TYPED[command.name], "typed", message.sent_at, resumes=command.name == "start")


_TYPED: Final = {"stop": ChatNotices.STOPPED, "notify": ChatNotices.ON, "start": ChatNotices.ON}


def _pressed(message: Message) -> Choice | None:
    _, _, rest = message.choice.partition(":")
    answer, _, version = rest.partition(":")
    if answer not in (ChatNotices.ON, ChatNotices.OFF) or not version:
        return None
    return Choice(ChatNotices(answer), "button", message.sent_at, version[:20])


def choose(tx: Transaction, sender_id: UUID, choice: Choice) -> None:
    """Let a choice take effect, record it, and confirm it. What changes nothing, or was made earlier, does nothing."""
    changed = senders.set_notices(
        tx, sender_id, choice.notices, at=choice.at, only_from=ChatNotices.STOPPED if choice.resumes else None
    )
    if changed is None:
        return
    values = {"sender_id": sender_id, "choice": choice.notices, "source": choice.source, "wording": choice.wording}
    recorded = tx.execute(_RECORD, {**values, "at": choice.at}).one()
    if recorded.earlier >= MAX_CONFIRMATIONS_A_DAY:
        return
    confirmation = Text(body=wording.sentence(_CONFIRMATIONS[choice.notices], changed.language))
    outgoing.enqueue(tx, sender_id, [confirmation], dedupe_key=f"consent:{recorded.id}")
    outgoing.request_sending(tx, [sender_id])
