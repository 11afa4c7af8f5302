"""A chat is linked to an account by a code that was mailed there and is typed here, and by nothing else (CHAT-4)."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pyotp
import pytest
from sqlalchemy import text

from shared.chat import actions, linking
from shared.cloud.database import transaction
from shared.identity import messenger_accounts, password_reset, second_factor_enrolment, sessions
from shared.identity.password_reset import PasswordReset, PasswordResetRequest
from shared.identity.second_factor_enrolment import EnrolmentConfirmation
from shared.identity.tokens import Principal
from shared.payments import cancellation
from shared.refunds import records as refund_records
from shared.sales import orders
from shared.sales.promos import PromoExhausted
from shared.tickets import issuing
from tests.factories import a_promo, a_tier, a_user, an_event, an_order, reserve, stock_units
from tests.integration.chat.phones import Phone, Sent, deliver, drain
from tests.integration.chat.steps import an_offer
from tests.integration.chat.test_receiving import sender_of
from tests.integration.refunds.sales import a_paid_order

pytestmark = pytest.mark.usefixtures("database")
APhone = Callable[..., Phone]


def an_address() -> str:
    return f"{uuid4().hex[:12]}@example.com"


def mailed(address: str) -> list[str]:
    """The codes that were mailed to an address to link a chat, newest last."""
    with transaction() as tx:
        query = text("""SELECT context ->> 'code' FROM emails WHERE to_address = :address AND template = 'link_chat'
            ORDER BY created_at""")
        return list(tx.execute(query, {"address": address}).scalars())


def links(phone: Phone, address: str) -> list[Sent]:
    """Ask for a code, and type it."""
    phone.writes(f"email {address}")
    return phone.writes(mailed(address)[-1])


def has_bought(phone: Phone) -> UUID:
    _, code = an_offer(kind="product", price=0)
    phone.writes(f"beli {code} 1")
    with transaction() as tx:
        query = text("SELECT order_id FROM chat_orders WHERE sender_id = :id")
        found: UUID = tx.execute(query, {"id": sender_of(phone).id}).scalar_one()
    return found


def buyer_of(order_id: UUID) -> Any:
    with transaction() as tx:
        query = text("SELECT u.* FROM users u JOIN orders o ON o.user_id = u.id WHERE o.id = :id")
        return tx.execute(query, {"id": order_id}).one()


def an_account(**columns: Any) -> tuple[UUID, str]:
    address = an_address()
    with transaction() as tx:
        return a_user(tx, email=address, **columns).id, address


@pytest.mark.parametrize(
    ("word", "asked", "done"), [("indonesia", "8 angka", "terbukti"), ("english", "8-digit", "proved")]
)
def test_an_address_that_nobody_has_becomes_the_chats_own(word: str, asked: str, done: str, a_phone: APhone):
    phone, address = a_phone(), an_address()
    phone.writes(word)
    order_id = has_bought(phone)
    [told] = phone.writes(f"EMAIL {address.upper()}")
    assert asked in told.text
    assert re.fullmatch(r"\d{8}", mailed(address)[0])
    [linked] = phone.writes(f"{mailed(address)[0][:4]} {mailed(address)[0][4:]}")
    assert done in linked.text
    buyer = buyer_of(order_id)
    assert (buyer.email, buyer.is_email_verified) == (address, True)
    assert "Kode pengambilan" in phone.writes("tiket")[0].text or word == "english"


def test_the_orders_of_a_chat_move_to_the_account_whose_address_was_proved(a_phone: APhone):
    user_id, address = an_account()
    phone = a_phone()
    order_id = has_bought(phone)
    before = sender_of(phone).user_id
    links(phone, address)
    assert (buyer_of(order_id).id, sender_of(phone).user_id) == (user_id, user_id)
    with transaction() as tx:
        old = tx.execute(text("SELECT * FROM users WHERE id = :id"), {"id": before}).one()
    assert (old.is_deleted, old.phone) == (True, None)
    assert "Kode pengambilan" in phone.writes("tiket")[0].text
    later = has_bought_again(phone)
    assert buyer_of(later).id == user_id
    assert "Kode pengambilan" in phone.heard[-1].text


def has_bought_again(phone: Phone) -> UUID:
    _, code = an_offer(kind="product", price=0)
    phone.writes(f"beli {code} 1")
    with transaction() as tx:
        query = text("SELECT id FROM orders WHERE user_id = :id ORDER BY created_at DESC LIMIT 1")
        found: UUID = tx.execute(query, {"id": sender_of(phone).user_id}).scalar_one()
    return found


@pytest.mark.parametrize("is_used_there", [True, False])
def test_uses_of_a_promo_code_move_with_the_orders_and_are_given_back_by_their_refunds(
    is_used_there: bool, a_phone: APhone
):
    user_id, address = an_account()
    event, code = an_offer(kind="product", price=50_000)
    with transaction() as tx:
        promo = f"GRATIS{event.id.hex[:8].upper()}"
        a_promo(tx, event, code=promo, percent=100, waives_fee=True, max_uses_per_user=1)
    buyer = Principal(user_id, "customer", None)
    if is_used_there:
        an_order(event, buyer=buyer, promo_code=promo, paid=True)
    phone = a_phone()
    phone.writes(f"beli {code} 1 {promo}")
    links(phone, address)
    assert uses_of(promo) == (1 + is_used_there, {user_id: 1 + is_used_there})
    assert isinstance(reserve(buyer, event, promo_code=promo), PromoExhausted)
    with transaction() as tx:
        bought = tx.execute(text("SELECT id FROM orders WHERE user_id = :id"), {"id": user_id}).scalars().all()
    for order_id in bought:
        with transaction() as tx:
            cancellation.cancel_order(tx, order_id)
    assert uses_of(promo) == (0, {user_id: 0})


def test_uses_move_also_where_another_account_of_the_mailbox_has_used_the_code_up(a_phone: APhone):
    user_id, address = an_account()
    event, code = an_offer(kind="product", price=50_000)
    promo = f"GRATIS{event.id.hex[:8].upper()}"
    with transaction() as tx:
        a_promo(tx, event, code=promo, percent=100, waives_fee=True, max_uses_per_user=1)
        alias = a_user(tx, email=address.replace("@", "+kedua@"))
    an_order(event, buyer=alias, promo_code=promo, paid=True)
    phone = a_phone()
    phone.writes(f"beli {code} 1 {promo}")
    links(phone, address)
    assert uses_of(promo) == (2, {user_id: 1, alias.id: 1})
    assert isinstance(reserve(Principal(user_id, "customer", None), event, promo_code=promo), PromoExhausted)


def uses_of(promo: str) -> tuple[int, dict[UUID, int]]:
    """How often a code was used, in all and by whom."""
    with transaction() as tx:
        query = "SELECT p.uses AS total, u.user_id, u.uses FROM promos p JOIN promo_users u ON u.promo_id = p.id"
        rows = tx.execute(text(f"{query} WHERE p.code = :code"), {"code": promo}).all()
    return rows[0].total, {row.user_id: row.uses for row in rows}


def test_a_refund_that_waits_for_a_bank_account_waits_for_that_of_the_account_there(a_phone: APhone):
    user_id, address = an_account()
    phone = a_phone()
    has_bought(phone)
    order = a_paid_order(buyer=Principal(sender_of(phone).user_id, "customer", None))
    with transaction() as tx:
        cancellation.cancel_order(tx, order.id)
        query = "UPDATE refunds SET method = 'disbursement' WHERE order_id = :id RETURNING id"
        refund_id = tx.execute(text(query), {"id": order.id}).scalar_one()
    links(phone, address)
    with transaction() as tx:
        assert refund_records.read(tx, refund_id).user_id == user_id
        asked = text("SELECT 1 FROM outbox WHERE topic = 'refund.approved' AND payload ->> 'refund_id' = :id")
        assert len(tx.execute(asked, {"id": str(refund_id)}).all()) == 2, "approved, and waits no more for nobody"


def test_who_has_bought_nothing_yet_is_linked_just_so(a_phone: APhone):
    user_id, address = an_account()
    known, new = a_phone(), a_phone()
    links(known, address)
    assert sender_of(known).user_id == user_id
    unknown = an_address()
    links(new, unknown)
    with transaction() as tx:
        query = text("SELECT email, is_email_verified FROM users WHERE id = :id")
        assert tuple(tx.execute(query, {"id": sender_of(new).user_id}).one()) == (unknown, True)


def test_nobody_learns_whether_an_address_has_an_account(a_phone: APhone):
    _, known = an_account(full_name="Rahasia Sekali")
    told = []
    for address in (known, an_address()):
        [answer] = a_phone().writes(f"email {address}")
        told.append(answer.text.replace(address, "…"))
        with transaction() as tx:
            query = text("SELECT context ->> 'full_name' FROM emails WHERE to_address = :address")
            assert tx.execute(query, {"address": address}).scalar_one() == ""
    assert told[0] == told[1]


def test_an_unproved_registration_gives_whoever_made_it_nothing(a_phone: APhone):
    user_id, address = an_account(is_email_verified=False, password_hash="somebody's", phone="+6281299990000")
    phone = a_phone()
    has_bought(phone)
    links(phone, address)
    with transaction() as tx:
        user = tx.execute(text("SELECT * FROM users WHERE id = :id"), {"id": user_id}).one()
    assert (user.password_hash, user.phone, user.is_email_verified) == (None, None, True)


@pytest.mark.parametrize("role", ["admin", "second factor"])
def test_accounts_that_a_mailed_code_does_not_open_are_not_linked(role: str, a_phone: APhone):
    user_id, address = an_account(role="admin" if role == "admin" else "customer")
    if role == "second factor":
        with transaction() as tx:
            query = text("INSERT INTO second_factors (user_id, secret_sealed, last_step) VALUES (:id, 'encrypted', 0)")
            tx.execute(query, {"id": user_id})
    phone = a_phone()
    order_id = has_bought(phone)
    [refused] = links(phone, address)
    assert "tidak bisa dihubungkan" in refused.text
    assert messenger_accounts.is_marker(buyer_of(order_id).email)


def test_a_code_is_guessed_five_times_at_most(a_phone: APhone):
    user_id, address = an_account()
    phone = a_phone()
    phone.writes(f"email {address}")
    [code] = mailed(address)
    wrong = "00000000" if code != "00000000" else "11111111"
    answers = [phone.writes(wrong)[0].text for _ in range(5)]
    assert all("tidak cocok" in answer for answer in answers)
    assert "tidak cocok" in phone.writes(code)[0].text
    assert sender_of(phone).user_id != user_id


def test_a_code_that_is_too_old_is_none(a_phone: APhone):
    user_id, address = an_account()
    phone = a_phone()
    phone.writes(f"email {address}")
    with transaction() as tx:
        query = text("UPDATE chat_email_codes SET expires_at = now() WHERE address = :address")
        tx.execute(query, {"address": address})
    assert "tidak cocok" in phone.writes(mailed(address)[0])[0].text
    assert sender_of(phone).user_id != user_id


def test_the_code_of_one_chat_is_worth_nothing_in_another(a_phone: APhone):
    user_id, address = an_account()
    phone, other = a_phone(), a_phone()
    phone.writes(f"email {address}")
    other.writes(f"email {an_address()}")
    other.writes(mailed(address)[0])
    assert sender_of(other).user_id != user_id


def test_a_chat_has_few_codes_mailed_in_a_day(a_phone: APhone):
    phone = a_phone()
    addresses = [an_address() for _ in range(linking.MAX_CODES + 1)]
    answers = [phone.writes(f"email {address}")[0].text for address in addresses]
    assert "besok" in answers[-1]
    assert [len(mailed(address)) for address in addresses] == [1] * linking.MAX_CODES + [0]


@pytest.mark.parametrize("typed", ["email bukan-alamat", "email a@b", "email <script>@x"])
def test_what_is_no_address_is_told_so(typed: str, a_phone: APhone):
    [told] = a_phone().writes(typed)
    assert "bukan alamat" in told.text


def test_an_order_that_waits_is_finished_first(a_phone: APhone):
    _, code = an_offer()
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    assert "Bayar atau batalkan" in phone.writes(f"email {an_address()}")[0].text


def test_an_order_that_may_still_be_paid_does_not_lose_its_buyer(a_phone: APhone):
    user_id, address = an_account()
    phone = a_phone()
    has_bought(phone)
    phone.writes(f"email {address}")
    buyer = Principal(sender_of(phone).user_id, "customer", None)
    order = an_order(buyer=buyer)  # as one whose conversation was lost
    code = mailed(address)[0]
    assert "Bayar atau batalkan" in phone.writes(code)[0].text
    assert buyer_of(order.id).id == buyer.id
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, order.id))
    phone.writes(code)
    assert buyer_of(order.id).id == user_id


def test_who_dies_after_linking_has_linked_once(a_phone: APhone, monkeypatch: pytest.MonkeyPatch):
    user_id, address = an_account()
    phone = a_phone()
    order_id = has_bought(phone)
    phone.writes(f"email {address}")
    redeem = linking.redeem

    def dies(*given: Any) -> None:
        redeem(*given)
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(actions.linking, "redeem", dies)
        deliver([phone.value({"type": "text", "text": {"body": mailed(address)[0]}})])
        with pytest.raises(ConnectionError):
            drain(phone.published)
    before = len(phone.heard)
    phone.writes("bantuan")
    assert "terbukti" in phone.heard[before].text
    assert buyer_of(order_id).id == user_id


def test_who_has_no_number_is_asked_for_it_before_a_person_calls(a_phone: APhone):
    phone = a_phone(has_number=False)
    [asked] = phone.writes("orang")
    assert asked.kind == "request_contact_info"
    card = {"phones": [{"wa_id": "6281299990077"}], "origin": "contact_request"}
    deliver([phone.value({"type": "contacts", "contacts": [card]})])
    drain(phone.published)
    assert "nomor Anda kami simpan" in phone.whatsapp.sent[-1].text
    phone.number = "6281299990077"
    assert phone.writes("orang")[0].kind == "text"


def test_a_number_that_is_known_is_not_replaced_by_a_shared_one(a_phone: APhone):
    phone = a_phone()
    card = {"phones": [{"wa_id": "6281299990078"}], "origin": "contact_request"}
    phone.sends({"type": "contacts", "contacts": [card]})
    assert sender_of(phone).phone == phone.number


def test_it_is_told_where_data_is_deleted(a_phone: APhone):
    [told] = a_phone().writes("hapus data saya")
    assert "/account/delete" in told.text


def resets_password(user_id: UUID, address: str) -> None:
    with transaction() as tx:
        mail = password_reset.forgot_password(tx, PasswordResetRequest(email=address))
    assert mail
    password_reset.reset_password(PasswordReset(email=address, code=mail.context["code"], password="Rahasia#77"))


def signs_out_everywhere(user_id: UUID, address: str) -> None:
    with transaction() as tx:
        sessions.end_everywhere(tx, user_id)


def sets_up_a_second_factor(user_id: UUID, address: str) -> None:
    caller = Principal(user_id, "organizer", user_id)
    with transaction() as tx:
        begun = second_factor_enrolment.begin(tx, caller)
    given = EnrolmentConfirmation(enrolment=begun.enrolment, code=pyotp.TOTP(begun.secret).now())
    with transaction() as tx:
        second_factor_enrolment.confirm(tx, caller, given, lambda tx, mail: None)


@pytest.mark.parametrize("owner_acts", [resets_password, signs_out_everywhere, sets_up_a_second_factor])
def test_a_chat_that_a_thief_has_linked_ends_with_all_sessions(
    owner_acts: Callable[[UUID, str], None], a_phone: APhone
):
    user_id, address = an_account(role="organizer")
    thief = a_phone()
    links(thief, address)
    linked = sender_of(thief)
    assert linked.user_id == user_id
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind="digital", price=0)])
    stock_units(event.tier_ids[0], "VOUCHER-4711")
    owner_acts(user_id, address)
    issuing.issue(an_order(event, buyer=Principal(user_id, "customer", None), paid=True).id)
    assert not any("VOUCHER-4711" in each.text for each in thief.writes("tiket"))
    assert (sender_of(thief).id != linked.id, sender_of(thief).user_id) == (True, None)
    with transaction() as tx:
        for table in ("chat_messages", "chat_updates", "chat_consents", "chat_email_codes"):
            kept = text(f"SELECT count(*) FROM {table} WHERE sender_id = :id")
            assert tx.execute(kept, {"id": linked.id}).scalar_one() == 0, table
