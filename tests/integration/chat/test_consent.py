"""Notices in a chat need consent: asked once and apart, recorded with its wording, ended at once (NS-010, DP-005)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.chat import consent
from shared.chat.consent_question import WORDING_VERSION
from shared.cloud import clock
from shared.cloud.database import transaction
from tests.doubles import Published
from tests.integration.chat.phones import Phone, Sent, deliver, drain
from tests.integration.chat.steps import an_offer

pytestmark = pytest.mark.usefixtures("database")
APhone = Callable[..., Phone]


def notices_of(phone: Phone) -> str | None:
    with transaction() as tx:
        query = text("SELECT notices FROM chat_senders WHERE messenger_id = :id")
        found: str | None = tx.execute(query, {"id": phone.user_id}).scalar_one()
    return found


def recorded(phone: Phone) -> list[tuple[str, str, str]]:
    query = text("""
        SELECT c.choice, c.source, c.wording FROM chat_consents c JOIN chat_senders s ON s.id = c.sender_id
        WHERE s.messenger_id = :id ORDER BY c.id
    """)
    with transaction() as tx:
        return [(row.choice, row.source, row.wording) for row in tx.execute(query, {"id": phone.user_id})]


def has_bought(phone: Phone, word: str = "beli") -> Sent:
    """Buys something that costs nothing; the question that follows."""
    _, code = an_offer(kind="product", price=0)
    phone.writes(f"{word} {code} 1")
    return phone.questions[-1]


def typed(phone: Phone, words: str, *, age: timedelta = timedelta(), message_id: str | None = None) -> dict[str, Any]:
    value = phone.value({"type": "text", "text": {"body": words}}, message_id=message_id)
    value["messages"][0]["timestamp"] = str(int((clock.now() - age).timestamp()))
    return value


def prefers(phone: Phone, value: str) -> None:
    wish = {"user_id": phone.user_id, "category": "marketing_messages", "value": value}
    wish["timestamp"] = str(int(clock.now().timestamp()))
    deliver([{"user_preferences": [wish]}], "user_preferences")
    drain(phone.published)


@pytest.mark.parametrize(
    ("word", "pressed", "kept", "said"),
    [("beli", "Ya, kabari saya", "on", "kami kabari"), ("buy", "No, thanks", "off", "NOTIFY")],
)
def test_the_question_follows_the_first_purchase_and_its_answer_is_recorded(
    word: str, pressed: str, kept: str, said: str, a_phone: APhone
):
    phone = a_phone()
    question = has_bought(phone, word)
    assert "STOP" in question.text
    assert notices_of(phone) is None  # nothing is taken for granted
    [confirmed] = phone.chooses(question.choices[pressed])
    assert said in confirmed.text
    assert (notices_of(phone), recorded(phone)) == (kept, [(kept, "button", WORDING_VERSION)])
    assert phone.chooses(question.choices[pressed]) == []
    has_bought(phone, word)
    assert len(phone.questions) == 1


@pytest.mark.parametrize(("stop", "start", "told"), [("STOP!", "START", "all right"), ("berhenti", "mulai", "baik")])
def test_stop_acts_at_once_is_confirmed_once_and_start_ends_it(stop: str, start: str, told: str, a_phone: APhone):
    phone = a_phone()
    phone.writes("english" if stop == "STOP!" else "indonesia")
    phone.writes("kabari")
    [confirmed] = phone.writes(stop)
    assert ("tickets" if stop == "STOP!" else "TIKET").lower() in confirmed.text.lower()
    assert notices_of(phone) == "stopped"
    assert phone.writes(stop) == []
    resumed = phone.writes(start)
    assert told in resumed[0].text.lower()
    assert notices_of(phone) == "on"
    assert [choice for choice, _, _ in recorded(phone)] == ["on", "stopped", "on"]


def test_start_alone_is_no_consent(a_phone: APhone):
    phone = a_phone()
    phone.writes("mulai")
    assert (notices_of(phone), recorded(phone)) == (None, [])


def test_what_was_bought_can_be_asked_for_after_stop(a_phone: APhone):
    phone = a_phone()
    has_bought(phone)
    phone.writes("stop")
    assert "Kode pengambilan" in phone.writes("tiket")[0].text


def test_stop_counts_also_of_who_writes_more_than_we_answer(a_phone: APhone, published: Published):
    phone = a_phone()
    deliver([typed(phone, "bantuan") for _ in range(30)] + [typed(phone, "stop")])
    assert notices_of(phone) == "stopped"  # before anybody has worked on it
    drain(published)
    assert sum("berhenti mengabari" in each.text for each in phone.heard) == 1


def test_who_changes_their_mind_all_day_is_heard_and_told_so_a_few_times_only(a_phone: APhone, published: Published):
    phone = a_phone()
    deliver([typed(phone, word) for word in ("kabari", "stop") * consent.MAX_CONFIRMATIONS_A_DAY])
    drain(published)
    assert notices_of(phone) == "stopped"
    assert len(recorded(phone)) == 2 * consent.MAX_CONFIRMATIONS_A_DAY
    assert len(phone.heard) == consent.MAX_CONFIRMATIONS_A_DAY


def test_the_last_choice_counts_in_whatever_order_and_how_often_it_comes(a_phone: APhone):
    phone = a_phone()
    phone.writes("bantuan")
    stop = typed(phone, "stop", age=timedelta(minutes=2), message_id=f"wamid.stop.{phone.user_id}")
    deliver([stop])
    deliver([typed(phone, "kabari", age=timedelta(minutes=1))])
    deliver([stop])
    deliver([typed(phone, "berhenti", age=timedelta(minutes=3))])
    assert (notices_of(phone), len(recorded(phone))) == ("on", 2)


def test_stopping_us_in_whatsapp_itself_is_the_same(a_phone: APhone):
    phone = a_phone()
    phone.writes("kabari")
    prefers(phone, "stop")
    assert "berhenti mengabari" in phone.heard[-1].text
    prefers(phone, "resume")
    assert [source for _, source, _ in recorded(phone)] == ["typed", "preference", "preference"]
    stranger = a_phone()
    prefers(stranger, "stop")
    assert stranger.heard == []


def test_a_stop_under_a_new_number_holds_for_who_they_were_before(a_phone: APhone):
    phone, moved = a_phone(), a_phone()
    phone.writes("kabari")
    moved.writes("stop")
    update = {"user_id": {"previous": phone.user_id, "current": moved.user_id}, "wa_id": moved.number}
    deliver([{"user_id_update": [{**update, "timestamp": str(int(clock.now().timestamp()))}]}], "user_id_update")
    assert notices_of(moved) == "stopped"
