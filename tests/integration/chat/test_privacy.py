"""A copy of a person's data holds their chats, and deleting the account erases them (DP-001, DP-002, CHAT-5)."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from shared.chat import erasure
from shared.cloud.database import transaction
from shared.privacy import personal_data_inventory
from tests.integration.chat.phones import Phone
from tests.integration.chat.steps import an_offer

pytestmark = pytest.mark.usefixtures("database")

_LEFT = text("""
    SELECT s.phone, s.messenger_id, s.state, (SELECT count(*) FROM chat_updates u WHERE u.sender_id = s.id) AS updates,
        (SELECT count(*) FROM chat_messages m WHERE m.sender_id = s.id) AS messages
    FROM chat_senders s WHERE s.user_id = :id
""")


def test_chats_are_exported_and_erased_with_the_account(a_phone: Callable[..., Phone]):
    _, code = an_offer(kind="product", price=0)
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    with transaction() as tx:
        query = text("SELECT user_id FROM chat_senders WHERE messenger_id = :id")
        user_id = tx.execute(query, {"id": phone.user_id}).scalar_one()
        held = personal_data_inventory.read(tx, user_id)
    assert [each["phone"] for each in held["chats"]] == [phone.number]
    assert held["chat_messages_received"][0]["content"]["text"] == f"beli {code} 1"
    assert len(held["chat_messages_sent"]) == 2  # the goods, and the question about notices
    with transaction() as tx:
        erasure.erase(tx, user_id)
        left = tx.execute(_LEFT, {"id": user_id}).one()
    assert tuple(left) == (None, None, {}, 0, 0)
    [told] = phone.writes("tiket")  # somebody new, who has bought nothing
    assert "Belum ada" in told.text
