"""WhatsApp's webhooks: repeated, in batches, out of order, forged, about changed identities (CHAT-4, CHAT-5)."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.chat import outgoing, work
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayRefused, GatewayUnavailable
from shared.gateways.whatsapp.errors import RecipientRateLimited
from shared.gateways.whatsapp.webhooks import DeliveryStatus
from shared.states import ChatMessageStatus
from tests.doubles import Published
from tests.endpoints import call
from tests.integration.chat.phones import FakeWhatsApp, Phone, deliver, deliver_raw, drain, work_on
from tests.integration.chat.steps import an_offer
from tests.threads import behind
from tests.unit.gateways.samples import read, sample_id, sample_paths

pytestmark = pytest.mark.usefixtures("database", "whatsapp")
APhone = Callable[..., Phone]
SAMPLES = [path for path in sample_paths("whatsapp", "webhook_*.json") if "signed_vector" not in path.stem]


def rows(table: str) -> int:
    with transaction() as tx:
        return int(tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def sender_of(phone: Phone) -> Any:
    with transaction() as tx:
        return tx.execute(text("SELECT * FROM chat_senders WHERE messenger_id = :id"), {"id": phone.user_id}).one()


def last_message(phone: Phone) -> Any:
    """The last message of ours, but for the question about notices."""
    with transaction() as tx:
        query = text("""SELECT * FROM chat_messages WHERE sender_id = :id AND content::text NOT LIKE '%"notices:on:%'
            ORDER BY number DESC LIMIT 1""")
        return tx.execute(query, {"id": sender_of(phone).id}).one()


def status(message: Any, name: str, **more: Any) -> dict[str, Any]:
    told = {"id": message.provider_message_id, "status": name, "timestamp": moment(), **more}
    return {"statuses": [{**told, "biz_opaque_callback_data": str(message.id)}]}


def moment(*, age: timedelta = timedelta()) -> str:
    return str(int((clock.now() - age).timestamp()))


def new_number(old: str | None, moved: Phone, *, age: timedelta = timedelta(), **names: str) -> dict[str, Any]:
    """The system message that whoever had the number `old` is `moved` now."""
    system = {"type": "user_changed_user_id", "user_id": moved.user_id, "wa_id": moved.number}
    changed = {"from": old, "id": "wamid.moved", "timestamp": moment(age=age), "type": "system", **names}
    return {"messages": [{**changed, "system": system}]}


def test_the_verification_request_is_answered_with_the_challenge_and_a_wrong_token_is_refused():
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "contoh-verify-token"}
    answer = call("GET", "/chat/webhook/whatsapp", query_string=asked)
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, "1158201444")
    wrong = call("GET", "/chat/webhook/whatsapp", query_string={**asked, "hub.verify_token": "another"})
    assert wrong.status_code == 403


def test_only_what_is_signed_is_taken():
    before = rows("chat_updates")
    assert deliver_raw(b'{"entry": []}', secret="somebody's") == 401
    assert deliver_raw(b"no JSON") == 400
    assert deliver_raw(b" " * 2_000_000 + b'{"entry": []}') == 200  # up to 3 MB come
    assert call("POST", "/chat/webhook/whatsapp", data=b"x" * 4_000_000).status_code == 413
    assert rows("chat_updates") == before


@pytest.mark.parametrize("path", SAMPLES, ids=sample_id)
def test_every_sample_is_taken_and_worked_on_twice_the_same(path: Path, published: Published, whatsapp, monkeypatch):
    body = json.dumps(read(path)).replace("209000000000042", "208000000000001").encode()
    assert deliver_raw(body) == 200
    drain(published)
    before = rows("chat_updates"), rows("chat_messages"), rows("chat_senders"), len(whatsapp.sent)
    assert deliver_raw(body) == 200
    drain(published)
    assert (rows("chat_updates"), rows("chat_messages"), rows("chat_senders"), len(whatsapp.sent)) == before


def test_a_message_that_comes_again_has_no_second_effect(a_phone: APhone):
    phone = a_phone()
    assert len(phone.sends({"type": "text", "text": {"body": "bantuan"}}, message_id="wamid.same")) == 1
    assert phone.sends({"type": "text", "text": {"body": "bantuan"}}, message_id="wamid.same") == []


def test_a_batch_is_taken_in_by_when_it_was_written(a_phone: APhone, published: Published):
    phone = a_phone()
    values = [phone.value({"type": "text", "text": {"body": typed}}) for typed in ("english", "bantuan")]
    for value, age in zip(values, (0, 60), strict=True):
        value["messages"][0]["timestamp"] = str(int((clock.now() - timedelta(seconds=age)).timestamp()))
    deliver(values)
    drain(published)
    assert ["BELI KODE" in phone.heard[0].text, "go on in English" in phone.heard[1].text] == [True, True]


def test_what_became_of_a_message_only_climbs(a_phone: APhone):
    phone = a_phone()
    phone.writes("bantuan")
    for told, kept in (("delivered", "delivered"), ("sent", "delivered"), ("read", "read"), ("failed", "read")):
        deliver([status(last_message(phone), told)])
        assert last_message(phone).status == kept
    phone.writes("bantuan")
    deliver([status(last_message(phone), "failed", errors=[{"code": 131026}])])
    assert (last_message(phone).status, last_message(phone).error_code) == ("failed", "131026")


def test_a_status_that_comes_with_a_later_one_in_the_same_instant_changes_nothing(a_phone: APhone):
    phone = a_phone()
    phone.writes("bantuan")
    message = last_message(phone)
    read_now = DeliveryStatus(message.provider_message_id, str(message.id), ChatMessageStatus.READ, clock.now(), None)
    with transaction() as tx:
        outgoing.record_statuses(tx, [read_now])
        delivering = behind(tx, lambda: deliver([status(message, "delivered")]))
    assert delivering.result() == 200
    assert last_message(phone).status == "read"


def test_a_status_tells_that_a_message_was_sent_before_our_own_call_does(a_phone: APhone, whatsapp: FakeWhatsApp):
    phone = a_phone()
    whatsapp.fails.append(TimeoutError())
    with pytest.raises(TimeoutError):
        phone.writes("bantuan")
    queued = last_message(phone)
    assert queued.status == "queued"
    deliver([status(queued, "delivered", id="wamid.told")])
    work_on(sender_of(phone).id, 2)
    assert (phone.heard, last_message(phone).status) == ([], "delivered")


def test_a_new_number_and_a_new_id_are_the_same_person_once(a_phone: APhone, whatsapp: FakeWhatsApp):
    phone, moved = a_phone(), a_phone()
    phone.writes("english")
    before = sender_of(phone).id
    for _ in range(2):
        deliver([new_number(phone.number, moved)])
    update = {"user_id": {"previous": phone.user_id, "current": moved.user_id}, "wa_id": moved.number}
    deliver([{"user_id_update": [{**update, "timestamp": moment()}]}], "user_id_update")
    assert sender_of(moved).id == before
    assert "CODE" in moved.writes("help")[0].text


def test_a_number_with_another_id_may_have_a_new_owner_who_sees_nothing(a_phone: APhone):
    phone, owner = a_phone(), a_phone()
    phone.writes("bantuan")
    owner.number = phone.number
    owner.writes("bantuan")
    assert sender_of(owner).id != sender_of(phone).id
    assert (sender_of(owner).phone, sender_of(phone).phone) == (phone.number, None)


@pytest.mark.parametrize("names_former_owner", [True, False])
def test_late_word_of_a_change_moves_the_former_owner_and_never_the_new_one(a_phone: APhone, names_former_owner: bool):
    owner, former, moved = a_phone(), a_phone(), a_phone()
    owner.writes("bantuan")
    names = {"from_user_id": former.user_id} if names_former_owner else {}
    age = timedelta() if names_former_owner else timedelta(hours=1)
    deliver([new_number(owner.number, moved, age=age, **names)])
    assert sender_of(owner).phone == owner.number


def test_a_number_that_was_given_up_is_not_written_to(a_phone: APhone):
    phone, moved = a_phone(), a_phone(has_number=False)
    phone.writes("bantuan")
    update = {"user_id": {"previous": phone.user_id, "current": moved.user_id}, "timestamp": moment()}
    deliver([{"user_id_update": [update]}], "user_id_update")
    assert len(moved.writes("bantuan")) == 1


def test_somebody_is_answered_where_they_write_from(a_phone: APhone):
    phone, owner = a_phone(), a_phone()
    phone.writes("bantuan")
    owner.writes("bantuan")
    phone.number = owner.number
    assert len(phone.writes("bantuan")) == 1
    assert (sender_of(phone).phone, sender_of(owner).phone) == (owner.number, None)


def test_a_shared_card_is_no_identity_and_the_own_number_is(a_phone: APhone):
    phone = a_phone(has_number=False)
    card = {"phones": [{"wa_id": "6281299990001"}]}
    phone.sends({"type": "contacts", "contacts": [{**card, "origin": "other"}]})
    assert sender_of(phone).phone is None
    phone.sends({"type": "contacts", "contacts": [{**card, "origin": "contact_request"}]})
    assert sender_of(phone).phone == "6281299990001"


def test_nobody_is_answered_after_a_day(a_phone: APhone, published: Published):
    phone = a_phone()
    value = phone.value({"type": "text", "text": {"body": "bantuan"}})
    value["messages"][0]["timestamp"] = str(int((clock.now() - timedelta(hours=25)).timestamp()))
    deliver([value])
    drain(published)
    assert (phone.heard, last_message(phone).status) == ([], "dropped")
    assert len(phone.writes("bantuan")) == 1


def test_who_floods_us_is_not_answered_for_a_while(a_phone: APhone, published: Published):
    phone = a_phone()
    deliver([phone.value({"type": "text", "text": {"body": "bantuan"}}) for _ in range(30)])
    drain(published)
    assert len(phone.heard) == 20
    with transaction() as tx:  # a minute later there are still ten answers left for today
        query = text("UPDATE chat_updates SET created_at = created_at - interval '2 minutes' WHERE sender_id = :id")
        tx.execute(query, {"id": sender_of(phone).id})
    deliver([phone.value({"type": "text", "text": {"body": "bantuan"}}) for _ in range(15)])
    drain(published)
    assert len(phone.heard) == 30


def test_who_asks_for_what_they_bought_over_and_over_is_not_answered_for_ever(
    a_phone: APhone, published: Published, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work, "MAX_MESSAGES_A_DAY", 4)
    _, code = an_offer(kind="product", price=0)
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    deliver([phone.value({"type": "text", "text": {"body": "tiket"}}) for _ in range(10)])
    drain(published)
    assert [each.text.count("Kode pengambilan") for each in phone.heard] == [1] * 3
    assert len(phone.questions) == 1


@pytest.mark.parametrize(
    "typed",
    ["", " ", "\x00", "😀" * 4000, "beli " * 800, "beli ؟ ١", "{}{}", "%s%(x)s", "'; DROP TABLE users; --", "١٢"],
)
def test_strange_messages_are_answered_like_others(typed: str, a_phone: APhone):
    an_offer()
    [told] = a_phone().writes(typed)
    assert told.kind == "list"


def test_what_one_recipient_had_too_much_of_waits_and_what_is_refused_ends(a_phone: APhone, whatsapp: FakeWhatsApp):
    phone = a_phone()
    whatsapp.fails.append(RecipientRateLimited())
    with pytest.raises(RecipientRateLimited):
        phone.writes("bantuan")
    work_on(sender_of(phone).id)
    assert (phone.heard, last_message(phone).status) == ([], "queued")  # not yet
    with transaction() as tx:
        tx.execute(text("UPDATE chat_senders SET send_after = now()"))
    work_on(sender_of(phone).id)
    assert len(phone.heard) == 1
    whatsapp.fails.append(GatewayRefused("whatsapp", status=400, code="131026"))
    phone.writes("bantuan")
    assert (last_message(phone).status, last_message(phone).error_code) == ("failed", "131026")


def test_an_outage_of_an_hour_costs_nobody_a_message(a_phone: APhone, whatsapp: FakeWhatsApp):
    phone = a_phone()
    deliver([phone.value({"type": "text", "text": {"body": "bantuan"}})])
    outage = timedelta()
    for _ in range(9):
        whatsapp.fails.append(
            GatewayUnavailable("whatsapp", "circuit open", retry_after_seconds=30, outcome_unknown=False)
        )
        with pytest.raises(GatewayUnavailable):
            work_on(sender_of(phone).id)
        outage += sender_of(phone).send_after - clock.now()
        with transaction() as tx:
            tx.execute(text("UPDATE chat_senders SET send_after = now() WHERE id = :id"), {"id": sender_of(phone).id})
    assert outage > timedelta(hours=1)
    work_on(sender_of(phone).id)
    assert len(phone.heard) == 1


def test_another_delivery_leaves_a_conversation_that_is_worked_on_alone(a_phone: APhone, published: Published):
    phone = a_phone()
    phone.writes("bantuan")
    sender_id: UUID = sender_of(phone).id
    with transaction() as tx:
        query = text("UPDATE chat_senders SET claimed_until = now() + interval '1 minute' WHERE id = :id")
        tx.execute(query, {"id": sender_id})
    assert phone.writes("bantuan") == []
    with pytest.raises(Exception, match="Another delivery"):
        work_on(sender_id, 2)
