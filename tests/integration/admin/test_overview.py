"""The overview tells what is wrong, since when and what ends it, and says plainly that nothing is (MON)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.admin import overview
from shared.admin.checks import MAX_COUNTED, FindingKind, Severity
from shared.admin.overview import Finding, Overview
from shared.cloud import audit, dead_letters, manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.identity.tokens import Principal
from shared.payments import clearing
from tests.endpoints import call
from tests.factories import a_user, an_event, an_order
from tests.reused_database import ReusedDatabase

LONG_AGO = "now() - interval '5 days'"


@pytest.fixture(autouse=True)
def nothing_wrong(database: str, reused_database: ReusedDatabase) -> None:
    """Each test finds a database in which nothing is wrong."""
    reused_database.empty()


def look() -> Overview:
    with transaction() as tx:
        return overview.read(tx, a_user(tx, role="admin"))


def found(kind: FindingKind) -> Finding | None:
    return next((each for each in look().findings if each.kind == kind), None)


def run(tx: Transaction, statement: str, **values: Any) -> Any:
    return tx.execute(text(statement), values)


def a_mail(tx: Transaction, status: str) -> None:
    run(
        tx,
        """INSERT INTO emails (template, once_key, to_address, language, context, status)
        VALUES ('e_ticket', :key, 'a@example.com', 'id', '{}', :status)""",
        key=str(uuid4()),
        status=status,
    )


def a_webhook(tx: Transaction, **columns: Any) -> None:
    values = {"retry_count": 0, "processed": False, **columns}
    run(
        tx,
        f"""INSERT INTO webhook_events (gateway, webhook_id, event_type, payload, retry_count, processed, created_at)
        VALUES ('xendit', :key, 'payment.PAID', '{{}}', :retry_count, :processed, {LONG_AGO})""",
        key=str(uuid4()),
        **values,
    )


def a_reconcile_run(tx: Transaction, *, thorough: bool = True, **totals: int) -> None:
    audit.record(tx, "reconcile_run", subject="run", subject_id=None, thorough=thorough, totals=totals)


def a_paid_payment(tx: Transaction, order_id: Any, total: int) -> Any:
    return run(
        tx,
        """INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, status, amount,
            received_amount, paid_at, expires_at)
        VALUES (:id, 1, 'xendit', :id || '-1', 'QRIS', 'paid', :total, :total, now(), now()) RETURNING id""",
        id=order_id,
        total=total,
    ).scalar_one()


def make_everything_wrong() -> None:
    """One thing of each kind, or two."""
    order = an_order(paid=True)
    with transaction() as tx:
        admin, event = a_user(tx, role="admin"), an_event(tx)
        run(tx, f"UPDATE orders SET paid_at = {LONG_AGO} WHERE id = :id", id=order.id)
        payment_id = a_paid_payment(tx, order.id, order.total_amount)
        run(
            tx,
            f"""INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status, updated_at)
            SELECT :order_id, :payment_id, user_id, 'requested', 5000, 'Sakit', unnest(ARRAY['failed', 'processing']),
                {LONG_AGO} FROM orders WHERE id = :order_id""",
            order_id=order.id,
            payment_id=payment_id,
        )
        run(
            tx,
            "INSERT INTO payouts (organizer_id, event_id, amount, status) VALUES (:organizer, :event, 7000, 'failed')",
            organizer=event.organizer_id,
            event=event.id,
        )
        run(
            tx,
            f"""INSERT INTO event_cancellations (event_id, requested_by, reason, penalty_percent, orders, updated_at)
            VALUES (:event, :by, 'Hujan', 0, 0, {LONG_AGO})""",
            event=event.id,
            by=admin.id,
        )
        run(
            tx,
            f"""INSERT INTO event_changes (event_id, before, after, offers_refund, due_at, updated_at)
            VALUES (:event, '{{}}', '{{}}', false, {LONG_AGO}, {LONG_AGO})""",
            event=event.id,
        )
        run(
            tx,
            f"""INSERT INTO outbox (topic, payload, attributes, created_at, claimed_until)
            VALUES ('email.requested', '{{}}', '{{}}', {LONG_AGO}, 'infinity')""",
        )
        run(
            tx,
            """INSERT INTO approvals (action, subject_id, reason, requested_by)
            VALUES ('event_cancellation', :event, 'Hujan', :by)""",
            event=event.id,
            by=admin.id,
        )
        dead_letters.record_failed_task(tx, "webhooks", "webhook_retry", "/tasks/retry", {}, ValueError())
        manual_tasks.add(
            tx, clearing.DIFFERENCE, subject="gateway_movement", subject_id="a", gateway="xendit", booked=100, moved=70
        )
        audit.record(tx, "webhook.rejected", subject="gateway", subject_id="midtrans", reason="signature")
        a_reconcile_run(tx, reconcile_fix_mail=2, reconcile_release_stock=90, ledger_difference=1)
        a_webhook(tx, retry_count=3)
        for status in ("failed", "bounced", "bounced"):
            a_mail(tx, status)
        run(
            tx,
            """INSERT INTO mail_suppressions (address_key, reason, email_id)
            SELECT 'a', 'bounced', id FROM emails WHERE status = 'bounced' LIMIT 1""",
        )


def test_where_nothing_is_wrong_it_says_so_of_everything_it_looked_at():
    seen = look()
    assert seen.findings == []
    assert set(seen.fine) == set(FindingKind)


def test_each_kind_is_found_with_its_number_and_age_the_worst_first():
    make_everything_wrong()
    seen = look()
    assert {each.kind for each in seen.findings} == set(FindingKind) - {
        FindingKind.RECONCILE_SILENT,
        FindingKind.PAYMENTS_IN_REVIEW,
    }
    by_kind = {each.kind: each for each in seen.findings}
    assert by_kind[FindingKind.REFUNDS].number == 2
    assert by_kind[FindingKind.REFUNDS].amount == 10_000
    assert by_kind[FindingKind.CLEARING_DIFFERENCE].amount == 30
    assert by_kind[FindingKind.REPAIRS].number == 2
    assert {part.name: part.number for part in by_kind[FindingKind.MAILS_UNDELIVERED].parts} == {
        "failed": 1,
        "bounced": 2,
    }
    assert by_kind[FindingKind.ORDERS_UNISSUED].severity == Severity.CRITICAL
    assert datetime.now(UTC) - by_kind[FindingKind.ORDERS_UNISSUED].since > timedelta(days=4)
    severities = [each.severity for each in seen.findings]
    assert severities == sorted(severities, key=list(Severity).index)


def test_reconcile_that_was_silent_for_twenty_minutes_is_told_of():
    with transaction() as tx:
        run(
            tx,
            """INSERT INTO audit_log (at, action, subject, details, correlation_id)
            VALUES (now() - interval '21 minutes', 'reconcile_run', 'run', '{}', 'x')""",
        )
    assert found(FindingKind.RECONCILE_SILENT)
    with transaction() as tx:
        a_reconcile_run(tx, thorough=False)
    assert not found(FindingKind.RECONCILE_SILENT)


def test_a_webhook_that_waits_for_its_first_try_is_nothing_wrong_yet():
    with transaction() as tx:
        a_webhook(tx, processed=True)
        run(tx, "UPDATE webhook_events SET created_at = now()")
    assert not found(FindingKind.WEBHOOKS_FAILED)


def test_no_more_than_a_thousand_of_a_kind_are_counted():
    with transaction() as tx:
        run(
            tx,
            """INSERT INTO manual_tasks (kind, subject, subject_id, details)
            SELECT 'webhook_failed', 'webhook_event', n, '{}' FROM generate_series(1, :most + 5) n""",
            most=MAX_COUNTED,
        )
    tasks = found(FindingKind.MANUAL_TASKS)
    assert tasks
    assert (tasks.number, tasks.is_more) == (MAX_COUNTED, True)


def test_the_api_tells_the_same_and_the_look_is_audited():
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        a_mail(tx, "failed")
    answer = call("GET", "/admin/overview", by=admin).get_json()
    assert [each["kind"] for each in answer["findings"]] == ["mails_undelivered"]
    assert answer["findings"][0]["page"] == "/admin/deliveries"
    with transaction() as tx:
        read = run(tx, "SELECT subject FROM audit_log WHERE actor_id = :id AND action = 'admin.read'", id=admin.id)
        assert read.scalars().all() == ["overview"]


@pytest.mark.parametrize("role", ["customer", "organizer"])
def test_nobody_else_is_told(role: str):
    with transaction() as tx:
        somebody: Principal = a_user(tx, role=role)
    assert call("GET", "/admin/overview", by=somebody).status_code == 403
