"""Every mail in both languages: all that matters is in the plain text, and nothing typed by people turns into HTML."""

import re
from uuid import UUID

import pytest
from jinja2 import UndefinedError

from shared.messages.rendering import render
from shared.messages.template_data import (
    BankAccount,
    Change,
    Event,
    Goods,
    GoodsLine,
    Line,
    Order,
    Payment,
    Payout,
    Ticket,
)

ORDER_ID = UUID("0d9c8b7a-1122-4333-8444-55667788990a")
EVENT = Event(
    "Konser <Senja> & Kawan",
    ("Sabtu, 21 November 2026", "19.00 – 22.00 WIB"),
    "Istora, Jakarta",
)
VIRTUAL_ACCOUNT = Payment("BCA", 407_500, "8808123456789012", None, None, "Sabtu, 1 November 2026, 10.30 WIB")
BILL = Payment("MANDIRI", 407_500, "992326882473", "70012", None, "Sabtu, 1 November 2026, 10.30 WIB")
QRIS = Payment("QRIS", 427_500, None, None, "https://pay.example/inv-1", "Sabtu, 1 November 2026, 10.30 WIB")
TICKETS = [
    Ticket(UUID(int=1), "VIP", "Siti <b>Rahma</b>", "a.pdf"),
    Ticket(UUID(int=2), "Reguler", "Budi", "b.pdf"),
]


def an_order(*, status="pending_payment", payment=VIRTUAL_ACCOUNT, discount_amount=0):
    lines = [Line("VIP", 2, 150_000, 10_000), Line("Reguler", 1, 100_000, 7_500)]
    total = 427_500 - discount_amount
    return Order(ORDER_ID, status, "Siti Rahma", EVENT, lines, discount_amount, total, "nanti", payment)


E_TICKET = {"occasion": "paid", "untold": 0, "are_attached": True}
FACTS = {
    "verify_email": {"full_name": "Siti", "code": "123456", "valid_minutes": 10},
    "already_registered": {"full_name": "Siti"},
    "reset_password": {"full_name": "Siti", "code": "123456", "valid_minutes": 10},
    "confirm_identity": {"full_name": "Siti", "code": "123456", "valid_minutes": 10},
    "sign_in": {"full_name": "Siti", "code": "12345678", "valid_minutes": 10},
    "order_confirmation": {"order": an_order(discount_amount=20_000)},
    "payment_reminder": {"order": an_order(payment=QRIS)},
    "event_reminder": {
        "order": an_order(status="paid"),
        "held": [GoodsLine("VIP", 2)],
        "to_buyer": True,
        "is_today": False,
    },
    "e_ticket": {"order": an_order(status="paid"), "tickets": TICKETS, "to_buyer": True, **E_TICKET},
    "event_changed": {
        "order": an_order(status="paid"),
        "changes": [Change("when", "Sabtu", "Minggu"), Change("tier", "VIP", "Platinum")],
        "allows_refund": True,
        "is_partial": False,
        "to_buyer": True,
    },
    "goods_ready": {
        "order": an_order(status="paid"),
        "goods": Goods("K7QM-3XPD", [GoodsLine("Kaus", 2)], [GoodsLine("Voucher", 1)]),
    },
    "ticket_delayed": {"order": an_order(status="paid"), "to_buyer": True},
    "ticket_void": {"order": an_order(status="paid"), "held": [GoodsLine("VIP", 1)], "reason": "refunded"},
    "event_cancelled": {"order": an_order(status="paid"), "amount": 427_500},
    "payout_completed": {"payout": Payout(90_000, "completed", "Konser Senja", "Siti Rahma", "BCA", "6789")},
    "bank_account_set": {
        "full_name": "Siti",
        "account": BankAccount(
            "BCA",
            "6789",
            "Siti",
            "1 November 2026, 10.30 WIB",
            "2 November 2026, 10.30 WIB",
            "https://karcis.example/f",
        ),
    },
    "promo_used_late": {"promo": {"code": "HEMAT", "event_title": "Konser Senja", "discount": 50_000}},
    "staff_invitation": {"full_name": "Siti", "code": "123456", "valid_days": 3},
    "staff_address_taken": {"full_name": "Siti"},
    "account_deleted": {"full_name": "Siti"},
    "payment_unusable": {"order": an_order(status="expired"), "amount": 427_500},
    "top_up_needed": {"order": an_order(), "amount": 10_000, "received": 417_500},
    "payment_in_review": {"order": an_order(), "received": 477_500, "asked": 427_500},
}
EVERY_MAIL = [(template, language) for template in FACTS for language in ("id", "en")]


def words_of(html):
    """The words of an HTML mail that a reader sees."""
    body = re.sub(r"(?s)<(style|title).*?</\1>", " ", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize(("template", "language"), EVERY_MAIL)
def test_every_mail_has_a_subject_and_a_whole_page_in_its_language(template, language):  # U-005, NS-007
    mail = render(template, language, FACTS[template])
    assert mail.subject
    assert "\n" not in mail.subject
    assert f'<html lang="{language}">' in mail.html
    assert 'name="viewport"' in mail.html
    assert ("Halo" if language == "id" else "Hello") in mail.text
    assert "{" not in mail.text + re.sub(r"(?s)<style.*?</style>", "", mail.html)


@pytest.mark.parametrize(("template", "language"), EVERY_MAIL)
def test_the_plain_text_can_be_read_alone(template, language):
    mail = render(template, language, FACTS[template])
    assert not re.search(r"</?(p|td|strong|a|br)\b|&\w+;", mail.text)
    assert "\n\n\n" not in mail.text
    for figure in re.findall(r"Rp [\d.]+|\d{6,}", words_of(mail.html)):
        assert figure in mail.text


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize(
    "template", ["order_confirmation", "e_ticket", "ticket_delayed", "payment_unusable", "ticket_void"]
)
def test_what_people_typed_is_shown_and_never_obeyed(template, language):
    mail = render(template, language, FACTS[template])
    assert "Konser <Senja> & Kawan" in mail.text
    assert "Konser &lt;Senja&gt; &amp; Kawan" in mail.html
    assert "<Senja>" not in mail.html
    assert "<b>" not in mail.html


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_confirmation_shows_every_price_and_fee_and_the_total(language):  # FN-001..003
    text = render("order_confirmation", language, FACTS["order_confirmation"]).text
    for line in (
        "2 x VIP (Rp 150.000): Rp 300.000",
        "2 x Rp 10.000: Rp 20.000",
        "1 x Reguler (Rp 100.000): Rp 100.000",
    ):
        assert line in text
    assert "-Rp 20.000" in text
    assert "Total: Rp 407.500" in text


@pytest.mark.parametrize("template", ["order_confirmation", "payment_reminder"])
@pytest.mark.parametrize(
    ("payment", "told"),
    [
        (VIRTUAL_ACCOUNT, "8808123456789012"),
        (BILL, "992326882473"),
        (BILL, "70012"),
        (BILL, "Rp 407.500"),
        (QRIS, "https://pay.example/inv-1"),
        (None, f"/orders/{ORDER_ID}"),
    ],
)
def test_a_confirmation_and_its_reminder_tell_how_to_pay_and_until_when(payment, told, template):  # NS-002, NS-004
    for language in ("id", "en"):
        mail = render(template, language, {"order": an_order(payment=payment)})
        deadline = payment.deadline if payment else "nanti"
        for words in (mail.text, mail.html):
            assert told in words
            assert deadline in words


def test_a_confirmation_of_a_paid_order_asks_for_no_money():
    for language in ("id", "en"):
        mail = render("order_confirmation", language, {"order": an_order(status="paid", payment=None)})
        assert not re.search(r"(?i)bayar sekarang|pay now|paling lambat|pay by", mail.text + mail.html)


def test_an_attendee_is_greeted_by_name_and_sees_no_order():
    facts = {"order": an_order(status="paid"), "tickets": TICKETS[1:], "to_buyer": False, **E_TICKET}
    for language in ("id", "en"):
        mail = render("e_ticket", language, facts)
        assert "Budi" in mail.text.splitlines()[0]
        assert str(ORDER_ID) not in mail.text + mail.html


def test_a_code_is_not_in_the_subject():
    assert "123456" not in render("verify_email", "id", FACTS["verify_email"]).subject


def test_a_missing_fact_is_an_error_and_no_gap_in_a_mail():
    with pytest.raises(UndefinedError):
        render("verify_email", "id", {"full_name": "Siti"})


@pytest.mark.parametrize("language", ["id", "en"])
def test_tickets_that_are_too_many_to_attach_are_not_said_to_be_attached(language):
    facts = FACTS["e_ticket"] | {"tickets": TICKETS * 50, "are_attached": False}
    mail = render("e_ticket", language, facts)
    for words in (mail.text, words_of(mail.html)):
        assert "100 e-ti" in words
        assert "terlampir" not in words
        assert "are attached" not in words
