"""A failure in a chat is tried again, told of, or handed to a person, and holds up nobody else (CHAT-3, CHAT-5)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.checks import invariants
from shared.chat import actions, senders, work
from shared.chat.actions import Actor
from shared.chat.contents import Action, Result
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayRefused
from shared.gateways.http import Timeouts
from tests.doubles import Published
from tests.factories import stock
from tests.integration.chat.phones import FakeWhatsApp, Phone, deliver, drain, work_on
from tests.integration.chat.steps import an_offer
from tests.integration.chat.test_receiving import last_message, sender_of, status
from tests.model.gateways import Gateways

pytestmark = pytest.mark.usefixtures("database")
APhone = Callable[..., Phone]


def tasks_about(phone: Phone) -> list[Any]:
    with transaction() as tx:
        query = text("""SELECT t.* FROM manual_tasks t JOIN orders o ON o.id::text = t.subject_id
            WHERE t.kind = 'chat_delivery_failed' AND o.user_id = :id""")
        return list(tx.execute(query, {"id": sender_of(phone).id}).all())


def test_each_sweep_takes_those_that_were_not_swept_for_longest(
    a_phone: APhone, published: Published, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work, "_SWEPT_AT_ONCE", 1)
    phones = [a_phone() for _ in range(3)]
    deliver([phone.value({"type": "text", "text": {"body": "bantuan"}}) for phone in phones])
    published.messages.clear()
    with transaction() as tx:
        tx.execute(text("UPDATE chat_updates SET created_at = now() - interval '1 hour' WHERE processed_at IS NULL"))
    ids = {sender_of(phone).id for phone in phones}
    swept: list[UUID] = []
    while not ids <= set(swept):
        assert work.sweep() == 1
        [payload] = published.of("chat.waiting")
        published.messages.clear()
        swept.append(UUID(payload["sender_id"]))
        assert len(set(swept)) == len(swept), "one that is never done is swept again before another was"


def test_a_payment_keeps_its_conversation_for_as_long_as_two_gateways_may_take(
    a_phone: APhone, paying: Gateways, monkeypatch: pytest.MonkeyPatch
):
    kept: dict[str, timedelta] = {}
    carry_out = actions.carry_out

    def watched(action: Action, actor: Actor) -> Result:
        with transaction() as tx:
            query = text("SELECT claimed_until - clock_timestamp() FROM chat_senders WHERE id = :id")
            kept[action.kind] = tx.execute(query, {"id": actor.sender.id}).scalar_one()
        return carry_out(action, actor)

    monkeypatch.setattr(actions, "carry_out", watched)
    phone = a_phone()
    phone.writes(f"beli {an_offer(kind='product')[1]} 1")
    phone.writes("sudah bayar?")
    a_gateway = 3 * Timeouts().total_seconds  # what it has is asked, the payment made, and what became of that asked
    assert 2 * a_gateway < senders.GATEWAY_LEASE_SECONDS
    assert min(kept["pay"], kept["look"]) > timedelta(seconds=senders.GATEWAY_LEASE_SECONDS / 2)
    assert kept["hold"] < timedelta(seconds=senders.LEASE_SECONDS)  # after a crash nobody waits longer than need be


def test_a_hold_that_can_not_be_told_of_is_given_back_and_its_sender_can_go_on(
    a_phone: APhone, published: Published, monkeypatch: pytest.MonkeyPatch
):
    event, code = an_offer(kind="product", price=0)
    phone = a_phone()

    def lose(*_: Any) -> Any:
        raise ConnectionError("the answer is lost")

    with monkeypatch.context() as patch:
        patch.setattr(actions, "_order", lose)
        deliver([phone.value({"type": "text", "text": {"body": f"beli {code} 1"}})])
        drain(published, attempt=work.MAX_ATTEMPTS)
    assert ["gangguan" in each.text for each in phone.heard] == [True]
    assert stock(event.tier_ids[0]).reserved == 0
    assert "Kode pengambilan" in phone.writes(f"beli {code} 1")[0].text


@pytest.mark.parametrize("told_by", ["answer", "status"])
def test_a_ticket_that_does_not_arrive_is_a_task_and_comes_again_when_asked_for(
    a_phone: APhone, whatsapp: FakeWhatsApp, told_by: str
):
    _, code = an_offer(price=0)
    phone = a_phone()
    [asked] = phone.writes(f"beli {code} 1")
    if told_by == "answer":
        whatsapp.fails.append(GatewayRefused("whatsapp", status=400, code="131026"))
    phone.chooses(asked.choices["Budi Contoh"])
    if told_by == "status":
        deliver([status(last_message(phone), "failed", errors=[{"code": 131026}])])
    [task] = tasks_about(phone)
    assert (task.details["error"], task.details["chat_message_id"]) == ("131026", str(last_message(phone).id))
    with transaction() as tx:
        assert "nobody is asked" not in " ".join(invariants.broken(tx, invariants.ALWAYS)), "it is for a person still"
    [again] = phone.writes("tiket")
    assert again.kind == "document"


def test_an_answer_that_does_not_arrive_is_no_task(a_phone: APhone, whatsapp: FakeWhatsApp):
    phone = a_phone()
    whatsapp.fails.append(GatewayRefused("whatsapp", status=400, code="131026"))
    phone.writes("bantuan")
    assert tasks_about(phone) == []


@pytest.mark.parametrize("code", [131056, 130429, 131000])
def test_a_message_that_fails_in_passing_after_it_was_accepted_is_sent_again(a_phone: APhone, code: int):
    phone, other = a_phone(), a_phone()
    phone.writes("bantuan")
    failed = last_message(phone)
    for _ in range(2):  # statuses are repeated
        deliver([status(failed, "failed", errors=[{"code": code}])])
    deliver([status(failed, "sent")])  # of the try that failed, and late
    assert last_message(phone).status == "queued"
    assert sender_of(phone).send_after > clock.now() - timedelta(minutes=1)
    assert len(other.writes("bantuan")) == 1  # nobody else waits
    with transaction() as tx:
        tx.execute(text("UPDATE chat_senders SET send_after = now() WHERE id = :id"), {"id": sender_of(phone).id})
    work_on(sender_of(phone).id)
    assert len(phone.heard) == 2
    assert last_message(phone).attempts == 2


def test_one_that_goes_on_failing_is_given_up(a_phone: APhone):
    phone = a_phone()
    phone.writes("bantuan")
    with transaction() as tx:
        query = text("UPDATE chat_messages SET attempts = 10 WHERE id = :id")
        tx.execute(query, {"id": last_message(phone).id})
    deliver([status(last_message(phone), "failed", errors=[{"code": 130429}])])
    assert last_message(phone).status == "failed"
