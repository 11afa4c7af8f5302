"""Buyers in chats, for the model of all money: real webhooks, and answers by the conversation itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import UUID

from sqlalchemy import text

from shared.chat import work
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.errors import GatewayUnavailable
from tests.doubles import Published
from tests.integration.chat.phones import FakeWhatsApp, Phone, deliver

WORDS = (
    "menu",
    "1",
    "beli {code} 1",
    "beli {code} 2",
    "beli {code}",
    "2 tiket",
    "Siti Rahma",
    "bayar",
    "sudah bayar?",
    "status",
    "batal",
    "tiket",
)
"""The messages of buyers, some of whom know what they want."""

_LIVE_ORDERS = """
    SELECT s.id FROM chat_senders s JOIN orders o ON o.user_id = s.user_id
    WHERE o.status IN ('reserved', 'pending_payment') GROUP BY s.id HAVING count(*) > 1
"""
OF_OTHERS = """
    SELECT m.id FROM chat_messages m JOIN chat_senders s ON s.id = m.sender_id
        LEFT JOIN tickets t ON t.id = CAST(m.content ->> 'ticket_id' AS uuid)
        LEFT JOIN payments p ON p.id = CAST(m.content ->> 'payment_id' AS uuid)
        JOIN orders o ON o.id = COALESCE(t.order_id, p.order_id, CAST(m.content ->> 'order_id' AS uuid))
    WHERE o.user_id IS DISTINCT FROM s.user_id
"""
"""Messages about orders of others."""
UNFINISHED = """
    SELECT s.id FROM chat_senders s WHERE s.pending_action IS NOT NULL
        OR EXISTS (SELECT 1 FROM chat_updates u WHERE u.sender_id = s.id AND u.processed_at IS NULL)
        OR EXISTS (SELECT 1 FROM chat_messages m WHERE m.sender_id = s.id AND m.status = 'queued')
"""
"""Conversations in which something is under way."""
_OPEN_PAYMENT = text("""
    SELECT p.* FROM payments p JOIN orders o ON o.id = p.order_id JOIN chat_senders s ON s.user_id = o.user_id
    WHERE s.messenger_id = :messenger_id AND p.status = 'pending' AND p.qr_string IS NOT NULL
    ORDER BY p.created_at DESC LIMIT 1
""")


class ChatBuyers:
    """Some people with phones."""

    def __init__(self, count: int) -> None:
        self._whatsapp = FakeWhatsApp()
        self._phones = [
            Phone(self._whatsapp, Published(), f"62813{number:08}", f"ID.{number:016}") for number in range(count)
        ]

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Let our answers reach them."""
        with mock.patch.object(registry, "whatsapp", return_value=self._whatsapp):
            yield

    def write(self, number: int, words: str) -> None:
        """One of them writes: the webhook comes twice."""
        value = self._phone(number).value({"type": "text", "text": {"body": words}})
        for _ in range(2):
            assert deliver([value]) == 200

    def lose_messages(self, count: int) -> None:
        """WhatsApp does not answer the next calls."""
        self._whatsapp.fails += [
            GatewayUnavailable("whatsapp", "away", retry_after_seconds=1, outcome_unknown=False) for _ in range(count)
        ]

    def sender_id(self, number: int) -> UUID:
        """The sender that one of them is."""
        with transaction() as tx:
            query = text("SELECT id FROM chat_senders WHERE messenger_id = :id")
            found: UUID = tx.execute(query, {"id": self._phone(number).user_id}).scalar_one()
        return found

    def open_payment(self, number: int) -> Any:
        """The payment whose QRIS one of them has; None where there is none."""
        with transaction() as tx:
            return tx.execute(_OPEN_PAYMENT, {"messenger_id": self._phone(number).user_id}).first()

    def check(self) -> None:
        """One live order each, and nobody hears of another's."""
        with transaction() as tx:
            assert tx.execute(text(_LIVE_ORDERS)).all() == []
            assert tx.execute(text(OF_OTHERS)).all() == []

    def come_to_rest(self) -> None:
        """WhatsApp answers again, time passes, and the sweep finds what was left."""
        self._whatsapp.fails.clear()
        with transaction() as tx:
            tx.execute(text("UPDATE chat_senders SET claimed_until = NULL, send_after = NULL"))
            tx.execute(text("UPDATE chat_updates SET created_at = now() - interval '1 minute'"))
            tx.execute(text("UPDATE chat_messages SET created_at = now() - interval '1 minute'"))
        work.sweep()

    def check_rest(self) -> None:
        """No conversation stands still in the middle."""
        with transaction() as tx:
            assert tx.execute(text(UNFINISHED)).all() == []

    def _phone(self, number: int) -> Phone:
        return self._phones[number % len(self._phones)]
