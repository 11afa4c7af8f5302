"""Refuses a release while a big sale is about to open or has just opened.

    python -m infra.deploy.freeze

DURING_SALE="why" releases all the same; the reason is in the build's log.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.catalog import openings
from shared.catalog.openings import Opening
from shared.cloud.database import transaction

BEFORE = timedelta(hours=4)
"""A release takes two hours, and must be over before the sale opens."""
AFTER = timedelta(hours=2)
"""The length of the rush."""


def blocking_openings(found: Sequence[Opening], now: datetime) -> list[Opening]:
    """The openings that block a release at `now`."""
    return [opening for opening in found if opening.is_big and now - AFTER <= opening.at <= now + BEFORE]


def main() -> int:
    """1 where a sale is in the way."""
    now = datetime.now(UTC)
    with transaction() as tx:
        found = blocking_openings(openings.find(tx, since=now - AFTER, until=now + BEFORE), now)
    for opening in found:
        print(f"{opening.title}: {opening.seats} seats open at {opening.at:%Y-%m-%d %H:%M} UTC")
    reason = os.environ.get("DURING_SALE", "")
    if found and reason:
        print(f"released all the same: {reason}")
    return 1 if found and not reason else 0


if __name__ == "__main__":
    sys.exit(main())
