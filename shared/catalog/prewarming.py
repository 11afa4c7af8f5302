"""Prewarming: instances are kept warm while a big sale opens, and no longer.

The workflow `prewarm` (infra/terraform/prewarm.tf) sets the minimum instances; it knows both of their numbers, and this
only tells it which. It is told at every run of the job while that is so, and for an hour after: a run that was lost, a
workflow that failed, or an apply in between is made good by the next run. At any other time it is left alone, so that
what somebody has warmed by hand stays.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.catalog import openings
from shared.catalog.openings import Opening
from shared.cloud import clock, workflows
from shared.cloud.database import transaction

BEFORE = timedelta(minutes=30)
"""Instances start within seconds; half an hour leaves time to see that they have."""
AFTER = timedelta(hours=2)
"""The length of the rush, as for the deploy freeze (infra/deploy/freeze.py)."""
LOWERED_FOR = timedelta(hours=1)
WORKFLOW = "prewarm"


def prewarm() -> None:
    """Start the workflow where there is something to raise or to lower. Raises WorkflowNotStarted."""
    now = clock.now()
    with transaction() as tx:
        found = openings.find(tx, since=now - AFTER - LOWERED_FOR, until=now + BEFORE)
    on_sale = is_on_sale(found, now)
    if on_sale is not None:
        workflows.start(WORKFLOW, {"on_sale": on_sale})


def is_on_sale(found: Sequence[Opening], now: datetime) -> bool | None:
    """True while a big sale is about to open or has just opened, False just after that, None at other times."""
    big = [opening.at for opening in found if opening.is_big]
    if any(now - AFTER <= at <= now + BEFORE for at in big):
        return True
    return False if any(now - AFTER - LOWERED_FOR <= at <= now for at in big) else None
