"""Two people who buy in the same moment share nothing: document 003's table, and a crowd (CHAT-2, CHAT-3, ISO-3)."""

import re
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.chat import queries
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.problems import NotFound
from tests.conftest import EXPLORES
from tests.doubles import Published
from tests.factories import stock, stock_units
from tests.integration.chat.phones import Phone, Sent, deliver, drain, work_on
from tests.integration.chat.steps import an_offer, newest_payment, pays
from tests.model.gateways import Gateways
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")
APhone = Callable[..., Phone]
CROWD, UNITS = (500, 100) if EXPLORES else (120, 30)
AT_ONCE = 20
"""Threads: as many as there are connections, nearly. Each works on the conversations of several people."""

_ORDER = text("""
    SELECT o.id, o.user_id, o.total_amount, s.state #>> '{order,id}' AS in_state
    FROM orders o JOIN chat_senders s ON s.order_id = o.id WHERE s.messenger_id = :id
""")


def order_of(phone: Phone):
    with transaction() as tx:
        return tx.execute(_ORDER, {"id": phone.user_id}).one()


def asked_at(phone: Phone) -> datetime | None:
    """When the gateway was last asked about a phone's payment."""
    with transaction() as tx:
        query = text("SELECT last_asked_at FROM payments WHERE id = :id")
        asked: datetime | None = tx.execute(query, {"id": newest_payment(phone)[0]}).scalar_one()
    return asked


def write_at_once(phones: list[Phone], written: str) -> None:
    """Each writes in the same moment, and each conversation is worked on in a thread of its own."""
    content = {"type": "text", "text": {"body": written}}
    deliver([phone.value(content) for phone in phones])
    waiting = [UUID(payload["sender_id"]) for _, payload in phones[0].published.messages]
    phones[0].published.messages.clear()
    shares = [waiting[first::AT_ONCE] for first in range(min(AT_ONCE, len(waiting)))]
    at_the_same_time([lambda share=share: [work_on(sender) for sender in share] for share in shares])
    drain(phones[0].published)


@pytest.fixture
def unique_codes(monkeypatch: pytest.MonkeyPatch, whatsapp):
    monkeypatch.setenv("UNIQUE_CODES", "on")
    settings.cache_clear()


def test_the_table_of_isolations(a_phone: APhone, paying: Gateways, unique_codes):
    event, code = an_offer(kind="digital", price=1_000)
    stock_units(event.tier_ids[0], "SATU", "DUA")
    first, second = a_phone("Satu"), a_phone("Dua")
    write_at_once([first, second], f"buymidtrans {code} 1")
    mine, theirs = order_of(first), order_of(second)

    # Order ids: unguessable, and one each.
    assert mine.id != theirs.id
    assert {UUID(str(each.id)).version for each in (mine, theirs)} == {4}
    # A slot of one's own, by who one is to the messenger.
    assert (mine.in_state, theirs.in_state) == (str(mine.id), str(theirs.id))
    assert mine.user_id != theirs.user_id
    # The amounts differ by a code of 1 to 999 rupiah.
    amounts = [int(re.search(r"QRIS: Rp ([\d.]+)", each.heard[0].text)[1].replace(".", "")) for each in (first, second)]
    assert len(set(amounts)) == 2
    assert all(0 < amount - mine.total_amount < 1_000 for amount in amounts)
    # Payments, and what is asked of gateways about them, are one's own; so is what one may see.
    assert newest_payment(first)[:3] != newest_payment(second)[:3]
    with transaction() as tx, pytest.raises(NotFound):
        queries.order(tx, theirs.id, mine.user_id)
    # One order at a time: who asks for another is told of the one that waits.
    [refused] = first.writes(f"buymidtrans {code} 1")
    assert "pesanan lain" in refused.text
    # What a gateway says is kept for 30 seconds for each order by itself, and no longer than until it is paid.
    assert asked_at(first) is asked_at(second) is None
    assert "belum kami terima" in first.writes("sudah bayar?")[0].text
    kept = asked_at(first)
    assert kept is not None
    assert asked_at(second) is None
    assert "belum kami terima" in first.writes("sudah bayar?")[0].text
    assert asked_at(first) == kept
    # Paid by one, it is delivered to that one; the other still waits.
    [unit] = pays(first, paying)
    assert [each.kind for each in second.heard] == ["image"]
    assert "belum" not in first.writes("status")[0].text
    # Stock is taken before the payment, so nobody gets an empty or a shared unit.
    [other] = pays(second, paying)
    assert sorted(re.findall(r"SATU|DUA", unit.text + other.text)) == ["DUA", "SATU"]
    assert stock(event.tier_ids[0]).sold == 2


def test_somebody_who_writes_twice_at_once_has_one_order(a_phone: APhone, paying: Gateways):
    event, code = an_offer(kind="product")
    phone = a_phone()
    written = [phone.value({"type": "text", "text": {"body": f"beli {code} 1"}}) for _ in range(4)]
    for value in written:  # within one second
        value["messages"][0]["timestamp"] = written[0]["messages"][0]["timestamp"]
    at_the_same_time([lambda value=value: deliver([value]) for value in written])
    waiting = [UUID(payload["sender_id"]) for payload in phone.published.of("chat.waiting")]
    phone.published.messages.clear()
    at_the_same_time([lambda sender=sender: work_on(sender) for sender in waiting])
    drain(phone.published)
    assert len(set(waiting)) == 1
    assert [each.kind for each in phone.heard] == ["image", "button", "button", "button"]
    assert stock(event.tier_ids[0]).reserved == 1


@pytest.mark.slow("a crowd in threads")
def test_a_crowd_buys_what_there_is_and_everybody_is_answered(a_phone: APhone, published: Published, paying: Gateways):
    event, code = an_offer(kind="product", price=0, quota=UNITS)
    crowd = [a_phone() for _ in range(CROWD)]
    write_at_once(crowd, f"beli {code} 1")
    answers: list[Sent] = [phone.heard[-1] for phone in crowd]
    got = [answer.text for answer in answers if "Kode pengambilan" in answer.text]
    assert len(got) == len(set(got)) == UNITS
    assert sum("habis" in answer.text for answer in answers) == CROWD - UNITS
    assert {len(phone.heard) for phone in crowd} == {1}
    counts = stock(event.tier_ids[0])
    assert (counts.reserved, counts.sold) == (0, UNITS)
