"""Gauges: the numbers that show what is stuck or does not add up, read from the packages that own them."""

import logging

from shared.accounting import ledger
from shared.cloud import dead_letters, manual_tasks, metrics, outbox
from shared.cloud.database import Transaction, transaction
from shared.payments import clearing
from shared.sales import orders

LEDGER_DAYS = 2

log = logging.getLogger(__name__)


def read(tx: Transaction) -> dict[str, float]:
    """Every gauge of shared/cloud/metrics.py, by name."""
    return {
        metrics.OUTBOX_OLDEST.name: outbox.oldest_seconds(tx),
        metrics.UNISSUED_OLDEST.name: orders.oldest_unissued_seconds(tx),
        metrics.DEAD_LETTERS.name: dead_letters.count_undecided(tx),
        metrics.MANUAL_TASKS.name: manual_tasks.count_open(tx),
        metrics.LEDGER_DIFFERENCE.name: sum(map(abs, ledger.unbalanced_postings(tx, days=LEDGER_DAYS).values())),
        metrics.CLEARING_DIFFERENCE.name: clearing.open_difference(tx),
        metrics.SETTLEMENT_OLDEST.name: manual_tasks.oldest_seconds(tx, clearing.SETTLEMENT_DIFFERENCE),
    }


def log_all() -> None:
    """Write the line from which Cloud Logging makes metrics. It counts as late after a quarter of an hour."""
    with transaction() as tx:
        found = read(tx)
    log.info(metrics.GAUGES_EVENT, extra=found)
