"""The checks of the overview: how each kind of thing that is wrong is found, how bad it is, and what ends it.

Each is one statement that reads an index of what is open, and no more than `MAX_COUNTED` rows of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import TextClause, text

from shared.payments import unallocated
from shared.payments.clearing import DIFFERENCE
from shared.payments.reconcile_totals import LEDGER_DIFFERENCE, NOT_REPAIRS

MAX_COUNTED: Final = 1_000
"""The rows of a kind that are counted."""
SILENT_AFTER: Final = timedelta(minutes=20)
"""Reconcile runs every five minutes."""


class Severity(StrEnum):
    """Severity of a finding: `critical` money or buyers wait, `warning` somebody must act, `notice` good to know."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"


class FindingKind(StrEnum):
    """A kind of thing that can be wrong."""

    LEDGER_DIFFERENCE = "ledger_difference"
    CLEARING_DIFFERENCE = "clearing_difference"
    RECONCILE_SILENT = "reconcile_silent"
    ORDERS_UNISSUED = "orders_unissued"
    OUTBOX = "outbox"
    DEAD_LETTERS = "dead_letters"
    PAYMENTS_IN_REVIEW = "payments_in_review"
    MANUAL_TASKS = "manual_tasks"
    REFUNDS = "refunds"
    PAYOUTS = "payouts"
    CANCELLATIONS = "cancellations"
    EVENT_CHANGES = "event_changes"
    WEBHOOKS_FAILED = "webhooks_failed"
    WEBHOOKS_REJECTED = "webhooks_rejected"
    MAILS_UNDELIVERED = "mails_undelivered"
    APPROVALS = "approvals"
    REPAIRS = "repairs"
    ADDRESSES_SUPPRESSED = "addresses_suppressed"


@dataclass(frozen=True)
class Check:
    """A kind of thing that can be wrong.

    `source` selects `part`, `at`, `amount` and `id` of each row that is; `runbook` is the section about it. What lasts
    longer than `worse_after` is one degree worse.
    """

    kind: FindingKind
    severity: Severity
    runbook: str
    source: str
    page: str | None = None
    command: str | None = None
    worse_after: timedelta | None = None

    @property
    def statement(self) -> TextClause:
        """The statement that counts these rows by their part, oldest first."""
        return text(f"""
            SELECT part, count(*) AS number, min(at) AS since, sum(CAST(amount AS bigint)) AS amount,
                (array_agg(CAST(id AS text) ORDER BY at))[1] AS oldest_id
            FROM ({self.source} LIMIT :limit) AS found GROUP BY part ORDER BY since, part
        """)


def _scheduled(act: str, job: str) -> str:
    return f"gcloud scheduler jobs {act} {job} --location=$REGION"


_RUN_LIGHT: Final = _scheduled("run", "reconcile-light")
_THOROUGH_RUN = """
    SELECT at, details FROM audit_log  -- Uses index: audit_log_action
    WHERE action = 'reconcile_run' AND details ->> 'thorough' = 'true' ORDER BY at DESC LIMIT 1
"""
_NOT_REPAIRS = ", ".join(f"'{name}'" for name in NOT_REPAIRS)
_TOTALS_TODAY = f"""
    SELECT totals.key AS part, run.at, totals.value, NULL AS id
    FROM audit_log run, jsonb_each_text(run.details -> 'totals') AS totals  -- Uses index: audit_log_action
    WHERE run.action = 'reconcile_run' AND run.at >= CAST(:today AS timestamptz)
      AND totals.key NOT IN ({_NOT_REPAIRS})
"""
CHECKS: Final[Sequence[Check]] = (
    Check(
        FindingKind.LEDGER_DIFFERENCE,
        Severity.CRITICAL,
        "ledger-difference",
        f"""
        SELECT NULL AS part, at, NULL AS amount, NULL AS id
        FROM ({_THOROUGH_RUN}) AS run, generate_series(1, CAST(details -> 'totals' ->> '{LEDGER_DIFFERENCE}' AS bigint))
        """,
        page="/admin/books",
        command=_scheduled("pause", "payout-execution-daily"),
    ),
    Check(
        FindingKind.CLEARING_DIFFERENCE,
        Severity.CRITICAL,
        "clearing-difference",
        f"""
        SELECT details ->> 'gateway' AS part, created_at AS at, subject_id AS id,
            abs(CAST(details ->> 'booked' AS bigint) - CAST(details ->> 'moved' AS bigint)) AS amount
        FROM manual_tasks WHERE kind = '{DIFFERENCE}' AND done_at IS NULL  -- Uses index: one_open_manual_task
        """,
        page="/admin/tasks",
        command=_scheduled("run", "reconcile-nightly"),
    ),
    Check(
        FindingKind.RECONCILE_SILENT,
        Severity.CRITICAL,
        "reconcile-silent",
        """
        SELECT NULL AS part, at, NULL AS amount, NULL AS id FROM (
            SELECT max(at) AS at FROM audit_log WHERE action = 'reconcile_run'  -- Uses index: audit_log_action
        ) AS last WHERE at < CAST(:now AS timestamptz) - CAST(:silent_after AS interval)
        """,
        page="/admin/reconcile",
        command=_scheduled("resume", "reconcile-light"),
    ),
    Check(
        FindingKind.ORDERS_UNISSUED,
        Severity.WARNING,
        "tickets-late",
        """
        SELECT NULL AS part, paid_at AS at, total_amount AS amount, id FROM orders  -- Uses index: orders_unissued
        WHERE status = 'paid' AND tickets_issued_at IS NULL
          AND paid_at < CAST(:now AS timestamptz) - interval '1 minute' ORDER BY paid_at
        """,
        page="/admin/orders/{oldest_id}",
        command=_RUN_LIGHT,
        worse_after=timedelta(minutes=10),
    ),
    Check(
        FindingKind.OUTBOX,
        Severity.WARNING,
        "outbox-stuck",
        """
        SELECT topic AS part, created_at AS at, NULL AS amount, id FROM outbox  -- Uses index: outbox_unpublished
        WHERE published_at IS NULL AND created_at < CAST(:now AS timestamptz) - interval '1 minute' ORDER BY id
        """,
        page="/admin/reconcile",
        command=_RUN_LIGHT,
        worse_after=timedelta(minutes=10),
    ),
    Check(
        FindingKind.DEAD_LETTERS,
        Severity.WARNING,
        "replaying-dead-letters",
        """
        SELECT source AS part, created_at AS at, NULL AS amount, id FROM dead_letters  -- Uses index: dead_letters_open
        WHERE decision IS NULL ORDER BY created_at
        """,
        page="/admin/dead-letters",
        worse_after=timedelta(days=1),
    ),
    Check(
        FindingKind.PAYMENTS_IN_REVIEW,
        Severity.NOTICE,
        "payment-mismatches",
        f"""
        SELECT p.gateway AS part, p.paid_at AS at, p.received_amount AS amount, p.id
        FROM payments p WHERE {unallocated.WAITING} ORDER BY p.paid_at  -- Uses index: payments_to_review
        """,
        page="/admin/reviews",
        worse_after=timedelta(days=1),
    ),
    Check(
        FindingKind.MANUAL_TASKS,
        Severity.NOTICE,
        "manual-tasks",
        """
        SELECT kind AS part, created_at AS at, NULL AS amount, id
        FROM manual_tasks WHERE done_at IS NULL ORDER BY created_at  -- Uses index: one_open_manual_task
        """,
        page="/admin/tasks",
        worse_after=timedelta(days=1),
    ),
    Check(
        FindingKind.REFUNDS,
        Severity.WARNING,
        "refund-or-payout-stuck",
        """
        SELECT status AS part, updated_at AS at, amount, id FROM (
            SELECT status, updated_at, amount, id FROM refunds WHERE status = 'failed'  -- Uses index: refunds_failed
            UNION ALL SELECT status, updated_at, amount, id FROM refunds  -- Uses index: refunds_open
            WHERE status IN ('approved', 'processing')
              AND updated_at < CAST(:now AS timestamptz) - interval '1 day'
        ) AS stuck ORDER BY updated_at
        """,
        page="/admin/refunds",
        worse_after=timedelta(days=3),
    ),
    Check(
        FindingKind.PAYOUTS,
        Severity.WARNING,
        "refund-or-payout-stuck",
        """
        SELECT status AS part, updated_at AS at, amount, id FROM payouts  -- Uses index: payouts_open
        WHERE status IN ('pending', 'processing', 'failed')
          AND (status = 'failed' OR updated_at < CAST(:now AS timestamptz) - interval '1 day') ORDER BY updated_at
        """,
        page="/admin/payouts",
        worse_after=timedelta(days=3),
    ),
    Check(
        FindingKind.CANCELLATIONS,
        Severity.WARNING,
        "cancellation-stuck",
        """
        SELECT NULL AS part, updated_at AS at, NULL AS amount, event_id AS id
        FROM event_cancellations  -- Uses index: event_cancellations_open
        WHERE finished_at IS NULL AND updated_at < CAST(:now AS timestamptz) - interval '5 minutes' ORDER BY updated_at
        """,
        page="/admin/events/{oldest_id}",
        command=_RUN_LIGHT,
        worse_after=timedelta(hours=1),
    ),
    Check(
        FindingKind.EVENT_CHANGES,
        Severity.WARNING,
        "notices-of-a-changed-event-stuck",
        """
        SELECT NULL AS part, due_at AS at, NULL AS amount, event_id AS id
        FROM event_changes  -- Uses index: event_changes_open
        WHERE finished_at IS NULL AND due_at < CAST(:now AS timestamptz) - interval '5 minutes'
          AND updated_at < CAST(:now AS timestamptz) - interval '5 minutes' ORDER BY due_at
        """,
        page="/admin/events/{oldest_id}",
        command=_RUN_LIGHT,
    ),
    Check(
        FindingKind.WEBHOOKS_FAILED,
        Severity.WARNING,
        "webhook_failed",
        """
        SELECT gateway AS part, created_at AS at, NULL AS amount, id
        FROM webhook_events  -- Uses index: webhook_events_waiting
        WHERE NOT processed AND (retry_count > 0 OR created_at < CAST(:now AS timestamptz) - interval '5 minutes')
        ORDER BY created_at
        """,
        page="/admin/webhooks?status=waiting",
        worse_after=timedelta(hours=1),
    ),
    Check(
        FindingKind.WEBHOOKS_REJECTED,
        Severity.NOTICE,
        "webhook-rejections",
        """
        SELECT subject_id AS part, at, NULL AS amount, id FROM audit_log  -- Uses index: audit_log_action
        WHERE action = 'webhook.rejected' AND at > CAST(:now AS timestamptz) - interval '1 day' ORDER BY at
        """,
        page="/admin/webhooks/rejected",
    ),
    Check(
        FindingKind.MAILS_UNDELIVERED,
        Severity.NOTICE,
        "mails-undelivered",
        """
        SELECT status AS part, created_at AS at, NULL AS amount, id FROM emails  -- Uses index: emails_undelivered
        WHERE status IN ('failed', 'bounced', 'dropped', 'spam_reported')
          AND created_at > CAST(:now AS timestamptz) - interval '1 day' ORDER BY created_at
        """,
        page="/admin/deliveries",
    ),
    Check(
        FindingKind.APPROVALS,
        Severity.NOTICE,
        "force-cancel",
        """
        SELECT action AS part, created_at AS at, NULL AS amount, subject_id AS id
        FROM approvals  -- Uses index: one_open_approval
        WHERE decision IS NULL AND expires_at > CAST(:now AS timestamptz) ORDER BY created_at
        """,
        page="/admin/approvals",
    ),
    Check(
        FindingKind.REPAIRS,
        Severity.NOTICE,
        "repairs",
        f"""
        SELECT part, at, NULL AS amount, id
        FROM ({_TOTALS_TODAY}) AS total, generate_series(1, LEAST(CAST(total.value AS bigint), :limit))
        """,
        page="/admin/reconcile",
    ),
    Check(
        FindingKind.ADDRESSES_SUPPRESSED,
        Severity.NOTICE,
        "mails-undelivered",
        """
        SELECT reason AS part, created_at AS at, NULL AS amount, email_id AS id
        FROM mail_suppressions WHERE lifted_at IS NULL ORDER BY created_at  -- Uses index: mail_suppressions_age
        """,
        page="/admin/suppressions",
    ),
)
