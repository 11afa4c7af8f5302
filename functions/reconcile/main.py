"""Reconciliation: repair of what webhooks and tasks have missed (L3)."""

from contextlib import ExitStack
from uuid import UUID

from shared.models import Payload
from shared.payments import clearing, gauges, reconcile_runs
from shared.reports import daily_figures, platform_closing
from shared.settlement_reports import overdue
from shared.web import App

app = App("reconcile")


class RequestedRun(Payload):
    """A run that an admin has requested."""

    run_id: UUID


@app.task("run")
def run_requested(requested: RequestedRun) -> None:
    """Run what an admin has requested."""
    reconcile_runs.run_requested(requested.run_id)


@app.job("light")
def light() -> None:
    """Every five minutes: repair what is stuck, log the gauges, and put the figures of reports together."""
    try:
        reconcile_runs.run_scheduled(thorough=False)
    finally:  # what a step that failed has left is measured all the same
        reconcile_runs.run_overdue()
        gauges.log_all()
        daily_figures.compact()


@app.job("thorough")
def thorough() -> None:
    """Every hour: the same, and check silent payments, stock counters and the ledger."""
    reconcile_runs.run_scheduled(thorough=True)


@app.job("nightly")
def nightly() -> None:
    """Every night: recount and close the figures of reports, and look for what settlement reports and the bank lack.

    Then compare the ledger with the gateways' movements; it fails on any difference of these, or where a step failed.
    """
    steps = (daily_figures.recount_changed, platform_closing.close, overdue.check, clearing.check)
    with ExitStack() as night:  # a step that fails keeps no other from its turn
        for step in reversed(steps):
            night.callback(step)


main = app.entry_point()
