"""Refuses a release while a big sale is about to open or has just opened.

    python -m infra.deploy.freeze

DURING_SALE="why" releases all the same; the reason is in the build's log.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from shared.cloud.database import Transaction, transaction

BEFORE = timedelta(hours=4)
"""A release takes two hours, and the sale is to find it settled."""
AFTER = timedelta(hours=2)
"""The length of the rush."""
MIN_SEATS = 1_000
"""Seats that open at one moment, from which on a release waits."""

_OPENINGS = text("""
    SELECT events.title, moment.at, sum(ticket_tiers.quota) AS seats
    FROM ticket_tiers
    JOIN events ON events.id = ticket_tiers.event_id
    CROSS JOIN LATERAL (VALUES (sale_start), (early_bird_start), (early_bird_end)) AS moment (at)
    WHERE ticket_tiers.is_on_sale AND moment.at BETWEEN :earliest AND :latest
    GROUP BY events.id, events.title, moment.at
    ORDER BY moment.at
""")


@dataclass(frozen=True)
class Opening:
    """A moment at which many want to buy: a sale or its cheaper first days begin, or those end."""

    title: str
    at: datetime
    seats: int


def blocking_openings(openings: Sequence[Opening], now: datetime) -> list[Opening]:
    """The openings because of which nothing is released at `now`."""
    return [opening for opening in openings if opening.seats >= MIN_SEATS and now - AFTER <= opening.at <= now + BEFORE]


def openings(tx: Transaction, now: datetime) -> list[Opening]:
    """The openings of published events around `now`."""
    rows = tx.execute(_OPENINGS, {"earliest": now - AFTER, "latest": now + BEFORE})
    return [Opening(title=row.title, at=row.at, seats=row.seats) for row in rows]


def main() -> int:
    """1 where a sale is in the way."""
    now = datetime.now(UTC)
    with transaction() as tx:
        found = blocking_openings(openings(tx, now), now)
    for opening in found:
        print(f"{opening.title}: {opening.seats} seats open at {opening.at:%Y-%m-%d %H:%M} UTC")
    reason = os.environ.get("DURING_SALE", "")
    if found and reason:
        print(f"released all the same: {reason}")
    return 1 if found and not reason else 0


if __name__ == "__main__":
    sys.exit(main())
