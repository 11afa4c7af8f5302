"""DP-003: what has outlived its use goes on time, rule by rule, and nothing else ever does."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from functions.retention.main import app
from shared.cloud.clients import make_engine
from shared.cloud.database import Transaction, transaction
from shared.identity import codes, erasure, people, staff
from shared.identity.staff import StaffInvitation
from shared.privacy import retention
from shared.privacy.retention import RULES, RetentionFailed, Rule
from tests.factories import a_gate_staff, a_user, an_event, an_order

pytestmark = pytest.mark.usefixtures("own_database")

MARGIN = timedelta(minutes=1)

ROWS = {
    "idempotency_keys": """
        INSERT INTO idempotency_keys (caller, key, request_hash, created_at) VALUES (:user, :mark, 'hash', :at)
    """,
    "refresh_tokens": """
        INSERT INTO refresh_tokens (token_hash, family_id, user_id, expires_at)
        VALUES (:mark, gen_random_uuid(), :user, :at)
    """,
    "one_time_codes": """
        INSERT INTO one_time_codes (user_id, purpose, code_hash, expires_at) VALUES (:user, 'verify_email', :mark, :at)
    """,
    "nameless_cookie_consents": """
        INSERT INTO cookie_consents (version, categories, chosen_at) VALUES (:mark, '{necessary}', :at)
    """,
    "mail_quotas": "INSERT INTO mail_quotas (subject, used, most, created_at) VALUES (:mark, 1, 1, :at)",
    "used_id_tokens": "INSERT INTO used_id_tokens (token_hash, expires_at) VALUES (:mark, :at)",
    "login_attempts": "INSERT INTO login_attempts (address_key, tries, next_try_at) VALUES (:mark, 1, :at)",
    "unproved_accounts": """
        INSERT INTO users (email, full_name, phone, role, terms_version, terms_accepted_at, updated_at)
        VALUES (:mark || '@example.com', 'Siti', '+62812', 'customer', '1', now(), :at)
    """,
    "staff_invitations": """
        INSERT INTO staff_invitations (organizer_id, email, full_name, event_ids, created_at)
        VALUES (:user, :mark, 'Dewi', '{}', :at)
    """,
    "waiting_rooms": """
        INSERT INTO waiting_rooms (id, event_id, key_version, commitment, calls_per_minute, closed_at)
        SELECT gen_random_uuid(), event_id, '1', :mark, 60, :at FROM orders WHERE id = :order
    """,
    "queue_pass_orders": """
        INSERT INTO queue_pass_orders (pass_id, order_id, created_at) VALUES (CAST(:mark AS uuid), :order, :at)
    """,
    "reserve_load": """
        INSERT INTO reserve_load (instance_id, requests, failures, milliseconds, measured_at)
        VALUES (CAST(:mark AS uuid), 1, 0, 1, :at)
    """,
    "reconcile_runs": """
        INSERT INTO reconcile_runs (thorough, correlation_id, created_at, started_at) VALUES (false, :mark, :at, :at)
    """,
    "scans": """
        INSERT INTO scans (id, kind, event_id, staff_id, code_hash, direction, result, is_reentry, is_replaced,
            is_offline, is_admitted, scanned_at, judged_at, created_at)
        SELECT CAST(:mark AS uuid), 'ticket', event_id, :user, sha256('code'), 'in', 'forged', false, false, false,
            false, :at, :at, :at
        FROM orders WHERE id = :order
    """,
    "sign_in_codes": """
        INSERT INTO sign_in_codes (address_key, code_hash, tries_left, tries_elsewhere, asked_from, expires_at)
        VALUES (:mark, 'hash', 5, 5, '', :at)
    """,
    "address_claims": "INSERT INTO address_claims (address_key, created_at) VALUES (:mark, :at)",
    "unproved_addresses": """
        INSERT INTO emails (template, once_key, to_address, language, context, status, created_at)
        VALUES ('verify_email', :mark, 'nobody', 'id', '{}', 'sent', :at)
    """,
    "outbox": """
        INSERT INTO outbox (topic, payload, attributes, created_at, published_at) VALUES (:mark, '{}', '{}', :at, :at)
    """,
    "webhook_payloads": """
        INSERT INTO webhook_events (gateway, webhook_id, event_type, payload, processed, created_at)
        VALUES ('xendit', :mark, 'payment.PAID', '{"payer_email": "s***@example.com"}', true, :at)
    """,
    "mail_contexts": """
        INSERT INTO emails (template, once_key, to_address, language, context, status, created_at)
        VALUES ('e_ticket', :mark, 'nobody', 'id', '{"ticket_ids": []}', 'sent', :at)
    """,
    "mail_events": """
        WITH mail AS (
            INSERT INTO emails (template, once_key, to_address, language, context)
            VALUES ('e_ticket', :mark, 'nobody', 'id', '{}') RETURNING id)
        INSERT INTO mail_events (event_id, email_id, kind, happened_at, created_at)
        SELECT :mark, id, 'delivered', :at, :at FROM mail
    """,
    "bounced_addresses": """
        WITH mail AS (
            INSERT INTO emails (template, once_key, to_address, language, context)
            VALUES ('e_ticket', :mark, 'nobody', 'id', '{}') RETURNING id)
        INSERT INTO mail_suppressions (address_key, reason, email_id, created_at)
        SELECT :mark, 'bounced', id, :at FROM mail
    """,
    "chat_updates": """
        WITH sender AS (INSERT INTO chat_senders (messenger_id) VALUES (:mark) RETURNING id)
        INSERT INTO chat_updates (update_key, sender_id, content, sent_at, created_at, processed_at)
        SELECT :mark, id, '{"kind": "text"}', :at, :at, :at FROM sender
    """,
    "chat_messages": """
        WITH sender AS (INSERT INTO chat_senders (messenger_id) VALUES (:mark) RETURNING id)
        INSERT INTO chat_messages (dedupe_key, sender_id, content, status, created_at)
        SELECT :mark, id, '{"kind": "text"}', 'sent', :at FROM sender
    """,
    "chat_notices": """
        INSERT INTO chat_notices (dedupe_key, template, order_id, context, created_at)
        VALUES (:mark, 'event_reminder', :order, '{}', :at)
    """,
    "chat_email_codes": """
        WITH sender AS (INSERT INTO chat_senders (messenger_id) VALUES (:mark) RETURNING id)
        INSERT INTO chat_email_codes (sender_id, address, code_hash, tries_left, expires_at)
        SELECT id, :mark, '', 5, :at FROM sender
    """,
    "chat_senders": "INSERT INTO chat_senders (messenger_id, created_at) VALUES (:mark, :at)",
    "told_sales": """
        WITH sale AS (UPDATE orders SET idempotency_key = :mark WHERE id = :order RETURNING id, organizer_id)
        INSERT INTO digest_sales (order_id, organizer_id, created_at, told_at)
        SELECT id, organizer_id, :at, :at FROM sale
    """,
    "farewells": """
        INSERT INTO emails (template, once_key, to_address, language, context, status, created_at)
        VALUES ('account_deleted', :mark, 'nobody', 'id', '{}', 'delivered', :at)
    """,
    "registrations": """
        INSERT INTO registrations
            (item_id, order_id, tier_id, identity_index, identity_sealed, identity_ending, is_active, created_at)
        SELECT i.id, i.order_id, i.tier_id, repeat(:mark, 2), 'sealed', '0001', false, :at
        FROM order_items i WHERE i.order_id = :order
    """,
    "dead_letters": """
        INSERT INTO dead_letters (kind, source, target, payload, message_id, decision, decided_at, created_at)
        VALUES ('message', 'email.requested', 'somebody', '{}', :mark, 'discarded', :at, :at)
    """,
    "manual_tasks": """
        INSERT INTO manual_tasks (kind, subject, subject_id, details, created_at, done_at)
        VALUES ('mail_failed', 'email', :mark, '{}', :at, :at)
    """,
}
"""A row that the rule is about, known by `mark`, whose time began `at`."""

LEFT = {
    "waiting_rooms": "SELECT commitment FROM waiting_rooms",
    "queue_pass_orders": "SELECT replace(CAST(pass_id AS text), '-', '') FROM queue_pass_orders",
    "reserve_load": "SELECT replace(CAST(instance_id AS text), '-', '') FROM reserve_load",
    "reconcile_runs": "SELECT correlation_id FROM reconcile_runs",
    "idempotency_keys": "SELECT key FROM idempotency_keys",
    "refresh_tokens": "SELECT token_hash FROM refresh_tokens",
    "one_time_codes": "SELECT code_hash FROM one_time_codes",
    "sign_in_codes": "SELECT address_key FROM sign_in_codes",
    "mail_quotas": "SELECT subject FROM mail_quotas",
    "used_id_tokens": "SELECT token_hash FROM used_id_tokens",
    "login_attempts": "SELECT address_key FROM login_attempts",
    "unproved_accounts": "SELECT split_part(email, '@', 1) FROM users WHERE NOT is_deleted",
    "staff_invitations": "SELECT email FROM staff_invitations",
    "address_claims": "SELECT address_key FROM address_claims",
    "unproved_addresses": "SELECT once_key FROM emails WHERE to_address <> ''",
    "outbox": "SELECT topic FROM outbox",
    "webhook_payloads": "SELECT webhook_id FROM webhook_events WHERE payload <> '{}'",
    "mail_contexts": "SELECT once_key FROM emails WHERE context <> '{}'",
    "mail_events": "SELECT event_id FROM mail_events",
    "bounced_addresses": "SELECT address_key FROM mail_suppressions WHERE lifted_at IS NULL",
    "scans": "SELECT replace(CAST(id AS text), '-', '') FROM scans",
    "chat_updates": "SELECT update_key FROM chat_updates",
    "chat_messages": "SELECT dedupe_key FROM chat_messages",
    "chat_notices": "SELECT dedupe_key FROM chat_notices",
    "chat_email_codes": "SELECT address FROM chat_email_codes",
    "chat_senders": "SELECT messenger_id FROM chat_senders",
    "told_sales": "SELECT o.idempotency_key FROM digest_sales d JOIN orders o ON o.id = d.order_id",
    "farewells": "SELECT once_key FROM emails WHERE to_address <> ''",
    "registrations": "SELECT left(identity_index, 32) FROM registrations",
    "nameless_cookie_consents": "SELECT version FROM cookie_consents",
    "dead_letters": "SELECT message_id FROM dead_letters",
    "manual_tasks": "SELECT subject_id FROM manual_tasks",
}

UNFINISHED = {
    "unproved_accounts": "UPDATE users SET is_email_verified = true WHERE email = :mark || '@example.com'",
    "unproved_addresses": "UPDATE emails SET status = 'queued' WHERE once_key = :mark",
    "outbox": "UPDATE outbox SET published_at = NULL WHERE topic = :mark",
    "webhook_payloads": "UPDATE webhook_events SET processed = false WHERE webhook_id = :mark",
    "mail_contexts": "UPDATE emails SET status = 'queued' WHERE once_key = :mark",
    "farewells": "UPDATE emails SET status = 'queued' WHERE once_key = :mark",
    "bounced_addresses": "UPDATE mail_suppressions SET reason = 'spam_reported' WHERE address_key = :mark",
    "told_sales": """
        UPDATE digest_sales SET told_at = NULL WHERE order_id IN (SELECT id FROM orders WHERE idempotency_key = :mark)
    """,
    "registrations": "UPDATE registrations SET is_active = true WHERE identity_index = repeat(:mark, 2)",
    "nameless_cookie_consents": """
        UPDATE cookie_consents SET user_id = (SELECT id FROM users WHERE NOT is_deleted LIMIT 1) WHERE version = :mark
    """,
    "dead_letters": "UPDATE dead_letters SET decision = NULL, decided_at = NULL WHERE message_id = :mark",
    "manual_tasks": "UPDATE manual_tasks SET done_at = NULL WHERE subject_id = :mark",
}
"""The change that makes the row something that still has to be done."""


def a_row(rule: Rule | str, age: timedelta) -> str:
    """A row of a rule, so old; gives its mark."""
    name, mark = rule if isinstance(rule, str) else rule.name, uuid4().hex
    order_id = an_order().id if ":order" in ROWS[name] else None
    with transaction() as tx:
        values = {"mark": mark, "at": datetime.now(UTC) - age, "user": a_user(tx).id, "order": order_id}
        tx.execute(text(ROWS[name]), {key: value for key, value in values.items() if f":{key}" in ROWS[name]})
    return mark


def left(rule: Rule | str) -> set[str]:
    """The marks of the rows that the rule has left alone."""
    with transaction() as tx:
        return set(tx.execute(text(LEFT[rule if isinstance(rule, str) else rule.name])).scalars())


def kept_for(name: str) -> timedelta:
    return next(rule.kept for rule in RULES if rule.name == name)


@contextmanager
def as_owner() -> Iterator[Transaction]:
    """Run a statement that the product's own role may not."""
    engine = make_engine()
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def named(rule: Rule) -> str:
    return rule.name


def test_every_rule_is_tested():
    assert set(ROWS) == set(LEFT) == {rule.name for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_row_is_kept_to_its_last_minute_and_gone_after_it(rule: Rule):
    young, old = a_row(rule, rule.kept - MARGIN), a_row(rule, rule.kept + MARGIN)
    assert retention.run()[rule.name] == 1
    assert young in left(rule)
    assert old not in left(rule)


@pytest.mark.parametrize("name", UNFINISHED)
def test_what_is_not_finished_never_goes(name: str):
    mark = a_row(name, timedelta(days=3000))
    with transaction() as tx:
        tx.execute(text(UNFINISHED[name]), {"mark": mark})
    retention.run()
    assert mark in left(name)


def test_who_was_invited_and_never_joined_is_forgotten_with_their_duties_and_codes():
    with transaction() as tx:
        event = an_event(tx)
        invited = a_user(tx, role="staff", organizer_id=event.organizer_id, is_email_verified=False)
        joined = a_gate_staff(tx, event)
        for person in (invited, joined):
            codes.issue(tx, person.id, "reset_password")
            tx.execute(
                text("UPDATE users SET updated_at = now() - interval '31 days' WHERE id = :id"), {"id": person.id}
            )
        tx.execute(
            text("INSERT INTO event_staff (event_id, user_id) VALUES (:event_id, :id)"),
            {"event_id": event.id, "id": invited.id},
        )
    retention.run()
    with transaction() as tx:
        [gone] = tx.execute(text("SELECT * FROM users WHERE id = :id"), {"id": invited.id})
        assert (gone.email, gone.full_name) == (f"deleted-{invited.id}@deleted.invalid", erasure.NAME)
        for table in ("one_time_codes", "event_staff"):
            left_there = tx.execute(
                text(f"SELECT user_id FROM {table} WHERE user_id = ANY(:ids)"), {"ids": [invited.id, joined.id]}
            )
            assert left_there.scalars().all() == [joined.id], table


def test_who_is_invited_again_is_kept_as_long_as_the_first_time():
    email = f"dewi-{uuid4().hex[:8]}@example.com"
    with transaction() as tx:
        organizer_id = a_user(tx, role="organizer").id
    for age in (29, 2):  # days until the next night: the second invitation's code lives three
        with transaction() as tx:
            person, _ = staff.invite(tx, organizer_id, StaffInvitation(email=email, full_name="Dewi"))
            assert person
            tx.execute(
                text("UPDATE users SET updated_at = updated_at - make_interval(days => :age) WHERE id = :id"),
                {"age": age, "id": person.id},
            )
        retention.run()
        with transaction() as tx:
            assert people.get(tx, person.id)


@pytest.mark.parametrize("template", ["verify_email", "reset_password", "sign_in", "link_chat", "staff_invitation"])
def test_no_mail_keeps_an_address_that_nobody_proved(template: str):
    mark = a_row("unproved_addresses", timedelta(days=91))
    with transaction() as tx:
        tx.execute(
            text("UPDATE emails SET template = :template WHERE once_key = :mark"), {"template": template, "mark": mark}
        )
    retention.run()
    assert mark not in left("unproved_addresses")


def test_the_address_of_who_has_an_account_stays_on_its_mails():
    mark = a_row("unproved_addresses", timedelta(days=91))
    with transaction() as tx:
        email = tx.execute(text("SELECT email FROM users WHERE id = :id"), {"id": a_user(tx).id}).scalar_one()
        tx.execute(text("UPDATE emails SET to_address = :email WHERE once_key = :mark"), {"email": email, "mark": mark})
    retention.run()
    assert mark in left("unproved_addresses")


def test_a_webhook_loses_its_payload_and_stays():
    mark = a_row("webhook_payloads", kept_for("webhook_payloads") + MARGIN)
    retention.run()
    with transaction() as tx:
        kept = tx.execute(text("SELECT payload FROM webhook_events WHERE webhook_id = :mark"), {"mark": mark})
        assert kept.scalars().all() == [{}]


def test_it_goes_in_batches_the_oldest_first_and_ends_the_next_night():
    ages = [timedelta(days=days) for days in (20, 60, 30, 50, 40)]
    marks = [a_row("outbox", age) for age in ages]
    by_age = [mark for _, mark in sorted(zip(ages, marks, strict=True), reverse=True)]

    assert retention.run(batch=2, max_batches=1)["outbox"] == 2
    assert left("outbox") & set(marks) == set(by_age[2:])
    assert retention.run(batch=2)["outbox"] == 3
    assert not left("outbox") & set(marks)


def test_a_row_that_somebody_holds_is_passed_over_and_nobody_waits():
    held, free = (a_row("outbox", timedelta(days=30)) for _ in range(2))
    with transaction() as tx:
        tx.execute(text("SELECT 1 FROM outbox WHERE topic = :mark FOR UPDATE"), {"mark": held})
        assert retention.run()["outbox"] == 1
        tx.execute(text("INSERT INTO outbox (topic, payload, attributes) VALUES ('ticket.created', '{}', '{}')"))
        assert held in left("outbox")
        assert free not in left("outbox")
    assert retention.run()["outbox"] == 1


def test_what_stops_it_half_way_leaves_the_rest_for_the_next_time():
    first, stuck = a_row("outbox", timedelta(days=60)), a_row("outbox", timedelta(days=30))
    of_another_rule = a_row("manual_tasks", timedelta(days=400))
    with as_owner() as connection:
        connection.exec_driver_sql(f"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
            CREATE TRIGGER refuse BEFORE DELETE ON outbox FOR EACH ROW WHEN (OLD.topic = '{stuck}')
                EXECUTE FUNCTION refuse();
        """)

    with pytest.raises(RetentionFailed, match=r"^outbox$"):
        retention.run(batch=1)
    assert first not in left("outbox")
    assert stuck in left("outbox")
    assert of_another_rule not in left("manual_tasks")

    with as_owner() as connection:
        connection.exec_driver_sql("DROP FUNCTION refuse CASCADE")
    assert retention.run()["outbox"] == 1


def test_every_run_is_in_the_audit_trail():
    totals = retention.run()
    with transaction() as tx:
        last = tx.execute(text("SELECT details FROM audit_log WHERE action = 'retention_run' ORDER BY id DESC LIMIT 1"))
        assert last.scalar_one() == {"totals": totals, "failed": []}


def test_it_runs_every_night():
    assert [route.path for route in app.routes] == ["/jobs/daily"]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("idempotency_keys", "idempotency_keys_age"),
        ("refresh_tokens", "refresh_tokens_expiry"),
        ("login_attempts", "login_attempts_age"),
        ("unproved_accounts", "users_unproved"),
        ("outbox", "outbox_published"),
        ("webhook_payloads", "webhook_events_payloads"),
        ("mail_contexts", "emails_context"),
        ("farewells", "emails_farewell"),
        ("nameless_cookie_consents", "cookie_consents_nameless"),
    ],
)
def test_the_oldest_are_found_through_an_index(name: str, index: str):
    rule = next(rule for rule in RULES if rule.name == name)
    with as_owner() as connection:
        user_id = connection.execute(text("SELECT id FROM users LIMIT 1")).scalar() or a_user(connection).id
        row = text(
            ROWS[name]
            .replace(":mark", ":mark || n")
            .replace(":at", "now() - n * interval '1 minute'")
            .replace("VALUES (", "SELECT ")
            .rstrip()
            .removesuffix(")")
            + " FROM generate_series(1, 5000) AS n"
        )
        connection.execute(row, {"mark": uuid4().hex} | ({"user": user_id} if ":user" in ROWS[name] else {}))
        connection.exec_driver_sql(f"ANALYZE {rule.table}")
        plan = connection.execute(
            text(f"EXPLAIN {rule.statement}"), {"seconds": rule.kept.total_seconds(), "batch": 1000}
        ).scalars()
        assert index in "\n".join(plan)
