"""The cost of a chat is bounded: six messages a sale, a budget a day, and few holds that nobody pays (CHAT-5)."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from shared.chat import actions, budget, outgoing
from shared.chat.budget import Level
from shared.chat.contents import Text
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from tests.factories import stock
from tests.integration.chat.phones import Phone
from tests.integration.chat.steps import an_offer, pays
from tests.model.gateways import Gateways

pytestmark = pytest.mark.usefixtures("database", "whatsapp")
APhone = Callable[..., Phone]


def used_today() -> int:
    with transaction() as tx:
        return int(tx.execute(text("SELECT COALESCE(sum(messages), 0) FROM chat_usage")).scalar_one())


@pytest.fixture
def a_budget(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Sets a budget by which so many more messages may be sent today."""

    def leave(messages: int) -> None:
        monkeypatch.setenv("WHATSAPP_MESSAGE_PRICE", "100")
        monkeypatch.setenv("WHATSAPP_DAILY_BUDGET", str(100 * (used_today() + messages)))
        settings.cache_clear()

    yield leave
    monkeypatch.undo()
    settings.cache_clear()


def test_each_message_is_counted_once(a_phone: APhone):
    before, phone = used_today(), a_phone()
    phone.sends({"type": "text", "text": {"body": "bantuan"}}, message_id="wamid.counted")
    phone.sends({"type": "text", "text": {"body": "bantuan"}}, message_id="wamid.counted")
    assert used_today() - before == len(phone.heard) == 1


def test_answers_that_are_enqueued_again_after_a_crash_are_not_counted_again(a_phone: APhone):
    sender_id = a_sender_id(a_phone())
    before = used_today()
    for _ in range(2):
        with transaction() as tx:
            outgoing.enqueue(tx, sender_id, [Text(body="Halo"), Text(body="lagi")], dedupe_key="the same step")
    assert used_today() - before == 2


def test_once_the_budget_is_used_up_only_what_was_bought_is_delivered(a_phone: APhone, paying: Gateways, a_budget):
    event, code = an_offer(kind="product", name="Kaus")
    buyer, late = a_phone(), a_phone()
    buyer.writes(f"beli {code} 1")
    a_budget(0)
    assert "penuh" in late.writes("menu")[0].text
    assert late.writes(f"beli {code} 1") == []  # said once
    assert stock(event.tier_ids[0]).reserved == 1
    assert "belum kami terima" in buyer.writes("sudah bayar")[0].text  # their order goes on
    [goods] = pays(buyer, paying)
    assert "Kode pengambilan" in goods.text
    assert buyer.questions == []  # whether they want notices is asked another day
    assert "Kode pengambilan" in buyer.writes("tiket")[0].text
    buyer.writes(f"beli {code} 1")
    assert stock(event.tier_ids[0]).reserved == 0


def test_a_tenth_over_the_budget_nobody_is_told_anything(a_phone: APhone, a_budget, caplog: pytest.LogCaptureFixture):
    a_phone().writes("bantuan")
    a_budget(0)
    with transaction() as tx:
        budget.count(tx, a_sender_id(a_phone()), used_today())
        assert budget.level(tx)[0] is Level.EXCEEDED
    assert a_phone().writes("menu") == []
    assert "chat.over_budget" in caplog.messages


def a_sender_id(phone: Phone):
    phone.writes("orang")
    with transaction() as tx:
        query = text("SELECT id FROM chat_senders WHERE messenger_id = :id")
        return tx.execute(query, {"id": phone.user_id}).scalar_one()


def test_without_a_budget_nobody_is_put_off(a_phone: APhone, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WHATSAPP_DAILY_BUDGET", "0")
    settings.cache_clear()
    assert "BELI KODE" in a_phone().writes("bantuan")[0].text


def test_who_never_pays_holds_nothing_more_and_neither_does_their_other_account(
    a_phone: APhone, paying: Gateways, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(actions, "MAX_UNPAID_A_DAY", 2)
    phone = a_phone()
    for _ in range(2):
        assert phone.writes(f"beli {an_offer(kind='product')[1]} 1")[0].kind == "image"
        phone.writes("batal")
    event, code = an_offer(kind="product")
    assert "tanpa membayar" in phone.writes(f"beli {code} 1")[0].text
    same_number = a_phone()  # as after their messenger has given them another id
    same_number.number = phone.number
    assert "tanpa membayar" in same_number.writes(f"beli {code} 1")[0].text
    assert a_phone().writes(f"beli {code} 1")[0].kind == "image"
    assert stock(event.tier_ids[0]).reserved == 1


def test_paid_orders_count_against_nobody(a_phone: APhone, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(actions, "MAX_UNPAID_A_DAY", 1)
    phone = a_phone()
    for _ in range(2):
        assert "Kode pengambilan" in phone.writes(f"beli {an_offer(kind='product', price=0)[1]} 1")[0].text
