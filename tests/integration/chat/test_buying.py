"""Buying in a chat, from the first message to the ticket, pickup code or digital unit in it (CHAT-1, CHAT-3, MID-1)."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import text

from infra.checks.costs import CHAT_MESSAGES
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.sales import orders
from tests.doubles import Published
from tests.factories import a_promo, a_tier, an_event, make_overdue, stock, stock_units
from tests.integration.chat.phones import FakeWhatsApp, Phone, Sent, drain
from tests.integration.chat.steps import an_offer, newest_payment, payment_reference, pays
from tests.model.gateways import Gateways

pytestmark = pytest.mark.usefixtures("database")
APhone = Callable[..., Phone]


def qris_in(whatsapp: FakeWhatsApp, message: Sent) -> str:
    """The text in the QR code of a picture, as a wallet reads it."""
    picture = Image.open(io.BytesIO(whatsapp.media[message.content["image"]["id"]]))
    assert picture.mode == "RGB"
    assert picture.width >= 800
    [found] = zxingcpp.read_barcodes(picture)
    return str(found.text)


def test_a_ticket_is_bought_in_three_messages_and_comes_as_pdf(a_phone: APhone, paying: Gateways, whatsapp):
    event, code = an_offer()
    phone = a_phone("Siti Rahma")
    [asked] = phone.writes(f"Beli {code.lower()} 1")
    assert "Rp 107.500" in asked.text  # with its fees
    assert stock(event.tier_ids[0]).reserved == 1  # before anything is paid
    [qris] = phone.chooses(asked.choices["Siti Rahma"])
    assert (qris.kind, qris_in(whatsapp, qris)) == ("image", newest_payment(phone)[3])
    assert re.search(r"Rp 107\.500.*Berlaku sampai \d\d\.\d\d WIB", qris.text, re.DOTALL)
    [ticket] = pays(phone, paying)
    assert ticket.kind == "document"
    assert whatsapp.media[ticket.content["document"]["id"]].startswith(b"%PDF")
    assert len(phone.heard) + len(phone.questions) <= CHAT_MESSAGES
    assert stock(event.tier_ids[0]).sold == 1
    with transaction() as tx:
        names = tx.execute(
            text("SELECT attendee_name FROM order_items WHERE tier_id = ANY(:ids)"), {"ids": event.tier_ids}
        )
        assert names.scalars().all() == ["Siti Rahma"]


def test_the_menu_leads_to_the_same_in_six_messages_at_most(a_phone: APhone, paying: Gateways):
    with transaction() as tx:
        soon = datetime.now(UTC) + timedelta(days=1)  # first in the list
        an_event(
            tx, title="Malam Puisi", starts_at=soon, tiers=[a_tier(name="Biasa"), a_tier(name="Utama", price=200_000)]
        )
    phone = a_phone()
    [events] = phone.writes("halo kak")
    [tiers] = phone.chooses(events.choices["Malam Puisi"], "list_reply")
    [quantities] = phone.chooses(tiers.choices["Utama"], "list_reply")
    [naming] = phone.chooses(quantities.choices["1"])
    phone.writes("Dewi Anggraini")
    [ticket] = pays(phone, paying)
    assert [each.kind for each in phone.heard] == ["list", "list", "button", "button", "image", "document"]
    assert len(phone.heard) == CHAT_MESSAGES  # docs/capacity.md says what that costs
    assert phone.questions == []  # it would be the seventh message
    assert "Rp 212.500" in naming.text
    assert "Malam Puisi" in ticket.text


def test_each_ticket_is_named_one_after_the_other(a_phone: APhone, paying: Gateways):
    event, code = an_offer()
    phone = a_phone("x" * 300)  # no name that could be offered
    [first] = phone.writes(f"beli {code} 3")
    assert list(first.choices) == ["Batal"]
    assert "1 dari 3" in first.text
    phone.writes("Ayu")
    [wrong] = phone.writes("https://penipu.example")
    assert "tidak bisa dipakai" in wrong.text
    phone.writes("Bima")
    [qris] = phone.writes("Citra")
    assert qris.kind == "image"
    with transaction() as tx:
        query = text("SELECT attendee_name FROM order_items WHERE tier_id = :id ORDER BY position")
        assert tx.execute(query, {"id": event.tier_ids[0]}).scalars().all() == ["Ayu", "Bima", "Citra"]


def test_the_command_of_the_document_gives_the_qris_at_once_and_then_a_unit_of_ones_own(
    a_phone: APhone, paying: Gateways
):  # PROD-2, MID-1
    event, code = an_offer(kind="digital", name="Voucher")
    stock_units(event.tier_ids[0], "KODE-SATU", "KODE-DUA")
    given = []
    for _ in range(2):
        phone = a_phone()
        [qris] = phone.writes(f"buymidtrans {code} 1")
        assert (qris.kind, newest_payment(phone)[1]) == ("image", "midtrans")
        [unit] = pays(phone, paying)
        given += re.findall(r"Voucher: (KODE-\w+)", unit.text)
    assert sorted(given) == ["KODE-DUA", "KODE-SATU"]
    with transaction() as tx:  # the secret is in no row of the chat
        stored = tx.execute(text("SELECT count(*) FROM chat_messages WHERE content::text LIKE '%KODE-%'")).scalar()
    assert stored == 0


def test_goods_come_with_their_pickup_code(a_phone: APhone, paying: Gateways):  # PROD-1
    _, code = an_offer(kind="product", name="Kaus")
    phone = a_phone()
    phone.writes(f"beli {code} 2")
    [goods] = pays(phone, paying)
    assert re.search(r"Kode pengambilan: \w{4}-\w{4}", goods.text)


def test_what_costs_nothing_comes_at_once(a_phone: APhone):
    _, code = an_offer(price=0)
    phone = a_phone()
    [asked] = phone.writes(f"beli {code} 1")
    [ticket] = phone.chooses(asked.choices["Budi Contoh"])
    assert ticket.kind == "document"


def test_somebody_without_a_number_buys_just_so(a_phone: APhone, paying: Gateways):  # CHAT-4
    _, code = an_offer(kind="product")
    phone = a_phone(has_number=False)
    [qris] = phone.writes(f"beli {code} 1")
    assert qris.recipient.fields() == {"recipient": phone.user_id}
    assert len(pays(phone, paying)) == 1


def test_an_account_of_a_chat_has_no_address_and_is_mailed_nowhere(a_phone: APhone, paying: Gateways):  # CHAT-4
    _, code = an_offer()
    phone = a_phone("Rini")
    [asked] = phone.writes(f"beli {code} 1")
    phone.chooses(asked.choices["Rini"])
    pays(phone, paying)
    with transaction() as tx:
        query = text("SELECT u.* FROM users u JOIN chat_senders s ON s.user_id = u.id WHERE s.messenger_id = :id")
        user = tx.execute(query, {"id": phone.user_id}).one()
        mails = tx.execute(text("SELECT count(*) FROM emails WHERE to_address = :email"), {"email": user.email})
        assert mails.scalar() == 0
    assert (user.full_name, user.phone, user.is_email_verified) == ("Rini", f"+{phone.number}", False)
    assert user.email == f"{user.id}@chat.invalid"
    assert user.terms_version


def test_asking_whether_it_is_paid_asks_the_gateway(a_phone: APhone, paying: Gateways):
    _, code = an_offer(kind="product")
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    [waiting] = phone.writes("Sudah bayar?")
    assert "belum kami terima" in waiting.text
    payment_id, gateway, _, _ = newest_payment(phone)
    paying.does(gateway, payment_reference(payment_id), "pay", deliver="never")
    with transaction() as tx:  # thirty seconds later
        tx.execute(text("UPDATE payments SET last_asked_at = NULL WHERE id = :id"), {"id": payment_id})
    answers = phone.sends({"type": "image", "image": {"id": "1", "caption": "ini buktinya"}})
    assert ["sudah kami terima" in answers[0].text, "Kode pengambilan" in answers[1].text] == [True, True]


def test_a_second_purchase_shows_the_order_that_waits_and_cancelling_makes_room(a_phone: APhone, paying: Gateways):
    event, code = an_offer(kind="product", name="Kaus")
    _, other = an_offer(kind="product", name="Topi")
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    [refused] = phone.writes(f"beli {other} 1")
    assert "pesanan lain" in refused.text
    assert "Kaus" in refused.text
    [cancelled] = phone.chooses(refused.choices["Batal"])
    assert "dibatalkan" in cancelled.text
    assert stock(event.tier_ids[0]).reserved == 0
    [stale] = phone.chooses(refused.choices["Bayar QRIS"])
    assert "tidak berlaku" in stale.text
    assert phone.writes(f"beli {other} 1")[0].kind == "image"


def test_an_order_whose_time_is_over_is_told_of_and_forgotten(a_phone: APhone, paying: Gateways):
    event, code = an_offer(kind="product")
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    with transaction() as tx:
        order_id = tx.execute(
            text("SELECT order_id FROM chat_senders WHERE order_id IS NOT NULL AND messenger_id = :id"),
            {"id": phone.user_id},
        ).scalar_one()
    make_overdue(order_id)
    with transaction() as tx:
        orders.expire_due(tx, event_ids=[event.id])
    drain(phone.published)
    assert "sudah habis" in phone.heard[-1].text
    assert phone.writes(f"beli {code} 1")[0].kind == "image"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("beli TIDAKADA 1", "tidak sedang dijual"),
        ("beli TIDAKADA", "tidak dikenal"),
        ("beli {code} 0", "paling banyak 20"),
        ("beli {code} 999999", "paling banyak 20"),
        ("beli {code} 6", "Terlalu banyak"),
        ("batal", "Tidak ada yang perlu dibatalkan"),
        ("bayar", "Tidak ada pesanan"),
        ("tiket", "Belum ada tiket"),
        ("refund", "7 hari"),
        ("bantuan", "BELI KODE"),
        ("HELP!", "BUY CODE"),
        ("orang", "seseorang dari kami"),
        ("english", "go on in English"),
    ],
)
def test_everybody_is_answered(typed: str, answer: str, a_phone: APhone):
    _, code = an_offer()
    [told] = a_phone().writes(typed.format(code=code))
    assert answer in told.text


def test_english_is_spoken_to_who_begins_in_it(a_phone: APhone, paying: Gateways):
    _, code = an_offer(kind="product")
    phone = a_phone()
    [qris] = phone.writes(f"buy {code} 1")
    assert "Valid until" in qris.text
    assert "I have paid" in phone.writes("status")[0].choices


def test_the_gateway_that_is_away_keeps_the_order(a_phone: APhone, paying: Gateways):
    event, code = an_offer(kind="product")
    phone = a_phone()
    paying.fails("midtrans", status=503, count=99)
    try:
        [away] = phone.writes(f"buymidtrans {code} 1")
    finally:
        paying.behaves("midtrans")
    assert "BAYAR" in away.text
    assert stock(event.tier_ids[0]).reserved == 1
    assert phone.writes("bayar")[0].kind == "image"


def test_a_person_of_ours_is_called(a_phone: APhone, published: Published):
    phone = a_phone()
    phone.writes("orang")
    phone.writes("orang")
    with transaction() as tx:
        query = text("""SELECT count(*) FROM manual_tasks t JOIN chat_senders s ON s.id::text = t.subject_id
            WHERE t.kind = 'chat_handover' AND s.messenger_id = :id""")
        assert tx.execute(query, {"id": phone.user_id}).scalar() == 1


def test_a_promo_code_is_typed_after_the_quantity_and_counts_as_on_the_site(a_phone: APhone, paying: Gateways):
    event, code = an_offer(price=100_000)
    promo = f"HEMAT{event.id.hex[:8].upper()}"
    with transaction() as tx:
        a_promo(tx, event, code=promo, percent=20, max_uses=1)
    [asked] = a_phone().writes(f"beli {code} 1 {promo.lower()}")
    assert "Potongan: −Rp 20.000" in asked.text
    [used_up] = a_phone().writes(f"beli {code} 1 {promo}")
    assert "habis dipakai" in used_up.text
    [unknown] = a_phone().writes(f"beli {code} 1 TIDAKADA")
    assert "tidak berlaku" in unknown.text
    assert stock(event.tier_ids[0]).reserved == 1


def test_tiket_sends_the_tickets_of_every_event_that_is_ahead_the_next_one_first(a_phone: APhone):
    phone = a_phone("Siti Rahma")
    for title, days in (("Konser Besok", 1), ("Konser Bulan Depan", 30)):
        with transaction() as tx:
            event = an_event(tx, title=title, starts_at=clock.now() + timedelta(days=days), tiers=[a_tier(price=0)])
            query = text("SELECT code FROM ticket_tiers WHERE id = :id")
            code = tx.execute(query, {"id": event.tier_ids[0]}).scalar_one()
        [named] = phone.writes(f"beli {code} 1")
        phone.chooses(named.choices[phone.name])
        drain(phone.published)
    sent = [each.text for each in phone.writes("tiket")]
    assert [title for words in sent for title in ("Konser Besok", "Konser Bulan Depan") if title in words] == [
        "Konser Besok",
        "Konser Bulan Depan",
    ]
