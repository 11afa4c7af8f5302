"""The definitions of all metrics: name, kind, unit, description, and the log lines they are read from.

There is no exporter. A counter counts lines of the log; a gauge is a number of the line `metrics`, which reconcile
writes every five minutes (shared/payments/gauges.py). In the cloud these are log-based metrics, made by Terraform from
schemas/metrics.json, which `python -m schemas.metrics` writes from this list; on a laptop infra/local/metrics.py shows
the same under /metrics.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GAUGES_EVENT = "metrics"


@dataclass(frozen=True)
class Counter:
    """A counter of log lines with this message and these fields, by the fields in `labels`."""

    name: str
    help: str
    event: str
    where: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    labels: tuple[str, ...] = ()

    def counts(self, message: str, fields: Mapping[str, Any]) -> bool:
        """True if a log line is counted."""
        return message == self.event and all(fields.get(name) == value for name, value in self.where.items())


@dataclass(frozen=True)
class Gauge:
    """A number in the line `metrics`, under the metric's own name. `unit` as UCUM writes it."""

    name: str
    help: str
    unit: str


COUNTERS = (
    Counter(
        "karcis_reservations_total",
        "Reservations made.",
        "request",
        {"route": "/api/v1/orders/reserve", "status": 201},
    ),
    Counter(
        "karcis_sold_out_total",
        "Requests refused because too few tickets are left.",
        "request",
        {"problem": "sold-out"},
    ),
    Counter(
        "karcis_payments_total",
        "What came of what gateways say of payments: paid and revived are sales.",
        "payment.status_handled",
        labels=("gateway", "outcome"),
    ),
    Counter(
        "karcis_payment_mismatches_total",
        "Payments whose amount or currency is not what was asked for.",
        "payment.status_handled",
        {"outcome": "in_review"},
        labels=("gateway",),
    ),
    Counter(
        "karcis_webhook_rejections_total",
        "Notifications without the proof that their gateway sent them.",
        "webhook.rejected",
        labels=("gateway",),
    ),
    Counter(
        "karcis_repairs_total",
        "What reconcile has repaired: one for each row, and one for each run that corrected many at once.",
        "reconcile.repaired",
        labels=("check",),
    ),
    Counter(
        "karcis_gateway_failures_total",
        "Calls to gateways given up after all tries.",
        "gateway.unavailable",
        labels=("gateway",),
    ),
    Counter(
        "karcis_cache_fallbacks_total",
        "Times an instance found the shared cache silent and went on without it, and when it had it again (recovered).",
        "cache.fallback",
        labels=("operation",),
    ),
    Counter(
        "karcis_limit_fallbacks_total",
        "Times an instance found the counters of callers' requests silent and let everybody call.",
        "limits.unavailable",
    ),
    Counter(
        "karcis_sign_in_failures_total",
        "Wrong passwords and codes, at whatever account: many at once are guesses at the whole population.",
        "sign_in.failed",
        labels=("by",),
    ),
    Counter(
        "karcis_mails_sent_total",
        "Mails that the mail service has accepted.",
        "mail.sent",
    ),
    Counter(
        "karcis_mails_undelivered_total",
        "Mails that came back, were dropped by the mail service, or were called spam.",
        "mail.undelivered",
        labels=("outcome",),
    ),
    Counter(
        "karcis_chat_messages_sent_total",
        "Messages of ours that WhatsApp has accepted.",
        "chat.sent",
    ),
    Counter(
        "karcis_chat_messages_undelivered_total",
        "Messages of ours in chats that were refused, or failed afterwards, by the code that WhatsApp gave.",
        "chat.undelivered",
        labels=("code",),
    ),
    Counter(
        "karcis_chat_over_budget_total",
        "Messages of people that came when the day's budget of chats was used up.",
        "chat.over_budget",
        labels=("level",),
    ),
    Counter(
        "karcis_chat_account_troubles_total",
        "What WhatsApp told of our account, number or templates that a person has to look at.",
        "chat.account_trouble",
        labels=("field", "event"),
    ),
    Counter(
        "karcis_synthetic_purchases_total",
        "Synthetic purchases, and payments that were opened and cancelled, by how they went.",
        "synthetic_purchase",
        labels=("kind", "outcome"),
    ),
    Counter(
        "karcis_failures_total",
        "Requests that met a bug.",
        "request.failed",
    ),
)

OUTBOX_OLDEST = Gauge("karcis_outbox_oldest_seconds", "Age of the oldest message that has not been published.", "s")
UNISSUED_OLDEST = Gauge(
    "karcis_unissued_oldest_seconds", "Time since the payment of the oldest paid order without its tickets.", "s"
)
DEAD_LETTERS = Gauge("karcis_dead_letters_undecided", "Dead letters that nobody has decided about.", "1")
MANUAL_TASKS = Gauge("karcis_manual_tasks_open", "Things that wait for a person.", "1")
LEDGER_DIFFERENCE = Gauge(
    "karcis_ledger_difference_rupiah",
    "By how much postings of the last two days do not balance, signs left out.",
    "{IDR}",
)
CLEARING_DIFFERENCE = Gauge(
    "karcis_clearing_difference_rupiah",
    "By how much the books and the gateways differ in what nobody has looked into yet, signs left out.",
    "{IDR}",
)
SETTLEMENT_OLDEST = Gauge(
    "karcis_settlement_difference_oldest_seconds",
    "Age of the oldest difference between settlement reports, books and bank that nobody has explained.",
    "s",
)
GAUGES = (
    OUTBOX_OLDEST,
    UNISSUED_OLDEST,
    DEAD_LETTERS,
    MANUAL_TASKS,
    LEDGER_DIFFERENCE,
    CLEARING_DIFFERENCE,
    SETTLEMENT_OLDEST,
)
