"""The delivery of mails: SendGrid's signed events, each once, in any order; and who gets no more mails (NS-008)."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.gateways.sendgrid import events as sendgrid_events
from shared.gateways.sendgrid.client import SendGrid
from shared.identity.accounts import AccountEmail
from shared.identity.tokens import Principal
from shared.messages import delivery_events, mails, suppressions
from shared.states import EmailStatus, SuppressionReason
from shared.tickets import issuing
from tests import endpoints
from tests.factories import a_tier, a_user, an_event, an_order
from tests.integration.messages.conftest import ACCEPTED
from tests.mail_events import an_event as a_mail_event
from tests.mail_events import signed
from tests.mail_sending import send_mail
from tests.threads import at_the_same_time
from tests.unit.gateways.scripted_server import Reply

pytestmark = pytest.mark.usefixtures("database")

WEBHOOK = "/messages/webhook/sendgrid"


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def change(sql, **values):
    with transaction() as tx:
        tx.execute(text(sql), values)


def email(email_id):
    [row] = rows("SELECT * FROM emails WHERE id = :id", id=email_id)
    return row


def status(email_id):
    return email(email_id).status


def an_address(name="siti"):
    return f"{name}-{uuid4().hex[:8]}@example.com"


def a_mail(to=None, template="verify_email", status="sent"):
    key = str(uuid4())
    with transaction() as tx:
        context = {"full_name": "Siti", "code": "123456"}
        mails.enqueue(tx, template, dedupe_key=key, to=to or an_address(), context=context)
    [row] = rows("SELECT id FROM emails WHERE once_key = :key", key=key)
    if status != "queued":
        change("UPDATE emails SET status = :status, sent_at = now() WHERE id = :id", status=status, id=row.id)
    return row.id


def deliver_events(*events, at=None):
    """The product's answer to a signed batch."""
    headers, body = signed(list(events), at=at)
    return endpoints.call("POST", WEBHOOK, headers=headers, data=body)


def is_suppressed(address):
    with transaction() as tx:
        found = suppressions.find(tx, address)
    return bool(found and found.is_active)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("processed", "sent"),
        ("deferred", "sent"),
        ("delivered", "delivered"),
        ("open", "opened"),
        ("click", "opened"),
        ("dropped", "dropped"),
        ("bounce", "bounced"),
        ("spamreport", "spam_reported"),
    ],
)
def test_an_event_says_what_became_of_the_mail(kind, expected):
    email_id = a_mail()
    assert deliver_events(a_mail_event(kind, email_id)).status_code == 200
    assert status(email_id) == expected


@pytest.mark.parametrize("order", list(itertools.permutations(["processed", "delivered", "open", "spamreport"]))[::5])
def test_no_order_of_events_moves_a_mail_backwards(order):
    email_id = a_mail()
    for kind in order:
        deliver_events(a_mail_event(kind, email_id))
    assert status(email_id) == "spam_reported"


def test_whatever_is_told_and_repeated_the_state_is_the_furthest():
    chance = random.Random(8)
    kinds = list(delivery_events.STATES)
    for _ in range(20):
        email_id = a_mail()
        events = [a_mail_event(chance.choice(kinds), email_id) for _ in range(chance.randrange(1, 6))]
        sent = events + chance.choices(events, k=3)
        chance.shuffle(sent)
        while sent:
            size = chance.randrange(1, 4)
            deliver_events(*sent[:size])
            sent = sent[size:]
        proven = [EmailStatus.SENT, *(delivery_events.STATES[event["event"]] for event in events)]
        assert status(email_id) == max(proven, key=delivery_events.RANKS.__getitem__)


def test_a_machine_that_loads_pictures_has_not_opened_the_mail():
    email_id = a_mail()
    deliver_events(a_mail_event("open", email_id, sg_machine_open=True))
    assert status(email_id) == "delivered"


def test_a_batch_about_many_mails_is_taken_whole():
    email_ids = [a_mail() for _ in range(30)]
    batch = [a_mail_event(kind, email_id) for email_id in email_ids for kind in ("processed", "delivered")]
    assert deliver_events(*batch).status_code == 200
    assert {status(email_id) for email_id in email_ids} == {"delivered"}


def test_a_mail_is_known_by_sendgrids_id_too():
    email_id = a_mail()
    change("UPDATE emails SET provider_message_id = 'sg-alone' WHERE id = :id", id=email_id)
    deliver_events(a_mail_event("bounce", sg_message_id="sg-alone.recvd-1.0"))
    assert status(email_id) == "bounced"


def test_an_event_counts_once_whatever_is_repeated():
    email_id = a_mail(to=(address := an_address()))
    event = a_mail_event("bounce", email_id)
    at_the_same_time([lambda: deliver_events(event, event)] * 4)
    with transaction() as tx:
        suppressions.lift_bounce(tx, address)
    deliver_events(event)
    assert not is_suppressed(address)
    assert len(rows("SELECT 1 FROM mail_events WHERE email_id = :id", id=email_id)) == 1


def test_batches_that_cross_do_not_lock_each_other_up():
    email_ids = [a_mail() for _ in range(12)]
    there = [a_mail_event("delivered", email_id) for email_id in email_ids]
    back = [a_mail_event("open", email_id) for email_id in reversed(email_ids)]
    answers = at_the_same_time([lambda: deliver_events(*there), lambda: deliver_events(*back)] * 3)
    assert {answer.status_code for answer in answers} == {200}
    assert {status(email_id) for email_id in email_ids} == {"opened"}


@pytest.mark.parametrize(
    "entry",
    [
        {"event": "account_status_change", "timestamp": 1700000000, "type": "compliance_suspend"},
        {"event": "unheard_of", "email": "a@b.c", "timestamp": 1700000000},
        {"event": "delivered", "email": "a@b.c", "timestamp": "soon"},
        {"event": "delivered", "timestamp": 1700000000, "karcis_email_id": str(uuid4())},
        {"event": "delivered", "timestamp": 1700000000, "karcis_email_id": "no id at all"},
        "no object",
        None,
    ],
    ids=["account", "unknown", "no time", "not ours", "no id", "text", "null"],
)
def test_what_is_not_known_does_not_stop_the_rest(entry):
    email_id = a_mail()
    assert deliver_events(entry, a_mail_event("delivered", email_id)).status_code == 200
    assert status(email_id) == "delivered"


def test_a_mail_whose_sending_was_not_noted_is_known_to_be_sent(sendgrid):
    """A crash between SendGrid's yes and our note of it."""
    email_id = a_mail(status="queued")
    change("UPDATE emails SET claimed_until = now() - interval '1 second', attempts = 1 WHERE id = :id", id=email_id)
    deliver_events(a_mail_event("delivered", email_id))
    send_mail(email_id)
    assert sendgrid.asked == []
    row = email(email_id)
    assert (row.status, row.context, row.provider_message_id) == ("delivered", {}, "sg-message-1")
    assert row.sent_at is not None


def test_an_event_that_is_faster_than_our_note_is_not_overwritten(sendgrid, monkeypatch):
    email_id = a_mail(status="queued")
    send = SendGrid.send

    def answer_late(client, mail):
        message_id = send(client, mail)
        deliver_events(a_mail_event("delivered", email_id))
        return message_id

    monkeypatch.setattr(SendGrid, "send", answer_late)
    send_mail(email_id)
    assert (status(email_id), email(email_id).context) == ("delivered", {})


def test_a_mail_that_was_left_to_a_person_and_arrived_needs_none():
    email_id = a_mail(status="failed")
    change(
        "INSERT INTO manual_tasks (kind, subject, subject_id, details) VALUES ('mail_failed', 'email', :id, '{}')",
        id=str(email_id),
    )
    deliver_events(a_mail_event("delivered", email_id))
    assert rows("SELECT 1 FROM manual_tasks WHERE subject_id = :id AND done_at IS NULL", id=str(email_id)) == []


@pytest.mark.parametrize(
    "forge",
    [
        lambda headers, body: (headers, body.replace(b"delivered", b"bounce")),
        lambda headers, body: (headers, body.rstrip()),
        lambda headers, body: ({**headers, sendgrid_events.TIMESTAMP_HEADER: "1700000000"}, body),
        lambda headers, body: ({**headers, sendgrid_events.SIGNATURE_HEADER: "MEUCIGHQ"}, body),
        lambda headers, body: ({}, body),
    ],
    ids=["changed", "stripped", "another time", "another signature", "unsigned"],
)
def test_what_sendgrid_did_not_sign_is_refused(forge):  # SEC-005
    email_id = a_mail()
    headers, body = forge(*signed([a_mail_event("delivered", email_id)]))
    assert endpoints.call("POST", WEBHOOK, headers=headers, data=body).status_code == 401
    assert status(email_id) == "sent"


@pytest.mark.parametrize(
    ("age", "answer"),
    [(timedelta(hours=24), 200), (timedelta(days=3), 401), (timedelta(minutes=-1), 200), (timedelta(hours=-1), 401)],
)
def test_what_somebody_has_kept_is_refused(age, answer):  # SEC-005
    email_id = a_mail()
    assert deliver_events(a_mail_event("delivered", email_id), at=datetime.now(UTC) - age).status_code == answer
    assert status(email_id) == ("delivered" if answer == 200 else "sent")


def test_a_signed_body_that_is_no_list_is_malformed():
    headers, body = signed({"event": "delivered"})
    assert endpoints.call("POST", WEBHOOK, headers=headers, data=body).status_code == 400


def test_why_a_mail_came_back_is_kept_without_the_address(caplog):
    email_id = a_mail()
    deliver_events(a_mail_event("bounce", email_id, reason="550 5.1.1 <siti.rahma@example.com>: no such user"))
    assert email(email_id).error_message == "550 5.1.1 <s***@example.com>: no such user"


# What follows from it.


def test_an_address_that_bounced_is_not_tried_again(sendgrid):
    address = an_address()
    deliver_events(a_mail_event("bounce", a_mail(address), type="bounce"))
    later = a_mail(address, status="queued")
    send_mail(later)
    assert sendgrid.asked == []
    row = email(later)
    assert (row.status, row.error_message, row.context) == ("dropped", "suppressed: bounced", {})


def asked_for_a_code(address):
    key = str(uuid4())
    with transaction() as tx:
        code = AccountEmail("sign_in", key, address, "id", {"code": "12345678", "full_name": "Siti"})
        mails.enqueue_for_account(tx, code)
    [row] = rows("SELECT id FROM emails WHERE once_key = :key", key=key)
    send_mail(row.id)
    return status(row.id)


def test_a_code_is_tried_at_an_address_that_bounced_once_a_day(sendgrid):
    address = an_address()
    deliver_events(a_mail_event("bounce", a_mail(address)))
    assert asked_for_a_code(address) == "dropped"
    change("UPDATE mail_suppressions SET created_at = created_at - interval '1 day'")
    sendgrid.will_answer(Reply(204), ACCEPTED)
    assert asked_for_a_code(address) == "sent"
    deliver_events(
        a_mail_event("bounce", a_mail(address), timestamp=int((datetime.now(UTC) + timedelta(seconds=2)).timestamp()))
    )
    assert asked_for_a_code(address) == "dropped"


def test_no_code_goes_to_who_called_a_mail_spam(sendgrid):
    address = an_address()
    deliver_events(a_mail_event("spamreport", a_mail(address)))
    change("UPDATE mail_suppressions SET created_at = created_at - interval '80 days'")
    assert asked_for_a_code(address) == "dropped"
    assert sendgrid.asked == []


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("bounce", {"type": "blocked"}, None),
        ("spamreport", {}, SuppressionReason.SPAM_REPORTED),
        ("dropped", {"reason": "Bounced Address"}, SuppressionReason.BOUNCED),
        ("dropped", {"reason": "Spam Reporting Address"}, SuppressionReason.SPAM_REPORTED),
        ("dropped", {"reason": "Recipient List over Package Quota"}, None),
        ("delivered", {}, None),
    ],
)
def test_who_gets_no_more_mails_is_who_can_not_or_will_not_read_them(kind, fields, expected):
    address = an_address()
    deliver_events(a_mail_event(kind, a_mail(address), **fields))
    with transaction() as tx:
        found = suppressions.find(tx, address)
    assert (found and found.reason) == expected


def test_a_report_of_spam_outweighs_a_bounce():
    address = an_address()
    for kind in ("spamreport", "bounce"):
        deliver_events(a_mail_event(kind, a_mail(address)))
    with transaction() as tx:
        assert suppressions.find(tx, address).reason == SuppressionReason.SPAM_REPORTED


@pytest.fixture
def admin():
    with transaction() as tx:
        return a_user(tx, role="admin")


def lift(address, admin):
    return endpoints.call("POST", "/admin/mail-suppressions/lift", by=admin, json={"email": address})


def test_an_admin_sees_the_list_and_lifts_an_address(sendgrid, admin):
    address = an_address("budi")
    refused = a_mail(address)
    deliver_events(a_mail_event("spamreport", refused))
    listed = endpoints.call("GET", "/admin/mail-suppressions", by=admin).get_json()["items"][0]
    assert (listed["address"], listed["reason"]) == ("b***@example.com", "spam_reported")
    assert listed["email_id"] == str(refused)
    assert lift(address.upper(), admin).status_code == 204
    sendgrid.will_answer(Reply(204), ACCEPTED)
    later = a_mail(address, status="queued")
    send_mail(later)
    assert [(asked.method, asked.path) for asked in sendgrid.asked] == [
        ("DELETE", f"/v3/suppression/spam_reports/{address.replace('@', '%40')}"),
        ("POST", "/v3/mail/send"),
    ]
    assert status(later) == "sent"
    assert rows("SELECT 1 FROM mail_suppressions WHERE email_id = :id", id=refused) == []
    assert [line.actor_id for line in rows("SELECT actor_id FROM audit_log WHERE subject_id = :id", id=str(refused))]
    assert lift(address, admin).status_code == 404


def test_what_happened_before_an_address_was_lifted_does_not_count(admin):
    address = an_address()
    deliver_events(a_mail_event("bounce", a_mail(address)))
    lift(address, admin)
    an_hour_ago = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
    deliver_events(a_mail_event("bounce", a_mail(address), timestamp=an_hour_ago))
    assert not is_suppressed(address)
    in_a_moment = int((datetime.now(UTC) + timedelta(seconds=2)).timestamp())
    deliver_events(a_mail_event("bounce", a_mail(address), timestamp=in_a_moment))
    assert is_suppressed(address)


@pytest.mark.parametrize("role", ["customer", "organizer"])
def test_only_admins_lift(role):
    with transaction() as tx:
        caller = a_user(tx, role=role)
    assert lift(an_address(), caller).status_code == 403


def a_ticket_mail(attendee):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind="registration", requires_identity=False)])
        buyer = a_user(tx)
    order = an_order(event, buyer=buyer, paid=True)
    change("UPDATE order_items SET attendee_email = :to WHERE order_id = :id", to=attendee, id=order.id)
    issuing.issue(order.id)
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    [mail] = rows("SELECT id FROM emails WHERE order_id = :id AND to_address = :to", id=order.id, to=attendee)
    return event, buyer, order, mail.id


def mail_statuses(order, buyer):
    shown = endpoints.call("GET", f"/orders/{order.id}", by=buyer).get_json()
    return [ticket["mail_status"] for ticket in shown["tickets"]]


def test_a_ticket_mail_that_bounced_is_told_to_buyer_and_organizer():
    attendee = an_address("bounce")
    event, buyer, order, email_id = a_ticket_mail(attendee)
    assert mail_statuses(order, buyer) == ["queued"]
    deliver_events(a_mail_event("bounce", email_id))
    assert mail_statuses(order, buyer) == ["bounced"]
    page = endpoints.call(
        "GET", f"/events/{event.id}/participants", by=Principal(event.organizer_id, "organizer", event.organizer_id)
    ).get_json()
    assert [each["ticket_mail_status"] for each in page["items"]] == ["bounced"]


def test_an_address_that_a_holder_is_corrected_to_is_tried_again():
    right = an_address()
    deliver_events(a_mail_event("bounce", a_mail(right)))
    _, buyer, order, email_id = a_ticket_mail(an_address("bounce"))
    deliver_events(a_mail_event("bounce", email_id))
    [ticket] = rows("SELECT id FROM tickets WHERE order_id = :id", id=order.id)
    corrected = {"name": "Ani Wijaya", "email": right}
    assert endpoints.call("PUT", f"/tickets/{ticket.id}/holder", by=buyer, json=corrected).status_code == 200
    assert not is_suppressed(right)


def test_asking_for_the_tickets_again_does_not_try_a_bounced_address_again(sendgrid, files):
    attendee = an_address("bounce")
    _, buyer, order, email_id = a_ticket_mail(attendee)
    deliver_events(a_mail_event("bounce", email_id))
    with transaction() as tx:
        mails.enqueue_e_tickets_again(tx, order.id)
    [again] = rows(
        "SELECT id FROM emails WHERE order_id = :id AND to_address = :to AND status = 'queued'",
        id=order.id,
        to=attendee,
    )
    send_mail(again.id)
    assert status(again.id) == "dropped"
    assert mail_statuses(order, buyer) == ["dropped"]
