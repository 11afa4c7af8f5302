"""UM-009, DP-002, DP-003: a deleted account names nobody any more, and every number stays what it was."""

from typing import Any
from uuid import UUID, uuid4

import pypdfium2
import pytest
from flask import Response
from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import clock, object_deletion
from shared.cloud.database import transaction
from shared.identity.erasure import NAME
from shared.identity.password_sign_in import InvalidCredentials
from shared.identity.tokens import Principal
from shared.messages import mails, suppressions
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from shared.sales.schemas import OrderResponse
from shared.states import SuppressionReason
from shared.tickets import issuing, ticket_rendering
from tests.endpoints import call, problem
from tests.factories import Event, an_event, an_order
from tests.integration.identity.steps import PASSWORD, Member, a_member, forget_password, login, register
from tests.integration.refunds.sales import a_paid_order
from tests.stored_files import StoredFiles
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

TRACES = ("siti.traces@example.com", "Siti Rahma", "+62812", "Peserta", "peserta1@example.com")


def delete(member: Member, password: str = PASSWORD, role: str = "customer") -> Response:
    """The endpoint's answer."""
    principal = Principal(member.id, role, member.id if role == "organizer" else None)
    return call("POST", "/account/delete", by=principal, json={"password": password})


def reasons(answer: Response) -> list[str]:
    """Why an account can't be deleted yet."""
    assert problem(answer) == (409, "account-in-use")
    found: list[str] = answer.get_json()["reasons"]
    return found


def rows(sql: str, **values: Any) -> list[Any]:
    with transaction() as tx:
        return list(tx.execute(text(sql), values))


def change(sql: str, **values: Any) -> None:
    with transaction() as tx:
        tx.execute(text(sql), values)


def an_order_of(member: Member, event: Event | None = None, *, paid: bool = True) -> OrderResponse:
    """An order of two, booked in the ledger where it is paid."""
    order = an_order(event, buyer=Principal(member.id, "customer", None), quantities=[2], paid=paid)
    if paid:
        [[organizer_id]] = rows("SELECT organizer_id FROM orders WHERE id = :id", id=order.id)
        sale = ledger.Sale(
            order.id, organizer_id, "xendit", order.total_amount, order.platform_fee, received=order.total_amount
        )
        with transaction() as tx:
            ledger.post_sale(tx, uuid4(), sale)
    return order


def let_end(event_id: UUID) -> None:
    """Have an event be over since yesterday."""
    change(
        "UPDATE events SET start_date = now() - interval '2 days', end_date = now() - interval '1 day' WHERE id = :id",
        id=event_id,
    )


def a_past_buyer() -> tuple[Member, OrderResponse]:
    """Somebody whose event is over."""
    member = a_member()
    order = an_order_of(member)
    let_end(order.event_id)
    return member, order


def test_a_deleted_account_is_over_everywhere():
    member = a_member()
    session = login(member.email)
    forget_password(member.email)
    assert delete(member).status_code == 204

    with pytest.raises(InvalidCredentials):
        login(member.email)
    refreshed = call("POST", "/auth/refresh-token", json={"refresh_token": session.refresh_token})
    assert problem(refreshed) == (401, "session-ended")
    assert forget_password(member.email) is None
    assert rows("SELECT 1 FROM one_time_codes WHERE user_id = :id", id=member.id) == []
    assert problem(delete(member)) == (401, "not-signed-in")
    [line] = rows("SELECT actor_id, details FROM audit_log WHERE action = 'user.deleted' AND subject_id = :id",
                  id=str(member.id))  # fmt: skip
    assert (line.actor_id, line.details) == (member.id, {})


def test_nothing_that_names_the_person_is_left():
    member, order = a_past_buyer()
    change(
        "UPDATE users SET phone = '+62812', oauth_provider = 'google', oauth_id = 'g-1' WHERE id = :id", id=member.id
    )
    change(
        """
        INSERT INTO idempotency_keys (caller, key, request_hash, status, body)
        VALUES (:id, 'k', 'h', 201, 'Peserta 1')
        """,
        id=member.id,
    )
    with transaction() as tx:
        mails.enqueue_about_order(tx, "order_confirmation", order.id, dedupe_key=f"order_confirmation:{order.id}")
        mails.enqueue(
            tx, "e_ticket", dedupe_key=str(order.id), to="peserta1@example.com", context={}, order_id=order.id
        )
        payment_id = tx.execute(
            text("""
                INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, amount, expires_at)
                VALUES (:id, 1, 'xendit', :external_id, 'QRIS', 1, now()) RETURNING id
            """),
            {"id": order.id, "external_id": f"{order.id}-1"},
        ).scalar_one()
        tx.execute(
            text("""
                INSERT INTO webhook_events (gateway, webhook_id, event_type, payment_id, payload, processed)
                VALUES ('xendit', :key, 'paid', :id, CAST(:payload AS jsonb), true)
            """),
            {"key": str(order.id), "id": payment_id, "payload": f'{{"payer_email": "{member.email}", "amount": 1}}'},
        )
    assert delete(member).status_code == 204

    [user] = rows("SELECT * FROM users WHERE id = :id", id=member.id)
    assert (user.is_deleted, user.full_name, user.phone, user.password_hash) == (True, NAME, None, None)
    assert (user.oauth_id, user.email) == (None, f"deleted-{member.id}@deleted.invalid")
    everything = str([
        user,
        rows("SELECT * FROM order_items WHERE order_id = :id", id=order.id),
        rows("SELECT * FROM emails WHERE template <> 'account_deleted' AND order_id = :id", id=order.id),
        rows("SELECT * FROM webhook_events WHERE payment_id = :id", id=payment_id),
        rows("SELECT * FROM idempotency_keys WHERE caller = :id", id=member.id),
        rows("SELECT * FROM audit_log WHERE subject_id = :id", id=str(member.id)),
    ])  # fmt: skip
    for trace in (member.email, *TRACES):
        assert trace not in everything, trace


def test_invitations_to_a_gate_go_with_the_invited_and_with_the_inviting():
    invited, organizer = a_member(), a_member(role="organizer")
    with transaction() as tx:
        for host in (organizer.id, an_event(tx).organizer_id):
            for email in (invited.email, "other@example.com"):
                tx.execute(
                    text("""
                        INSERT INTO staff_invitations (organizer_id, email, full_name, event_ids)
                        VALUES (:host, :email, 'Dewi', '{}')
                    """),
                    {"host": host, "email": email},
                )
    assert delete(invited).status_code == 204
    assert rows("SELECT 1 FROM staff_invitations WHERE email = :email", email=invited.email) == []
    assert delete(organizer, role="organizer").status_code == 204
    [[host]] = rows("SELECT organizer_id FROM staff_invitations")
    assert host != organizer.id


def test_mails_that_still_wait_are_not_sent_but_the_last_one_is():
    member = a_member()
    with transaction() as tx:
        mails.enqueue(tx, "reset_password", dedupe_key=str(uuid4()), to=member.email, context={"code": "123456"})
    delete(member)
    [[template, status, context]] = rows(
        "SELECT template, status, context FROM emails WHERE to_address = :email", email=member.email
    )
    assert (template, status, context) == ("account_deleted", "queued", {"full_name": "Siti Rahma"})
    [[left]] = rows(
        "SELECT status FROM emails WHERE to_address = :marker", marker=f"deleted-{member.id}@deleted.invalid"
    )
    assert left == "failed"


def test_that_a_mailbox_refused_our_mails_is_forgotten():
    member = a_member()
    with transaction() as tx:
        mails.enqueue(tx, "reset_password", dedupe_key=str(uuid4()), to=member.email, context={"code": "123456"})
        [email_id] = tx.execute(
            text("SELECT id FROM emails WHERE to_address = :email"), {"email": member.email}
        ).scalars()
        reason = SuppressionReason.SPAM_REPORTED
        suppressions.add(tx, member.email, reason, email_id=email_id, happened_at=clock.now())
    delete(member)
    assert rows("SELECT 1 FROM mail_suppressions WHERE email_id = :id", id=email_id) == []


def test_the_books_and_the_organizers_numbers_stay():  # `person_id` goes: other accounts of the mailbox share it
    member, order = a_past_buyer()
    numbers = """
        SELECT to_jsonb(o) - 'person_id', i.tier_id, i.unit_price, i.discount, i.platform_fee AS fee, i.commission,
            t.sold, t.reserved
        FROM orders o JOIN order_items i ON i.order_id = o.id JOIN ticket_tiers t ON t.id = i.tier_id
        WHERE o.id = :id ORDER BY i.position
    """
    books = "SELECT account, sum(amount) FROM ledger_entries GROUP BY account ORDER BY account"
    before = rows(numbers, id=order.id), rows(books), rows("SELECT * FROM ledger_postings ORDER BY id")
    delete(member)
    assert (rows(numbers, id=order.id), rows(books), rows("SELECT * FROM ledger_postings ORDER BY id")) == before
    assert rows("SELECT posting_id FROM ledger_entries GROUP BY posting_id HAVING sum(amount) <> 0") == []
    names = rows("SELECT attendee_name, attendee_email FROM order_items WHERE order_id = :id", id=order.id)
    assert [tuple(name) for name in names] == [(NAME, None)] * 2


def text_of(pdf: bytes) -> str:
    page = pypdfium2.PdfDocument(pdf)[0]
    words: str = page.get_textpage().get_text_bounded()
    return words


def test_the_pdfs_of_tickets_go_too_and_a_new_print_names_nobody(files: StoredFiles):
    member, order = a_past_buyer()
    _, others = a_past_buyer()
    for each in (order, others):
        issuing.issue(each.id)
    assert sum("Peserta" in text_of(content) for content in files.files.values()) == 4
    assert delete(member).status_code == 204
    assert len(files.files) == 2
    assert all(name.startswith(str(others.event_id)) for name in files.files)

    [ticket, *_] = rows("SELECT id, pdf_object FROM tickets WHERE order_id = :id", id=order.id)
    assert ticket.pdf_object is None
    [[organizer_id]] = rows("SELECT organizer_id FROM orders WHERE id = :id", id=order.id)
    printed = ticket_rendering.ticket_file(ticket.id, Principal(organizer_id, "organizer", organizer_id)).content
    assert NAME in text_of(printed)
    assert "Peserta" not in text_of(printed)
    assert len(files.files) == 2, "and it is not stored"


def test_a_pdf_that_is_stored_while_the_account_is_deleted_is_not_kept(files: StoredFiles):
    member, order = a_past_buyer()
    issuing.issue(order.id)
    change("UPDATE tickets SET pdf_object = NULL WHERE order_id = :id", id=order.id)
    with transaction() as tx:
        leased = issuing.lease(tx, order.id)
    assert leased
    printed = [ticket_rendering.render_and_store(row) for row in leased]  # on its way, with the names of before
    delete(member)
    files.files.update({each.pdf_object: b"stored a moment later" for each in printed})
    with transaction() as tx:
        ticket_rendering.record_rendered(tx, printed)
    assert rows("SELECT 1 FROM tickets WHERE order_id = :id AND pdf_object IS NOT NULL", id=order.id) == []
    object_deletion.sweep()
    assert files.files == {}


def test_a_ticket_that_another_bought_for_them_stays_the_buyers_and_no_mail_follows_the_last_one():
    ani, siti = a_member(), a_member()
    order = an_order_of(siti)
    first, second = order.items
    change(
        "UPDATE order_items SET attendee_email = :ani, attendee_name = 'Ani' WHERE id = :id", ani=ani.email, id=first.id
    )
    issuing.issue(order.id)
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    assert delete(ani).status_code == 204
    with transaction() as tx:
        mails.enqueue_event_changed(tx, order.id, uuid4(), None)
    told = rows("SELECT template FROM emails WHERE to_address = :ani", ani=ani.email)
    assert [mail.template for mail in told] == ["account_deleted"]
    items = rows(
        "SELECT attendee_name, attendee_email FROM order_items WHERE order_id = :id ORDER BY position", id=order.id
    )
    assert tuple(items[0]) == ("Ani", None)
    assert items[1].attendee_email == second.attendee_email


def test_another_persons_data_is_not_touched():
    member, _ = a_past_buyer()
    other, others = a_past_buyer()
    delete(member)
    names = rows("SELECT attendee_name FROM order_items WHERE order_id = :id ORDER BY position", id=others.id)
    assert [name for [name] in names] == ["Peserta 1", "Peserta 2"]
    assert login(other.email)


def test_the_address_is_free_again():
    member = a_member()
    delete(member)
    user, letter = register(member.email)
    assert user.id != member.id
    assert letter is not None
    assert letter.template == "verify_email"


def test_the_password_is_needed():
    member = a_member()
    assert problem(delete(member, "Rahasia#9")) == (422, "wrong-password")
    assert login(member.email)


def test_a_mailed_code_proves_as_much_and_a_refusal_spends_none():
    member = a_member()
    order = an_order_of(member, paid=False)
    by = Principal(member.id, "customer", None)
    assert call("POST", "/auth/confirm/code", by=by).status_code == 202
    [[code]] = rows(
        "SELECT context ->> 'code' FROM emails WHERE to_address = :to AND template = 'confirm_identity'",
        to=member.email,
    )
    wrong = call("POST", "/account/delete", by=by, json={"code": f"{(int(code) + 1) % 10**6:06d}"})
    assert problem(wrong) == (422, "code-invalid")
    assert reasons(call("POST", "/account/delete", by=by, json={"code": code})) == ["live-reservation"]
    assert call("POST", f"/orders/{order.id}/cancel", by=by).status_code == 200
    assert call("POST", "/account/delete", by=by, json={"code": code}).status_code == 204


@pytest.mark.parametrize("proof", [{}, {"password": PASSWORD, "code": "123456"}], ids=["none", "two"])
def test_one_proof_is_needed(proof: dict[str, str]):
    member = a_member()
    answer = call("POST", "/account/delete", by=Principal(member.id, "customer", None), json=proof)
    assert problem(answer) == (422, "invalid")
    assert login(member.email)


def test_what_is_reserved_has_to_end_first():
    member = a_member()
    an_order_of(member, paid=False)
    assert reasons(delete(member)) == ["live-reservation"]
    assert login(member.email), "nothing has happened"


def test_tickets_keep_their_names_until_the_event_is_over():
    member = a_member()
    order = an_order_of(member)
    assert reasons(delete(member)) == ["upcoming-tickets"]
    let_end(order.event_id)
    assert delete(member).status_code == 204


def test_money_of_a_cancelled_event_has_to_arrive_first_also_before_its_turn():
    member = a_member()
    order = a_paid_order(buyer=Principal(member.id, "customer", None), method="BCA")
    [[organizer_id]] = rows("SELECT organizer_id FROM events WHERE id = :id", id=order.event_id)
    organizer = Principal(organizer_id, "organizer", organizer_id)
    with transaction() as tx:
        cancellation.start(tx, organizer, order.event_id, Cancellation(reason="Hujan"))
    assert reasons(delete(member)) == ["refund-under-way"]
    assert cancellation.run_batch(order.event_id)
    assert reasons(delete(member)) == ["refund-under-way"]


def test_tickets_of_a_cancelled_event_keep_nobody_back():
    member = a_member()
    order = an_order_of(member)
    change("UPDATE events SET status = 'cancelled' WHERE id = :id", id=order.event_id)
    change("UPDATE order_items SET returned_at = now() WHERE order_id = :id", id=order.id)
    assert delete(member).status_code == 204


def test_money_on_its_way_back_has_to_arrive_first():
    member, order = a_past_buyer()
    change(
        """
        WITH paid AS (INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, amount,
                received_amount, expires_at)
            VALUES (:id, 1, 'xendit', :external_id, 'QRIS', 1, 1, now()) RETURNING id)
        INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
        SELECT :id, id, :user_id, 'unusable_payment', 1, 'late', 'approved' FROM paid
        """,
        id=order.id,
        external_id=f"{order.id}-1",
        user_id=member.id,
    )
    assert reasons(delete(member)) == ["refund-under-way"]
    change("UPDATE refunds SET status = 'completed' WHERE order_id = :id", id=order.id)
    assert delete(member).status_code == 204


def test_an_organizer_is_kept_until_the_events_are_over_and_settled():
    organizer = a_member(role="organizer")
    with transaction() as tx:
        event = an_event(tx, organizer_id=organizer.id)
    assert reasons(delete(organizer, role="organizer")) == ["event-not-over"]

    order = an_order_of(a_member(), event)
    let_end(event.id)
    assert reasons(delete(organizer, role="organizer")) == ["not-settled"]

    payable = f"organizer_payable:{organizer.id}"
    [[owed]] = rows("SELECT -sum(amount) FROM ledger_entries WHERE account = :account", account=payable)
    with transaction() as tx:
        ledger.post(tx, "payout", uuid4(), {payable: int(owed), "bank": -int(owed)}, order_id=order.id)
    assert delete(organizer, role="organizer").status_code == 204
    assert rows("SELECT title FROM events WHERE id = :id", id=event.id) == [("Konser Senja",)]


def test_a_draft_keeps_no_organizer_back():
    organizer = a_member(role="organizer")
    with transaction() as tx:
        an_event(tx, organizer_id=organizer.id, status="draft")
    assert delete(organizer, role="organizer").status_code == 204


def test_the_last_admin_stays_also_where_two_leave_at_once():
    change("UPDATE users SET role = 'customer' WHERE role = 'admin'")
    first, second = a_member(role="admin"), a_member(role="admin")
    answers = at_the_same_time([lambda: delete(first, role="admin"), lambda: delete(second, role="admin")])
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    [refused] = [answer for answer in answers if answer.status_code == 409]
    assert reasons(refused) == ["last-admin"]
    change("UPDATE users SET role = 'customer' WHERE role = 'admin'")
