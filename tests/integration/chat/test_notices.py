"""Mails about an order are told in its buyer's chat too, to who wants it, once, and never for ever (NS-010)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.chat import notices, senders, work
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayRefused
from shared.identity.tokens import Principal
from shared.messages import mails
from tests.factories import an_order
from tests.integration.chat.phones import FakeWhatsApp, Phone, Sent, decide_on, deliver, drain
from tests.integration.chat.steps import an_offer
from tests.integration.chat.test_crashes import Killed, Killer, go_on, under
from tests.integration.chat.test_receiving import sender_of, status

pytestmark = pytest.mark.usefixtures("database")
APhone = Callable[..., Phone]


def has_bought(phone: Phone, *, kind: str = "ticket", word: str = "beli") -> UUID:
    """Buys in the chat; the order."""
    _, code = an_offer(kind=kind, price=0)
    [first] = phone.writes(f"{word} {code} 1")
    if kind == "ticket":
        phone.chooses(first.choices[phone.name])
    with transaction() as tx:
        query = text("SELECT order_id FROM chat_orders WHERE sender_id = :id ORDER BY order_id DESC LIMIT 1")
        found: UUID = tx.execute(query, {"id": sender_of(phone).id}).scalar_one()
    return found


def is_told(
    phone: Phone, order_id: UUID, template: Any = "event_cancelled", key: str = "", **context: Any
) -> list[Sent]:
    """Something is mailed to an order's buyer; what comes in the chat."""
    before = len(phone.heard)
    with transaction() as tx:
        dedupe_key = f"{template}:{order_id}:{key}"
        mails.enqueue_about_order(tx, template, order_id, dedupe_key=dedupe_key, context={"amount": 0})
    drain(phone.published)
    return phone.heard[before:]


def passes_a_day(phone: Phone) -> None:
    with transaction() as tx:
        query = text("UPDATE chat_senders SET last_message_at = now() - interval '25 hours' WHERE messenger_id = :id")
        tx.execute(query, {"id": phone.user_id})


def outcomes(order_id: UUID) -> list[str]:
    with transaction() as tx:
        query = text("SELECT outcome FROM chat_notices WHERE order_id = :id ORDER BY created_at, outcome")
        return list(tx.execute(query, {"id": order_id}).scalars())


def tasks_about(order_id: UUID) -> list[str]:
    with transaction() as tx:
        query = text("SELECT details ->> 'template' FROM manual_tasks WHERE subject_id = :id AND done_at IS NULL")
        return list(tx.execute(query, {"id": str(order_id)}).scalars())


def message_of(sent: Sent) -> Any:
    with transaction() as tx:
        return tx.execute(text("SELECT * FROM chat_messages WHERE id = :id"), {"id": sent.callback_data}).one()


def fails(phone: Phone, sent: Sent, code: int) -> list[Sent]:
    """WhatsApp tells that it did not deliver a message, twice; what comes of it."""
    before = len(phone.heard)
    for _ in range(2):
        deliver([status(message_of(sent), "failed", errors=[{"code": code}])])
    drain(phone.published)
    return phone.heard[before:]


@pytest.mark.parametrize(("word", "said"), [("beli", "dibatalkan"), ("buy", "is cancelled")])
def test_who_bought_in_the_chat_is_told_there_within_a_day(word: str, said: str, a_phone: APhone):
    phone = a_phone()
    order_id = has_bought(phone, word=word)
    [told] = is_told(phone, order_id)
    assert (told.kind, said in told.text) == ("text", True)
    assert is_told(phone, order_id) == []  # mailed once, told once
    assert outcomes(order_id) == ["enqueued"]


def test_who_changes_the_language_of_the_chat_is_told_in_it(a_phone: APhone):
    phone = a_phone()
    order_id = has_bought(phone)
    phone.writes("EN")
    [told] = is_told(phone, order_id)
    assert "is cancelled" in told.text


def test_after_a_day_only_who_wants_notices_is_told_by_template(a_phone: APhone):
    phone, silent = a_phone(), a_phone()
    phone.writes("kabari")
    order_id, other_id = has_bought(phone), has_bought(silent)
    for each in (phone, silent):
        passes_a_day(each)
    [told] = is_told(phone, order_id)
    assert told.content["template"]["name"] == "event_cancelled_1"
    [body] = told.content["template"]["components"]
    assert [each["parameter_name"] for each in body["parameters"]] == ["title"]
    assert is_told(silent, other_id) == []
    assert tasks_about(other_id) == []  # nothing that needs them


def test_a_ticket_that_comes_after_a_day_is_the_document_above_its_template(a_phone: APhone, whatsapp: FakeWhatsApp):
    phone = a_phone()
    phone.writes("kabari")
    order_id = has_bought(phone)
    passes_a_day(phone)
    with transaction() as tx:
        mails.enqueue_e_tickets_again(tx, order_id)
    drain(phone.published)
    header, body = phone.heard[-1].content["template"]["components"]
    assert whatsapp.media[header["parameters"][0]["document"]["id"]].startswith(b"%PDF")
    assert [each["parameter_name"] for each in body["parameters"]] == ["title", "when"]


def test_what_the_conversation_hands_over_is_not_told_again(a_phone: APhone):
    phone = a_phone()
    order_id = has_bought(phone)
    with transaction() as tx:
        mails.enqueue_purchase(tx, order_id)
    before = len(phone.heard)
    drain(phone.published)
    assert (len(phone.heard), outcomes(order_id)) == (before, ["obsolete"])


def test_an_order_of_the_site_is_told_of_only_to_who_wants_it(a_phone: APhone):
    phone = a_phone()
    has_bought(phone)
    order_id = an_order(buyer=Principal(sender_of(phone).user_id, "customer", None), paid=True).id
    assert is_told(phone, order_id) == []
    phone.writes("kabari")
    assert len(is_told(phone, order_id, key="again")) == 1
    phone.writes("stop")
    assert is_told(phone, order_id, key="later") == []
    assert outcomes(order_id) == ["unwanted", "enqueued", "unwanted"]


def test_after_stop_nobody_is_told_even_of_what_they_bought_here(a_phone: APhone):
    phone = a_phone()
    order_id = has_bought(phone)
    phone.writes("stop")
    assert is_told(phone, order_id) == []
    assert is_told(phone, order_id, "top_up_needed") == []
    assert tasks_about(order_id) == ["top_up_needed"]  # a person has to reach them


def test_a_notice_that_waits_is_not_sent_after_stop(a_phone: APhone):
    phone = a_phone()
    order_id = has_bought(phone)
    with transaction() as tx:
        senders.pause(tx, sender_of(phone).id, 3600)
    assert is_told(phone, order_id) == []
    assert is_told(phone, order_id, "top_up_needed") == []
    assert outcomes(order_id)[-2:] == ["enqueued", "enqueued"]
    phone.writes("stop")
    with transaction() as tx:
        senders.pause(tx, sender_of(phone).id, -1)
    before = len(phone.heard)
    work.work(sender_of(phone).id, 1)
    [confirmed] = phone.heard[before:]
    assert "berhenti mengabari" in confirmed.text
    assert tasks_about(order_id) == ["top_up_needed"]


def test_nobody_is_told_without_end(a_phone: APhone):
    phone = a_phone()
    order_id = has_bought(phone)
    told = [len(is_told(phone, order_id, key=str(number))) for number in range(notices.MAX_OF_KIND + 2)]
    assert told == [1] * notices.MAX_OF_KIND + [0, 0]


def test_who_has_no_chat_leaves_no_row():
    order_id = an_order(paid=True).id
    with transaction() as tx:
        mails.enqueue_about_order(tx, "event_cancelled", order_id, dedupe_key=str(uuid4()), context={"amount": 0})
    assert outcomes(order_id) == []


def test_what_whatsapp_calls_late_goes_out_once_more_by_template(a_phone: APhone):
    phone = a_phone()
    phone.writes("kabari")
    order_id = has_bought(phone)
    [told] = is_told(phone, order_id)
    [again] = fails(phone, told, 131047)
    assert (again.kind, again.text) == ("template", "event_cancelled_1")
    assert fails(phone, again, 131047) == []


def test_a_ticket_that_whatsapp_calls_late_goes_out_by_template_or_is_left_to_a_person(a_phone: APhone):
    phone, silent = a_phone(), a_phone()
    phone.writes("kabari")
    has_bought(phone)
    [again] = fails(phone, [each for each in phone.heard if each.kind == "document"][-1], 131047)
    assert again.text == "e_ticket_1"
    order_id = has_bought(silent)
    ticket = silent.heard[-1]
    assert fails(silent, ticket, 131047) == []
    with transaction() as tx:
        query = text("SELECT subject_id FROM manual_tasks WHERE details ->> 'chat_message_id' = :id")
        assert tx.execute(query, {"id": ticket.callback_data}).scalars().all() == [str(order_id)]


def test_who_has_stopped_us_in_whatsapp_is_told_nothing_more(a_phone: APhone):
    phone = a_phone()
    phone.writes("kabari")
    order_id = has_bought(phone)
    [told] = is_told(phone, order_id)
    fails(phone, told, 131050)
    assert sender_of(phone).notices == "stopped"
    assert is_told(phone, order_id, key="again") == []


@pytest.mark.parametrize("code", ["131026", "131049", "132012"])
def test_who_is_not_reached_is_left_to_a_person_where_they_have_to_act(code: str, a_phone: APhone, whatsapp):
    phone = a_phone()
    order_id = has_bought(phone)
    whatsapp.fails.append(GatewayRefused("whatsapp", status=400, code=code))
    assert is_told(phone, order_id) == []
    assert tasks_about(order_id) == []
    with transaction() as tx:
        mails.enqueue_e_tickets_again(tx, order_id)
    whatsapp.fails.append(GatewayRefused("whatsapp", status=400, code=code))
    drain(phone.published)
    assert tasks_about(order_id) == ["e_ticket"]


def test_a_template_that_is_off_is_not_sent_until_whatsapp_approves_it_again(a_phone: APhone, whatsapp: FakeWhatsApp):
    phone = a_phone()
    phone.writes("kabari")
    order_id = has_bought(phone)
    passes_a_day(phone)
    whatsapp.fails.append(GatewayRefused("whatsapp", status=400, code="132015"))
    assert is_told(phone, order_id) == []
    assert is_told(phone, order_id, key="again") == []
    update = {"message_template_name": "event_cancelled_1", "message_template_language": "id", "event": "APPROVED"}
    deliver([update], "message_template_status_update")
    assert len(is_told(phone, order_id, key="later")) == 1
    deliver([{**update, "event": "PAUSED"}], "message_template_status_update")
    with transaction() as tx:
        tx.execute(text("DELETE FROM chat_notices WHERE order_id = :id"), {"id": order_id})
    assert is_told(phone, order_id, key="last") == []
    with transaction() as tx:
        tx.execute(text("DELETE FROM chat_templates"))


@pytest.mark.slow("a notice for each place where its sender may be killed")
def test_whoever_is_killed_anywhere_tells_once(
    a_phone: APhone, whatsapp: FakeWhatsApp, monkeypatch: pytest.MonkeyPatch
):
    def tells(at: int) -> int:
        phone = a_phone()
        order_id = has_bought(phone)
        whatsapp.sent.clear()
        killer = Killer(at)
        with monkeypatch.context() as patch:
            under(killer, whatsapp, patch)
            try:
                is_told(phone, order_id)
            except Killed:
                patch.undo()
                go_on(phone, whatsapp)
        assert ["dibatalkan" in each.text for each in phone.heard] == [True], f"killed at point {at}"
        return killer.passed

    points = tells(0)
    assert points > 5
    for at in range(1, points + 1):
        tells(at)


def test_a_notice_that_comes_twice_at_once_is_decided_on_once(a_phone: APhone):
    phone = a_phone()
    order_id = has_bought(phone)
    with transaction() as tx:
        mails.enqueue_about_order(tx, "event_cancelled", order_id, dedupe_key=str(order_id), context={"amount": 0})
    [notice] = phone.published.of("chat.notice")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decide_on, [UUID(notice["notice_id"])] * 4))
    drain(phone.published)
    assert ["dibatalkan" in each.text for each in phone.heard].count(True) == 1
