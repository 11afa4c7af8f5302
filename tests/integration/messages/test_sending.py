"""Mails go out once, are tried ten times, and end with a person where that doesn't help (PS-024)."""

import base64
from uuid import uuid4

import pytest
from sqlalchemy import text

from functions.send_email.main import EmailRequested
from functions.send_email.main import send as send_as_deployed
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayMisconfigured, GatewayUnavailable
from shared.messages import mails, sending
from shared.messages.sending import NotRendered, NotSendable
from shared.problems import NotFound, TryAgain
from shared.sales import orders
from shared.tickets import issuing, voiding
from tests.factories import a_tier, a_user, an_event, an_order
from tests.integration.messages.conftest import ACCEPTED
from tests.mail_sending import send_mail
from tests.threads import at_the_same_time
from tests.unit.gateways.scripted_server import HANG_UP, Reply

pytestmark = pytest.mark.usefixtures("database")

REFUSED = Reply(400, {"errors": [{"message": "Does not contain a valid address.", "field": "to", "help": None}]})
BAD_KEY = Reply(401, {"errors": [{"message": "The provided authorization grant is invalid", "field": None}]})
DOWN = Reply(503)


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def change(sql, **values):
    with transaction() as tx:
        tx.execute(text(sql), values)


def email(email_id):
    [row] = rows("SELECT * FROM emails WHERE id = :id", id=email_id)
    return row


def tasks_about(email_id):
    return [task.kind for task in rows("SELECT kind FROM manual_tasks WHERE subject_id = :id", id=str(email_id))]


def the_mail_about(order, template="order_confirmation", **asked):
    with transaction() as tx:
        mails.enqueue_about_order(tx, template, order.id, dedupe_key=f"{template}:{order.id}", **asked)
    [row] = rows("SELECT id FROM emails WHERE order_id = :id AND template = :name", id=order.id, name=template)
    return row.id


def a_code_mail(language="id"):
    key = str(uuid4())
    with transaction() as tx:
        context = {"full_name": "Siti", "code": "123456"}
        mails.enqueue(tx, "verify_email", dedupe_key=key, to="siti@example.com", language=language, context=context)
    [row] = rows("SELECT id FROM emails WHERE once_key = :key", key=key)
    return row.id


def an_e_ticket_mail():
    order = an_order(quantities=[2], paid=True)
    issuing.issue(order.id)
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    [row] = rows("SELECT id FROM emails WHERE once_key = :key", key=f"e_ticket:{order.id}")
    return order, row.id


def test_a_mail_is_handed_to_sendgrid_and_noted(sendgrid):
    email_id = a_code_mail()
    send_mail(email_id)
    [asked] = sendgrid.asked
    assert asked.path == "/v3/mail/send"
    [recipient] = asked.body["personalizations"]
    assert recipient == {"to": [{"email": "siti@example.com"}], "custom_args": {"karcis_email_id": str(email_id)}}
    assert asked.body["subject"] == "Kode verifikasi Karcis Anda"
    assert "123456" in asked.body["content"][0]["value"]
    assert "10 menit" in asked.body["content"][0]["value"]
    assert asked.body["categories"] == ["verify_email"]
    row = email(email_id)
    assert (row.status, row.provider_message_id, row.attempts) == ("sent", "sg-message-1", 1)
    assert row.sent_at is not None


def test_english_readers_get_english(sendgrid):
    send_mail(a_code_mail("en"))
    assert sendgrid.asked[0].body["subject"] == "Your Karcis verification code"


def test_a_mail_that_is_sent_is_not_sent_again(sendgrid):
    email_id = a_code_mail()
    for _ in range(3):
        send_mail(email_id)
    assert len(sendgrid.asked) == 1


def test_a_mail_that_was_accepted_without_an_id_is_sent_all_the_same(sendgrid):
    email_id = a_code_mail()
    sendgrid.will_answer(Reply(202))
    send_mail(email_id)
    assert (email(email_id).status, email(email_id).provider_message_id) == ("sent", None)


@pytest.fixture
def admin():
    with transaction() as tx:
        return a_user(tx, role="admin")


def send_again(email_id, admin):
    with transaction() as tx:
        sending.resend(tx, email_id, by=admin.id)


def open_tasks_about(email_id):
    return rows("SELECT 1 FROM manual_tasks WHERE subject_id = :id AND done_at IS NULL", id=str(email_id))


def test_a_mail_that_failed_is_sent_again_by_an_admin(sendgrid, admin):
    email_id = the_mail_about(an_order())
    sendgrid.will_answer(DOWN)
    send_mail(email_id, attempt=sending.MAX_ATTEMPTS)
    assert (email(email_id).status, len(open_tasks_about(email_id))) == ("failed", 1)
    send_again(email_id, admin)
    assert open_tasks_about(email_id) == []
    asked = rows("SELECT topic FROM outbox WHERE payload ->> 'email_id' = :id", id=str(email_id))
    assert [message.topic for message in asked] == ["email.requested"] * 2
    sendgrid.will_answer(ACCEPTED)
    send_mail(email_id)
    assert (email(email_id).status, email(email_id).attempts) == ("sent", 1)


def test_what_is_sent_or_forgotten_is_not_sent_again(sendgrid, admin):
    sent, code = the_mail_about(an_order()), a_code_mail()
    send_mail(sent)
    sendgrid.will_answer(REFUSED)
    send_mail(code)
    for email_id in (sent, code):
        with pytest.raises(NotSendable):
            send_again(email_id, admin)
    with pytest.raises(NotFound):
        send_again(uuid4(), admin)


def test_a_mail_nobody_asked_for_is_nothing_to_do(sendgrid):
    send_mail(uuid4())
    assert sendgrid.asked == []


def test_of_deliveries_in_the_same_instant_one_sends(sendgrid):
    email_id = a_code_mail()

    def deliver():
        try:
            send_mail(email_id)
        except TryAgain:
            return

    at_the_same_time([deliver] * 6)
    assert len(sendgrid.asked) == 1
    assert email(email_id).status == "sent"


def test_a_code_is_forgotten_once_it_is_sent(sendgrid):
    email_id = a_code_mail()
    send_mail(email_id)
    assert email(email_id).context == {}


def test_the_address_of_whom_we_have_forgotten_goes_with_the_last_mail(sendgrid):  # DP-002
    with transaction() as tx:
        mails.enqueue(tx, "account_deleted", dedupe_key="gone", to="siti@example.com", context={"full_name": "Siti"})
    [[email_id]] = rows("SELECT id FROM emails WHERE once_key = 'gone'")
    send_mail(email_id)
    assert sendgrid.asked[0].body["personalizations"][0]["to"][0]["email"] == "siti@example.com"
    assert (email(email_id).to_address, email(email_id).context) == ("deleted@deleted.invalid", {})


def test_while_one_delivery_sends_another_comes_back_later_and_takes_over_if_the_first_died(sendgrid):
    email_id = a_code_mail()
    change("UPDATE emails SET attempts = 1, claimed_until = now() + interval '60 seconds' WHERE id = :id", id=email_id)
    with pytest.raises(TryAgain):
        send_mail(email_id)
    assert sendgrid.asked == []

    change(
        "UPDATE emails SET claimed_until = now() - interval '1 second' WHERE id = :id",
        id=email_id,
    )
    send_mail(email_id)
    assert (email(email_id).status, email(email_id).attempts) == ("sent", 2)


@pytest.mark.parametrize(
    ("trouble", "error"), [(DOWN, GatewayUnavailable), (HANG_UP, GatewayUnavailable), (BAD_KEY, GatewayMisconfigured)]
)
def test_trouble_on_the_way_is_raised_so_that_the_delivery_is_repeated(sendgrid, trouble, error):
    email_id = a_code_mail()
    sendgrid.will_answer(trouble, ACCEPTED)
    with pytest.raises(error):
        send_mail(email_id)
    row = email(email_id)
    assert (row.status, row.attempts, row.context["code"]) == ("queued", 1, "123456")
    assert "siti" not in row.error_message

    send_mail(email_id, attempt=2)
    row = email(email_id)
    assert (row.status, row.attempts, row.error_message) == ("sent", 2, None)


def test_after_ten_tries_a_person_looks_at_the_mail(sendgrid):  # PS-024
    email_id = a_code_mail()
    sendgrid.will_answer(DOWN)
    for attempt in range(1, 10):
        with pytest.raises(GatewayUnavailable):
            send_mail(email_id, attempt)
    send_mail(email_id, attempt=10)
    row = email(email_id)
    assert (row.status, row.attempts, row.context) == ("failed", 10, {})
    assert tasks_about(email_id) == ["mail_failed"]


def test_the_last_delivery_gives_up_even_if_earlier_ones_never_got_here(sendgrid):
    email_id = a_code_mail()
    sendgrid.will_answer(DOWN)
    send_mail(email_id, attempt=10)
    assert email(email_id).status == "failed"


def test_a_mail_that_sendgrid_refuses_is_left_to_a_person_at_once(sendgrid):
    email_id = a_code_mail()
    sendgrid.will_answer(REFUSED)
    send_mail(email_id)
    row = email(email_id)
    assert (row.status, row.attempts, row.context) == ("failed", 1, {})
    assert "valid address" not in row.error_message
    assert tasks_about(email_id) == ["mail_failed"]
    send_mail(email_id)
    assert len(sendgrid.asked) == 1


def test_e_tickets_carry_every_pdf(sendgrid, files):  # TS-018, NS-003
    order, email_id = an_e_ticket_mail()
    send_mail(email_id)
    body = sendgrid.asked[0].body
    assert sorted(base64.b64decode(each["content"]) for each in body["attachments"]) == sorted(files.files.values())
    assert {each["type"] for each in body["attachments"]} == {"application/pdf"}
    assert body["subject"] == "E-tiket: Konser Senja"
    for item in order.items:
        assert item.attendee_name in body["content"][0]["value"]


def a_large_order(quantity):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=quantity, max_per_order=quantity)])
    order = an_order(event, quantities=[quantity], paid=True)
    change("UPDATE order_items SET attendee_email = 'rombongan@example.com' WHERE order_id = :id", id=order.id)
    issuing.issue(order.id)
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    return order


def test_many_tickets_are_linked_for_the_buyer_and_split_for_who_cannot_open_the_order(sendgrid, files):
    order = a_large_order(2 * mails.MAX_ATTACHMENTS + 1)
    for mail in rows("SELECT id FROM emails WHERE order_id = :id AND template = 'e_ticket'", id=order.id):
        send_mail(mail.id)
    sent = [request.body for request in sendgrid.asked]
    to_buyer = [body for body in sent if not body.get("attachments")]
    to_group = [body for body in sent if body.get("attachments")]
    assert len(to_buyer) == 1
    assert f"/orders/{order.id}" in to_buyer[0]["content"][0]["value"]
    assert all(item.attendee_name in to_buyer[0]["content"][0]["value"] for item in order.items)
    assert sorted(len(body["attachments"]) for body in to_group) == [1, mails.MAX_ATTACHMENTS, mails.MAX_ATTACHMENTS]
    named = {file["filename"] for body in to_group for file in body["attachments"]}
    assert named == {
        f"tiket-{ticket.id}.pdf" for ticket in rows("SELECT id FROM tickets WHERE order_id = :id", id=order.id)
    }


def test_a_mail_that_waited_brings_the_ticket_as_it_is_now(sendgrid, files):
    order, email_id = an_e_ticket_mail()
    change("UPDATE events SET timezone = 'Asia/Jayapura' WHERE id = :id", id=order.event_id)
    before = list(files.files.values())
    send_as_deployed(EmailRequested(email_id=email_id), 1)
    sent = [base64.b64decode(each["content"]) for each in sendgrid.asked[0].body["attachments"]]
    assert len(sent) == 2
    assert not set(sent) & set(before)


def test_an_e_ticket_whose_file_was_lost_is_printed_again(sendgrid, files):
    _, email_id = an_e_ticket_mail()
    before = sorted(files.files.values())
    files.files.clear()
    send_as_deployed(EmailRequested(email_id=email_id), 1)
    assert sorted(base64.b64decode(each["content"]) for each in sendgrid.asked[0].body["attachments"]) == before


def test_an_e_ticket_waits_for_its_pdf(sendgrid, files):
    _, email_id = an_e_ticket_mail()
    kept = files.files.copy()
    files.files.clear()
    with pytest.raises(NotRendered):
        send_mail(email_id)
    assert sendgrid.asked == []
    files.files.update(kept)
    send_mail(email_id)
    assert email(email_id).status == "sent"


def test_tickets_that_became_void_are_not_sent_any_more(sendgrid):
    order, email_id = an_e_ticket_mail()
    with transaction() as tx:
        voiding.void(tx, order.id)
    send_mail(email_id)
    assert sendgrid.asked == []
    assert (email(email_id).status, tasks_about(email_id)) == ("failed", [])


def test_a_confirmation_says_what_to_pay_how_and_until_when(sendgrid):  # NS-002
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(price=150_000, name="VIP")], timezone="Asia/Makassar")
    order = an_order(event, quantities=[2])
    change(
        """
        INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, status, amount, va_number,
            expires_at)
        VALUES (:id, 1, 'xendit', :external_id, 'BCA', 'pending', :amount, '880812345678', '2026-11-21T12:30:00Z')
        """,
        id=order.id,
        external_id=f"{order.id}-1",
        amount=order.total_amount,
    )
    send_mail(the_mail_about(order))
    plain, html = (part["value"] for part in sendgrid.asked[0].body["content"])
    for told in ("VIP", "Rp 300.000", "Rp 20.000", "Rp 320.000", "880812345678", "Sabtu, 21 November 2026, 20.30 WITA"):
        assert told in plain
        assert told in html.replace("\u00a0", " ")


def test_nobody_is_asked_to_pay_an_order_that_has_ended(sendgrid):
    order = an_order()
    email_id = the_mail_about(order)
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, order.id))
    send_mail(email_id)
    assert sendgrid.asked == []
    assert tasks_about(email_id) == []


def test_money_that_came_too_late_is_named_to_the_rupiah(sendgrid):  # LATE-1
    with transaction() as tx:
        buyer = a_user(tx)
    order = an_order(buyer=buyer)
    change(
        """
        WITH payment AS (
            INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, status, amount,
                received_amount, expires_at, paid_at)
            VALUES (:id, 1, 'xendit', :external_id, 'QRIS', 'paid', 107500, 107500, now(), now()) RETURNING id)
        INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
        SELECT :id, id, :user_id, 'unusable_payment', 107500, 'late', 'approved' FROM payment
        """,
        id=order.id,
        external_id=f"{order.id}-1",
        user_id=buyer.id,
    )
    send_mail(the_mail_about(order, "payment_unusable"))
    assert sendgrid.asked[0].body["subject"] == "Pembayaran Rp 107.500 kami kembalikan"


def test_a_delay_is_told_while_the_order_is_paid(sendgrid):
    order = an_order(paid=True)
    send_mail(the_mail_about(order, "ticket_delayed"))
    assert "24 jam" in sendgrid.asked[0].body["content"][0]["value"]


def a_refund_of(order, buyer, status):
    [row] = rows(
        """
        WITH payment AS (
            INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, status, amount,
                received_amount, expires_at, paid_at)
            VALUES (:id, 1, 'xendit', CAST(:id AS text) || '-1', 'BCA', 'paid', 107500, 107500, now(), now())
            RETURNING id)
        INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status, method)
        SELECT :id, id, :user_id, 'requested', 90000, 'Sakit', :status, 'disbursement' FROM payment RETURNING id
        """,
        id=order.id,
        user_id=buyer.id,
        status=status,
    )
    return row.id


def a_transfer(refund_id, buyer, attempt, status):
    change(
        """
        WITH account AS (
            INSERT INTO bank_accounts (user_id, bank_code, account_number_sealed, account_number_ending,
                account_holder_name, status, replaced_at)
            VALUES (:user_id, 'BCA', 'encrypted', '4321', 'Siti Rahma', 'verified', now()) RETURNING id)
        INSERT INTO disbursements (refund_id, attempt, bank_account_id, amount, status)
        SELECT :refund_id, :attempt, id, 90000, :status FROM account
        """,
        refund_id=refund_id,
        user_id=buyer.id,
        attempt=attempt,
        status=status,
    )


def test_money_that_a_bank_has_sent_back_is_told_once_it_is_sent_again(sendgrid):  # NS-006
    with transaction() as tx:
        buyer = a_user(tx)
    order = an_order(buyer=buyer, paid=True)
    refund_id = a_refund_of(order, buyer, "completed")
    a_transfer(refund_id, buyer, 1, "reversed")

    def enqueue():
        with transaction() as tx:
            mails.enqueue_refund_completed(tx, refund_id, order.id)

    def send():
        for row in rows("SELECT id FROM emails WHERE order_id = :id AND status = 'queued'", id=order.id):
            send_mail(row.id)

    enqueue()
    change("UPDATE refunds SET status = 'failed' WHERE id = :id", id=refund_id)  # before its mail has gone out
    send()
    enqueue()
    send()
    assert sendgrid.asked == []
    change("UPDATE refunds SET status = 'completed' WHERE id = :id", id=refund_id)
    a_transfer(refund_id, buyer, 2, "succeeded")
    enqueue()
    send()
    enqueue()
    send()
    assert [asked.body["subject"] for asked in sendgrid.asked] == ["Pengembalian dana Rp 90.000 sudah dikirim"]
