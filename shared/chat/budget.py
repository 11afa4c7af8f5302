"""The budget of a day in Jakarta: what our messages may cost, as WhatsApp charges each one that it delivers.

Messages are counted as they are enqueued, with what they answer, so that none is counted twice. Once the budget is used
up, only what was bought is delivered, and who wants something else is told so once. That costs too: beyond a tenth more
nobody is told anything.
"""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.cloud.settings import settings

_PARTS = 16
"""Rows of a day, so that many senders at once do not wait for one."""
_TODAY = "CAST(now() AT TIME ZONE 'Asia/Jakarta' AS date)"
_COUNT = text(f"""
    INSERT INTO chat_usage AS u (day, part, messages) VALUES ({_TODAY}, :part, :messages)
    ON CONFLICT (day, part) DO UPDATE SET messages = u.messages + excluded.messages
""")
_USED = text(f"""
    SELECT {_TODAY} AS day, (SELECT COALESCE(sum(messages), 0) FROM chat_usage WHERE day = {_TODAY}) AS messages
""")


class Level(StrEnum):
    """The use of the day's budget."""

    LEFT = "left"
    USED_UP = "used_up"
    """New buyers are told that the chat is closed until tomorrow."""
    EXCEEDED = "exceeded"
    """Nobody is told anything."""


def count(tx: Transaction, sender_id: UUID, messages: int) -> None:
    """Count messages of ours to a sender."""
    if messages:
        tx.execute(_COUNT, {"part": sender_id.int % _PARTS, "messages": messages})


def level(tx: Transaction) -> tuple[Level, date]:
    """The use of this day's budget, and the day."""
    row = tx.execute(_USED).one()
    budget, spent = settings().whatsapp_daily_budget, int(row.messages) * settings().whatsapp_message_price
    if not budget or spent < budget:
        return Level.LEFT, row.day
    return Level.USED_UP if spent < budget + budget // 10 else Level.EXCEEDED, row.day
