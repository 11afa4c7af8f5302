"""The account page says and changes what its owner's chats may tell, and ends the link (NS-010, CHAT-4)."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from shared.chat import accounts
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from tests.integration.chat.phones import Phone, drain
from tests.integration.chat.test_linking import an_account, links
from tests.integration.chat.test_receiving import sender_of

pytestmark = pytest.mark.usefixtures("database")


def test_an_owner_chooses_on_the_site_and_is_told_so_in_the_chat(a_phone: Callable[..., Phone]):
    user_id, address = an_account()
    phone = a_phone()
    links(phone, address)
    for wants, said in ((True, "kami kabari di sini"), (False, "KABARI")):
        with transaction() as tx:
            accounts.choose(tx, user_id, wants_notices=wants)
            [chat] = accounts.read(tx, user_id)
        drain(phone.published)
        assert chat.wants_notices is wants
        assert said in phone.heard[-1].text
    assert chat.number_ending == (phone.number or "")[-3:]
    with transaction() as tx:
        query = text("SELECT DISTINCT source FROM chat_consents WHERE sender_id = :id")
        assert tx.execute(query, {"id": sender_of(phone).id}).scalars().all() == ["account"]


def test_who_ends_the_link_is_somebody_new_there(a_phone: Callable[..., Phone]):
    user_id, address = an_account()
    phone = a_phone()
    links(phone, address)
    with transaction() as tx:
        accounts.disconnect(tx, user_id)
        assert accounts.read(tx, user_id) == []
    assert "Belum ada" in phone.writes("tiket")[0].text
    assert sender_of(phone).user_id is None
    links(phone, address)
    assert sender_of(phone).user_id == user_id


def test_the_link_to_begin_with_names_the_address(monkeypatch: pytest.MonkeyPatch):
    assert accounts.linking_url("a@example.com") is None
    monkeypatch.setenv("WHATSAPP_NUMBER", "628110000001")
    settings.cache_clear()
    assert accounts.linking_url("a@example.com") == "https://wa.me/628110000001?text=EMAIL%20a%40example.com"
    monkeypatch.undo()
    settings.cache_clear()
