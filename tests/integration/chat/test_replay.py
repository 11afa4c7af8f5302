"""A conversation is played again from its webhooks, once or twice each, and says and does the same (CHAT-5)."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from tests.doubles import Published
from tests.factories import a_tier, an_event
from tests.integration.chat.phones import Phone, Sent, deliver, drain
from tests.model.gateways import Gateways

pytestmark = pytest.mark.usefixtures("database", "whatsapp")
APhone = Callable[..., Phone]
CHANGING = re.compile(r"\d\d\.\d\d WIB|[0-9a-f]{8}-[0-9a-f-]{27}|\w{4}-\w{4}(?=\. Tunjukkan)")
"""The words that differ each time: the end of the time to pay, ids, and codes."""


def texts(*written: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"body": words}} for words in written]


def an_event_soon() -> str:
    """An event that is first in the list; the code of its first tier."""
    soon = datetime.now(UTC) + timedelta(hours=20)
    with transaction() as tx:
        tiers = [a_tier(name="Biasa"), a_tier(name="Gratis", price=0, max_per_order=3)]
        event = an_event(tx, title="Malam Puisi", starts_at=soon, tiers=tiers)
        code = tx.execute(text("SELECT code FROM ticket_tiers WHERE id = :id"), {"id": event.tier_ids[0]})
        return str(code.scalar_one())


def conversation(phone: Phone, code: str) -> list[dict[str, Any]]:
    """The webhooks of somebody who looks around, orders, gives that up, and takes what costs nothing."""
    contents = texts("halo kak", "1", "2", "dua", "Siti Rahma", "Dewi", "tiket", f"beli {code} 1", "Siti", "status")
    contents += texts("batal", "english", "help", "orang")
    return [phone.value(content) for content in contents]


def heard(sent: Sequence[Sent]) -> list[tuple[str, str, list[str]]]:
    """The messages, without the words that differ each time."""
    return [(each.kind, CHANGING.sub("…", each.text), sorted(each.choices)) for each in sent]


def forget(phone: Phone) -> None:
    """As if they had never written: the sender is another, and nothing of the conversation is left."""
    with transaction() as tx:
        values = {"id": phone.user_id}
        sender = tx.execute(text("SELECT id FROM chat_senders WHERE messenger_id = :id"), values).scalar_one()
        for table in ("chat_updates", "chat_messages"):
            tx.execute(text(f"DELETE FROM {table} WHERE sender_id = :id"), {"id": sender})
        names = text("UPDATE chat_senders SET messenger_id = NULL, phone = NULL, order_id = NULL WHERE id = :id")
        tx.execute(names, {"id": sender})
        tx.execute(text("UPDATE users SET phone = NULL WHERE id = :id"), {"id": sender})


@pytest.mark.slow("a whole conversation, twice and more")
@pytest.mark.parametrize("times", [1, 2], ids=["once-each", "twice-each"])
def test_the_same_webhooks_make_the_same_conversation(
    a_phone: APhone, published: Published, paying: Gateways, times: int
):
    phone = a_phone("Siti Rahma")
    webhooks = conversation(phone, an_event_soon())

    def play(batches: Sequence[Sequence[dict[str, Any]]]) -> list[tuple[str, str, list[str]]]:
        before = len(phone.heard)
        for batch in batches:
            deliver(batch)
            drain(published)
        return heard(phone.heard[before:])

    first = play([[webhook] for webhook in webhooks])
    kinds = [kind for kind, _, _ in first]
    assert kinds.count("document") == 4  # two tickets, handed over and sent again
    assert "image" in kinds
    forget(phone)
    assert play([[webhook] * times for webhook in webhooks]) == first
    assert play([webhooks]) == []  # and a second time they are known
