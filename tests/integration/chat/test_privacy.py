"""A copy of a person's data holds their chats, and deleting the account erases them (DP-001, DP-002, CHAT-5)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.chat import actions, erasure
from shared.chat.actions import Actor
from shared.chat.contents import Action, Result
from shared.cloud.database import transaction
from shared.privacy import personal_data_inventory
from tests.integration.chat.phones import Phone, deliver, drain
from tests.integration.chat.steps import an_offer
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

_LEFT = text("""
    SELECT s.phone, s.messenger_id, s.state, (SELECT count(*) FROM chat_updates u WHERE u.sender_id = s.id) AS updates,
        (SELECT count(*) FROM chat_messages m WHERE m.sender_id = s.id) AS messages
    FROM chat_senders s WHERE s.user_id = :id
""")
NOTHING = (None, None, {}, 0, 0)


def account_of(phone: Phone) -> UUID:
    with transaction() as tx:
        query = text("SELECT user_id FROM chat_senders WHERE messenger_id = :id")
        found: UUID = tx.execute(query, {"id": phone.user_id}).scalar_one()
    return found


def left_of(user_id: UUID) -> tuple[Any, ...]:
    with transaction() as tx:
        return tuple(tx.execute(_LEFT, {"id": user_id}).one())


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
    assert tuple(left) == NOTHING
    [told] = phone.writes("tiket")  # somebody new, who has bought nothing
    assert "Belum ada" in told.text


def erases(user_id: UUID) -> None:
    with transaction() as tx:
        erasure.erase(tx, user_id)


def test_a_conversation_that_is_worked_on_while_its_account_is_deleted_leaves_nothing(
    a_phone: Callable[..., Phone], monkeypatch: pytest.MonkeyPatch
):
    _, code = an_offer(kind="product", price=0)
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    user_id, carry_out = account_of(phone), actions.carry_out

    def deletes(action: Action, actor: Actor) -> Result:
        result = carry_out(action, actor)
        with ThreadPoolExecutor(1) as another:  # the function of accounts
            another.submit(erases, user_id).result()
        return result

    monkeypatch.setattr(actions, "carry_out", deletes)
    assert phone.writes("status") == []
    assert left_of(user_id) == NOTHING


def test_a_message_that_comes_while_its_account_is_deleted_is_of_somebody_new(a_phone: Callable[..., Phone]):
    _, code = an_offer(kind="product", price=0)
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    user_id = account_of(phone)
    value = phone.value({"type": "text", "text": {"body": "bantuan"}})
    with ThreadPoolExecutor(1) as pool:
        with transaction() as tx:
            erasure.erase(tx, user_id)
            delivered = pool.submit(deliver, [value])
            until(_somebody_waits_for_a_lock)
        assert delivered.result() == 200
    assert left_of(user_id) == NOTHING
    drain(phone.published)
    assert "BELI KODE" in phone.heard[-1].text


def _somebody_waits_for_a_lock() -> bool:
    with transaction() as tx:
        return bool(tx.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())
