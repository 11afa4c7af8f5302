"""Retention rules, applied every night (DP-003).

Orders, payments, refunds, payouts, tickets, the ledger and the audit trail are in no rule: the tax law wants them for
seven years, and the product's role in the database lacks the right to delete them (migration 0011).
`docs/data-map.md` tells the same for people. Files go by `shared/cloud/object_deletion.py`, what is in Firestore by its
TTL.

Rows go in batches, each a transaction of its own, and rows that somebody holds are passed over. So nobody waits for
the cleaning, a crash loses nothing but the rest of the night's work, and the next night does it.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.cloud import audit
from shared.cloud.database import transaction
from shared.identity import erasure, messenger_accounts
from shared.messages.sending import CONTEXT_KEPT

BATCH_SIZE = 1_000
"""Rows in one statement: some milliseconds of work."""
MAX_BATCHES = 200
"""Rows of one rule in one night; a backlog takes several nights, well within the function's nine minutes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rule:
    """Rows of `table`, known by the columns `key`, go once `since` lies more than `kept` back.

    Only those that meet `condition`. With `forgets` (an assignment) the row stays and loses what that names.
    """

    name: str
    table: str
    key: str
    since: str
    kept: timedelta
    source: str
    condition: str = "true"
    forgets: str | None = None

    @property
    def statement(self) -> str:
        """One batch: takes `seconds` (of `kept`) and `batch`. The oldest go first."""
        act = f"UPDATE {self.table} SET {self.forgets}" if self.forgets else f"DELETE FROM {self.table}"
        return f"""
            {act} WHERE ({self.key}) IN (
                SELECT {self.key} FROM {self.table} WHERE {self.since} < now() - make_interval(secs => :seconds)
                    AND {self.condition}
                ORDER BY {self.since} LIMIT :batch FOR UPDATE SKIP LOCKED)
        """


RULES = (
    Rule(
        name="idempotency_keys",
        table="idempotency_keys",  # Uses index: idempotency_keys_age
        key="caller, key",
        since="created_at",
        kept=timedelta(hours=48),
        source="PS-027: nobody repeats a request after two days",
    ),
    Rule(
        name="refresh_tokens",
        table="refresh_tokens",  # Uses index: refresh_tokens_expiry
        key="token_hash",
        since="expires_at",
        kept=timedelta(days=30),
        source="UM-004: a spent token tells of theft while it lives; a month more to look into it",
    ),
    Rule(
        name="used_id_tokens",
        table="used_id_tokens",  # Uses index: used_id_tokens_expiry
        key="token_hash",
        since="expires_at",
        kept=timedelta(days=1),
        source="UM-003: so that they sign in once; expired they are refused anyway",
    ),
    Rule(
        name="one_time_codes",
        table="one_time_codes",
        key="user_id, purpose",
        since="expires_at",
        kept=timedelta(days=30),
        source="UM-002: they live ten minutes; a month more to answer who says that none came",
    ),
    Rule(
        name="sign_in_codes",
        table="sign_in_codes",  # Uses index: sign_in_codes_expiry
        key="address_key",
        since="expires_at",
        kept=timedelta(days=1),
        source="AUTH-1: they live ten minutes, and hold no address that could answer who says that none came",
    ),
    Rule(
        name="login_attempts",
        table="login_attempts",  # Uses index: login_attempts_age
        key="address_key",
        since="next_try_at",
        kept=timedelta(days=1),
        source="SEC-004: forgotten after a quarter of an hour anyway; signing in clears them too, while people do",
    ),
    Rule(
        name="scans",
        table="scans",  # Uses index: scans_age
        key="id",
        since="created_at",
        kept=timedelta(days=365),
        source="DP-003: to look into who came in twice; the ticket itself says when and where it was used",
    ),
    Rule(
        name="unproved_accounts",
        table="users",  # Uses index: users_unproved
        key="id",
        since="updated_at",
        kept=timedelta(days=30),
        condition=f"NOT is_email_verified AND NOT is_deleted AND NOT email {messenger_accounts.IS_MARKER}",
        forgets=erasure.ERASED_COLUMNS,
        source="DP-003: registered and never verified, or invited and never joined: perhaps a stranger's address",
    ),
    Rule(
        name="staff_invitations",
        table="staff_invitations",
        key="id",
        since="created_at",
        kept=timedelta(days=30),
        source="DP-003, as the account: who has joined is listed by the account, and who has not will not",
    ),
    Rule(
        name="address_claims",
        table="address_claims",
        key="address_key",
        since="created_at",
        kept=timedelta(days=30),
        source="UM-006: as long as an account that nobody proved, which it is to look like",
    ),
    Rule(
        name="unproved_addresses",
        table="emails",  # Uses index: emails_unproved
        key="id",
        since="created_at",
        kept=timedelta(days=90),
        condition="""template IN ('verify_email', 'reset_password', 'sign_in', 'link_chat', 'staff_invitation')
            AND to_address <> '' AND status <> 'queued'
            AND NOT EXISTS (SELECT 1 FROM users u WHERE u.email = to_address AND NOT u.is_deleted)""",
        forgets="to_address = ''",
        source="DP-003: whose address was never proved is kept to see that the mail arrived, no longer",
    ),
    Rule(
        name="outbox",
        table="outbox",  # Uses index: outbox_published
        key="id",
        since="published_at",
        kept=timedelta(days=14),
        condition="published_at IS NOT NULL",
        source="Longer than Pub/Sub keeps a message (7 days), so that what was said can be compared",
    ),
    Rule(
        name="webhook_payloads",
        table="webhook_events",  # Uses index: webhook_events_payloads
        key="id",
        since="created_at",
        kept=timedelta(days=90),
        condition="payload <> '{}' AND processed",
        forgets="payload = '{}'",
        source="DP-003, as logs: a payer's name may be in it; the row itself stays, it belongs to the payment",
    ),
    Rule(
        name="mail_quotas",
        table="mail_quotas",  # Uses index: mail_quotas_age
        key="subject, day",
        since="created_at",
        kept=timedelta(days=2),
        source="DP-003: what was counted on a day is of no use after it",
    ),
    Rule(
        name="mail_contexts",
        table="emails",  # Uses index: emails_context
        key="id",
        since="created_at",
        kept=CONTEXT_KEPT,
        condition="context <> '{}' AND status <> 'queued'",
        forgets="context = '{}'",
        source="DP-003, as logs: what a mail said is not needed once it has arrived",
    ),
    Rule(
        name="mail_events",
        table="mail_events",  # Uses index: mail_events_age
        key="event_id",
        since="created_at",
        kept=timedelta(days=90),
        source="NS-008: repeats come within a day; what became of a mail stands in its own row",
    ),
    Rule(
        name="chat_updates",
        table="chat_updates",  # Uses index: chat_updates_age
        key="id",
        since="created_at",
        kept=timedelta(days=90),
        condition="processed_at IS NOT NULL",
        source="CHAT-5: what somebody wrote, to answer who asks about it; repeats come for a week",
    ),
    Rule(
        name="chat_messages",
        table="chat_messages",  # Uses index: chat_messages_age
        key="id",
        since="created_at",
        kept=timedelta(days=90),
        condition="status <> 'queued'",
        source="CHAT-5, as what they answer",
    ),
    Rule(
        name="chat_notices",
        table="chat_notices",  # Uses index: chat_notices_age
        key="id",
        since="created_at",
        kept=timedelta(days=90),
        source="NS-010, as the messages that come of them",
    ),
    Rule(
        name="chat_email_codes",
        table="chat_email_codes",  # Uses index: chat_email_codes_expiry
        key="sender_id",
        since="expires_at",
        kept=timedelta(days=1),
        source="CHAT-4: a code to link an account is of no use after ten minutes",
    ),
    Rule(
        name="chat_senders",
        table="chat_senders",  # Uses index: chat_senders_age
        key="id",
        since="COALESCE(last_message_at, created_at)",
        kept=timedelta(days=91),  # after what refers to it
        condition="""user_id IS NULL
            AND NOT EXISTS (SELECT 1 FROM chat_updates u WHERE u.sender_id = chat_senders.id)
            AND NOT EXISTS (SELECT 1 FROM chat_messages m WHERE m.sender_id = chat_senders.id)""",
        source="CHAT-4: a number that never bought is forgotten with what it wrote",
    ),
    Rule(
        name="bounced_addresses",
        table="mail_suppressions",  # Uses index: mail_suppressions_age
        key="address_key",
        since="created_at",
        kept=timedelta(days=90),
        condition="lifted_at IS NULL AND reason = 'bounced'",
        forgets="lifted_at = now()",
        source="NS-008: a mailbox that was gone or full may be there again, and its owner can't tell us by mail",
    ),
    Rule(
        name="told_sales",
        table="digest_sales",  # Uses index: digest_sales_told
        key="order_id",
        since="told_at",
        kept=timedelta(days=30),
        condition="told_at IS NOT NULL",
        source="NOTIFY-1: kept so long that no repeated message tells of a sale twice",
    ),
    Rule(
        name="farewells",
        table="emails",  # Uses index: emails_farewell
        key="id",
        since="created_at",
        kept=timedelta(days=90),
        condition="template = 'account_deleted' AND to_address <> '' AND status <> 'queued'",
        forgets="to_address = ''",
        source="DP-002: the last address of somebody who left is kept to see that the farewell arrived, no longer",
    ),
    Rule(
        name="registrations",
        table="registrations",  # Uses index: registrations_over
        key="item_id",
        since="created_at",
        kept=timedelta(days=90),
        condition="NOT is_active",
        source="REG-1: an identity number is for who takes part; what expired or was given back needs none",
    ),
    Rule(
        name="nameless_cookie_consents",
        table="cookie_consents",  # Uses index: cookie_consents_nameless
        key="id",
        since="chosen_at",
        kept=timedelta(days=365),
        condition="user_id IS NULL",
        source="DP-006: a browser is asked anew after a year at the latest; nobody can prove more by an older choice",
    ),
    Rule(
        name="dead_letters",
        table="dead_letters",
        key="id",
        since="decided_at",
        kept=timedelta(days=365),
        condition="decision IS NOT NULL",
        source="PS-028: decided; who decided what is in the audit trail",
    ),
    Rule(
        name="manual_tasks",
        table="manual_tasks",
        key="id",
        since="done_at",
        kept=timedelta(days=365),
        condition="done_at IS NOT NULL",
        source="PS-023: done; what was decided about money is in the audit trail",
    ),
    Rule(
        name="waiting_rooms",
        table="waiting_rooms",  # Uses index: waiting_rooms_age
        key="id",
        since="closed_at",
        kept=timedelta(days=90),
        source="QUEUE-1: whoever doubts a draw asks soon; places and calls go with the room",
    ),
    Rule(
        name="queue_pass_orders",
        table="queue_pass_orders",  # Uses index: queue_pass_orders_age
        key="pass_id",
        since="created_at",
        kept=timedelta(days=90),
        source="QUEUE-1: a pass is good for ten minutes",
    ),
    Rule(
        name="reserve_load",
        table="reserve_load",  # Uses index: reserve_load_age
        key="instance_id",
        since="measured_at",
        kept=timedelta(days=1),
        source="QUEUE-1: it says how reserving does in these seconds",
    ),
    Rule(
        name="reconcile_runs",
        table="reconcile_runs",  # Uses index: reconcile_runs_age
        key="id",
        since="created_at",
        kept=timedelta(days=90),
        source="MON: each run and each repair is in the audit trail",
    ),
)


class RetentionFailed(RuntimeError):
    """Some rules could not be applied; the message names them. The alert on errors sees it."""


def run(*, batch: int = BATCH_SIZE, max_batches: int = MAX_BATCHES) -> dict[str, int]:
    """Apply every rule; give how many rows each has let go. One that fails doesn't stop the others.

    Raises RetentionFailed at the end.
    """
    totals: dict[str, int] = {}
    failed = []
    for rule in RULES:
        try:
            totals[rule.name] = _apply(rule, batch, max_batches)
        except SQLAlchemyError as error:
            log.error("retention.failed", extra={"rule": rule.name}, exc_info=error)
            failed.append(rule.name)
    with transaction() as tx:
        audit.record(tx, "retention_run", subject="run", subject_id=None, totals=totals, failed=failed)
    log.info("retention.run", extra={"totals": totals})
    if failed:
        raise RetentionFailed(", ".join(failed))
    return totals


def _apply(rule: Rule, batch: int, max_batches: int) -> int:
    statement, total = text(rule.statement), 0
    for _ in range(max_batches):
        with transaction() as tx:
            gone = tx.execute(statement, {"seconds": rule.kept.total_seconds(), "batch": batch}).rowcount
        total += gone
        if gone < batch:
            break
    return total
