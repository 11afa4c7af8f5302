"""Conversations: messages are answered, and purchases delivered, in the chat (CHAT-1..3)."""

from uuid import UUID

from shared.chat import notices, work
from shared.models import Payload
from shared.web import App, DeliveryAttempt, Transaction

app = App("chat")


class ConversationWaiting(Payload):
    """Something in the conversation with a sender waits for work."""

    sender_id: UUID


class OrderChanged(Payload):
    """An order whose conversation, if it has one, is to be told."""

    order_id: UUID


class NoticeWaiting(Payload):
    """A notice that is to be decided on."""

    notice_id: UUID


@app.message("chat.waiting")
def work_on_conversation(waiting: ConversationWaiting, attempt: DeliveryAttempt) -> None:
    """Take in what waits, carry out what it asks for, and send the answers."""
    work.work(waiting.sender_id, attempt)


@app.message("ticket.created")
def hand_over(created: OrderChanged, tx: Transaction) -> None:
    """Hand over in the chat what an order has bought."""
    work.hand_over(tx, created.order_id)


@app.message("order.ended")
def notify_expiry(ended: OrderChanged, tx: Transaction) -> None:
    """Tell a buyer who has not paid in time that their order has expired."""
    work.notify_expiry(tx, ended.order_id)


@app.message("chat.notice")
def decide_on_notice(waiting: NoticeWaiting, tx: Transaction) -> None:
    """Send a notice to its buyer in their chat, if they want it."""
    notices.decide(tx, waiting.notice_id)


@app.job("sweep")
def sweep() -> None:
    """Every minute: go on with conversations that a crash or an outage left in the middle."""
    work.sweep()


main = app.entry_point()
