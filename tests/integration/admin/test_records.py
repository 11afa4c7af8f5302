"""An order, a payment, a person and an event are told whole on one page, and each look at them is audited (SEC-012)."""

import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.admin import event_record, mails, order_record, payment_record, user_record, webhooks
from shared.admin.mails import MailQuery
from shared.admin.webhooks import WebhookQuery
from shared.cloud import audit, logs, manual_tasks
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound
from tests.endpoints import call, problem
from tests.factories import a_gate_staff, a_user, an_event, an_order
from tests.integration.admin.steps import Case, a_case, an_admin, run
from tests.integration.tickets.entrance import Entrance
from tests.stored_files import StoredFiles

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def case(database: str) -> Case:
    """A case whose sale is booked, and that has been in the hands of people."""
    case = a_case()
    with transaction() as tx:
        posting_id = run(
            tx,
            """INSERT INTO ledger_postings (kind, reference_id, order_id, event_id, organizer_id)
            VALUES ('sale', :payment_id, :order_id, :event_id, :organizer_id) RETURNING id""",
            payment_id=case.payment_id,
            order_id=case.order.id,
            event_id=case.event.id,
            organizer_id=case.event.organizer_id,
        ).scalar_one()
        for account, amount in (("gateway_clearing:xendit", 102_500), ("platform_fee_revenue", -102_500)):
            run(
                tx,
                "INSERT INTO ledger_entries (posting_id, account, amount) VALUES (:id, :account, :amount)",
                id=posting_id,
                account=account,
                amount=amount,
            )
        helper = a_user(tx, role="admin", full_name="Ayu Penolong")
        logs.continue_as("correlation-of-the-case")
        audit.record(
            tx, "payment.top_up", subject="payment", subject_id=case.payment_id, actor_id=helper.id, missing=1000
        )
        audit.record(tx, "reconcile_fix_payment", subject="row", subject_id=case.payment_id, outcome="paid")
        manual_tasks.add(tx, "refund_failed", subject="refund", subject_id=case.refund_id, failure="closed")
    return case


@pytest.fixture
def admin(database: str) -> Principal:
    return an_admin()


def record_of(admin: Principal, case: Case) -> order_record.OrderRecord:
    with transaction() as tx:
        return order_record.read(tx, admin, case.order.id)


def accesses(admin: Principal) -> list[tuple[str, str | None]]:
    """The accesses of this admin, by the audit trail."""
    with transaction() as tx:
        found = tx.execute(
            text("SELECT subject, subject_id FROM audit_log WHERE actor_id = :id AND action = 'admin.read'"),
            {"id": admin.id},
        )
        return [(row.subject, row.subject_id) for row in found]


def test_an_order_is_told_with_everything_that_hangs_on_it_in_order_of_time(case: Case, admin: Principal):
    record = record_of(admin, case)
    kinds = [entry.kind for entry in record.entries]
    assert set(kinds) == {"moment", "webhook", "posting", "mail", "task", "transfer", "audit"}
    assert [entry.at for entry in record.entries] == sorted(entry.at for entry in record.entries)
    assert (record.parties.buyer_name, record.parties.event_title) == ("Sari Dewi", "Konser Rembulan")
    assert [refund.id for refund in record.refunds] == [case.refund_id]
    assert accesses(admin) == [("order", str(case.order.id))]


def test_an_audit_line_tells_who_acted_and_under_which_correlation_id(case: Case, admin: Principal):
    lines = {each.action: each for each in record_of(admin, case).entries if each.kind == "audit"}
    top_up, repair = lines["payment.top_up"], lines["reconcile_fix_payment"]
    assert (top_up.actor, top_up.details, top_up.correlation_id) == (
        "Ayu Penolong",
        {"missing": 1000},
        "correlation-of-the-case",
    )
    assert repair.actor is None


def test_its_postings_balance_and_so_does_what_each_account_keeps(case: Case, admin: Principal):
    record = record_of(admin, case)
    (posting,) = [entry for entry in record.entries if entry.kind == "posting"]
    assert posting.balance == 0
    assert {each.account: each.amount for each in record.balances} == {
        "gateway_clearing:xendit": 102_500,
        "platform_fee_revenue": -102_500,
    }


def test_a_webhook_is_shown_without_secrets_and_without_what_names_a_person(case: Case, admin: Principal):
    (webhook,) = [entry for entry in record_of(admin, case).entries if entry.kind == "webhook"]
    said = webhook.payload
    assert (said["status"], said["amount"]) == ("PAID", 102_500)
    assert said["va"]["account_number"].endswith("5678")
    assert not any(word in str(said) for word in ("880812345678", "sari", "Sari", "a1b2c3d4e5f6"))


def test_a_mail_is_told_with_its_delivery(case: Case, admin: Principal):
    (mail,) = [entry for entry in record_of(admin, case).entries if entry.kind == "mail"]
    assert (mail.status, mail.error_message, mail.to_address) == ("bounced", "550 no such user", case.mailed)


def test_a_bank_transfer_is_told_with_why_it_failed(case: Case, admin: Principal):
    (transfer,) = [entry for entry in record_of(admin, case).entries if entry.kind == "transfer"]
    assert (transfer.id, transfer.status, transfer.failure) == (case.transfer_id, "failed", "INVALID_DESTINATION")
    assert transfer.account == "BCA ····1234"


def test_accesses_are_told_apart_from_what_was_done(case: Case, admin: Principal):
    first = an_admin()
    record_of(first, case)
    record = record_of(admin, case)
    assert first.id in {each.actor_id for each in record.access_log}
    assert json.loads(record.model_dump_json())["looks"][0]["actor_id"] == str(admin.id)
    assert not any(entry.kind == "audit" and entry.action == "admin.read" for entry in record.entries)


def test_a_scan_is_told_once_with_its_gate_and_who_scanned(admin: Principal, files: StoredFiles):
    entrance = Entrance(tickets=1)
    for _ in range(2):
        entrance.scan(entrance.codes[0], at="Utara")
    order, [ticket_id] = entrance.order, entrance.ticket_ids
    with transaction() as tx:
        entries = order_record.read(tx, admin, order.id).entries
    scans = [entry for entry in entries if entry.kind == "scan"]
    assert [(scan.result, scan.gate, scan.ticket_id) for scan in scans] == [
        ("valid", "Utara", ticket_id),
        ("already_used", "Utara", ticket_id),
    ]
    assert not any(entry.kind == "moment" and entry.moment.step == "ticket_used" for entry in entries)
    assert not any(entry.kind == "audit" and entry.action == "ticket.scanned" for entry in entries)


def test_a_payment_is_told_with_its_own_entries_only(case: Case, admin: Principal):
    with transaction() as tx:
        record = payment_record.read(tx, admin, case.payment_id)
    assert record.payment.va_number == case.references["VA number"]
    steps = [entry.moment.step for entry in record.entries if entry.kind == "moment"]
    assert "payment_paid" in steps
    assert "reserved" not in steps
    assert {"webhook", "posting", "task", "audit"} <= {entry.kind for entry in record.entries}
    assert accesses(admin) == [("payment", str(case.payment_id))]


def test_a_person_is_shown_with_what_is_theirs(case: Case, admin: Principal):
    with transaction() as tx:
        run(
            tx,
            """INSERT INTO refresh_tokens (token_hash, family_id, user_id, expires_at, proven_at)
            VALUES (:hash, gen_random_uuid(), :id, now() + interval '1 day', now())""",
            hash=uuid4().hex,
            id=case.buyer.id,
        )
        run(
            tx,
            """INSERT INTO mail_suppressions (address_key, reason, email_id)
            SELECT encode(sha256(convert_to(:address, 'UTF8')), 'hex'), 'bounced', id FROM emails LIMIT 1
            ON CONFLICT DO NOTHING""",
            address=case.email,
        )
    with transaction() as tx:
        record = user_record.read(tx, admin, case.buyer.id)
    assert (record.account.email, record.account.suppression) == (case.email, "bounced")
    assert [order.id for order in record.orders] == [case.order.id]
    assert [refund.id for refund in record.refunds] == [case.refund_id]
    assert [account.account_number_ending for account in record.bank_accounts] == ["1234"]
    assert len(record.sessions) == 1
    assert accesses(admin) == [("user", str(case.buyer.id))]


def test_an_organizer_is_shown_with_events_payouts_and_staff(case: Case, admin: Principal):
    with transaction() as tx:
        staff = a_gate_staff(tx, case.event)
        organizer = user_record.read(tx, admin, case.event.organizer_id)
        gate = user_record.read(tx, admin, staff.id)
    assert [event.id for event in organizer.events] == [case.event.id]
    assert [payout.id for payout in organizer.payouts] == [case.payout_id]
    assert staff.id in [each.id for each in organizer.staff]
    assert [event.id for event in gate.gates] == [case.event.id]


def test_an_event_is_shown_with_its_sales_payouts_and_staff(admin: Principal):
    with transaction() as tx:
        event = an_event(tx)
        staff = a_gate_staff(tx, event)
        run(
            tx,
            "INSERT INTO payouts (organizer_id, event_id, amount, status) VALUES (:who, :event, 7000, 'failed')",
            who=event.organizer_id,
            event=event.id,
        )
    an_order(event, paid=True)
    with transaction() as tx:
        record = event_record.read(tx, admin, event.id)
    assert [(tier.sold, tier.reserved) for tier in record.tiers] == [(1, 0)]
    assert [(each.status, each.number) for each in record.orders] == [("paid", 1)]
    assert (record.totals.gross, record.totals.net) == (100_000, 90_000)
    assert [payout.amount for payout in record.payouts] == [7000]
    assert [each.id for each in record.staff] == [staff.id]
    assert accesses(admin) == [("event", str(event.id))]


@pytest.mark.parametrize("read", [order_record.read, payment_record.read, user_record.read, event_record.read])
def test_what_is_not_there_is_not_found_and_no_look(admin: Principal, read: Any):
    with pytest.raises(NotFound), transaction() as tx:
        read(tx, admin, uuid4())
    assert accesses(admin) == []


def test_mails_that_did_not_arrive_are_listed_page_by_page_with_masked_addresses(admin: Principal):
    with transaction() as tx:
        run(
            tx,
            """INSERT INTO emails (template, once_key, to_address, language, context, status, created_at)
            SELECT 'e_ticket', 'listed-' || n, 'tamu@example.com', 'id', '{}', 'failed', now() - n * interval '1 hour'
            FROM generate_series(1, 60) n""",
        )
    seen, before = [], None
    for _ in range(3):
        with transaction() as tx:
            page = mails.list_page(tx, admin, MailQuery(before=before))
        seen += page.items
        before = page.next_before
    assert before is None
    assert len({mail.id for mail in seen}) == len(seen) >= 60
    assert [mail.created_at for mail in seen] == sorted((mail.created_at for mail in seen), reverse=True)
    assert not any(mail.to_address == "tamu@example.com" for mail in seen)
    assert accesses(admin) == [("email", None)] * 3


def test_webhooks_are_listed_by_what_became_of_them(case: Case, admin: Principal):
    with transaction() as tx:
        failed = run(
            tx,
            """INSERT INTO webhook_events (gateway, webhook_id, event_type, payload, retry_count, error_message)
            VALUES ('midtrans', :key, 'payment.settlement', '{"a": 1}', 3, 'GatewayUnavailable') RETURNING id""",
            key=uuid4().hex,
        ).scalar_one()
        listed = {
            status: {each.id for each in webhooks.list_page(tx, admin, WebhookQuery(status=status)).items}
            for status in ("failed", "waiting", "all")
        }
    assert failed in listed["failed"] & listed["waiting"] & listed["all"]
    assert case.webhook_id in listed["all"] - listed["failed"] - listed["waiting"]


def test_notifications_that_were_rejected_are_listed(admin: Principal):
    with transaction() as tx:
        audit.record(tx, "webhook.rejected", subject="gateway", subject_id="midtrans", reason="signature")
    with transaction() as tx:
        (line,) = webhooks.list_rejected(tx, admin)
    assert (line.subject_id, line.details) == ("midtrans", {"reason": "signature"})
    assert accesses(admin) == [("webhook_event", None)]


def test_the_api_tells_an_order_s_record_to_admins_alone(case: Case, admin: Principal):
    answer = call("GET", f"/admin/orders/{case.order.id}", by=admin)
    assert answer.status_code == 200
    assert answer.get_json()["order"]["id"] == str(case.order.id)
    refused = call("GET", f"/admin/orders/{case.order.id}", by=case.buyer)
    assert problem(refused) == (403, "forbidden")
