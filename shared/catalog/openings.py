"""Openings: the moments at which many want to buy, as they stand in the tiers of published events."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from shared.cloud.database import Transaction

MIN_SEATS = 1_000
"""The seats that open at one moment, from which on an opening is a big one."""

# In a rush nobody can order before the waiting room opens, whenever the sale begins.
_OPENINGS = text("""
    SELECT events.title, moment.at, sum(ticket_tiers.quota) AS seats
    FROM ticket_tiers
    JOIN events ON events.id = ticket_tiers.event_id
    CROSS JOIN LATERAL (VALUES
        (GREATEST(sale_start, waiting_room_opens_at)), (early_bird_start), (early_bird_end)) AS moment (at)
    WHERE ticket_tiers.is_on_sale AND moment.at BETWEEN :since AND :until
    GROUP BY events.id, events.title, moment.at
    ORDER BY moment.at
""")


@dataclass(frozen=True)
class Opening:
    """A moment at which many want to buy: a sale or its cheaper first days begin, or those end."""

    title: str
    at: datetime
    seats: int

    @property
    def is_big(self) -> bool:
        """True if as many want to buy as we prepare for."""
        return self.seats >= MIN_SEATS


def find(tx: Transaction, *, since: datetime, until: datetime) -> list[Opening]:
    """The openings of published events in a period."""
    rows = tx.execute(_OPENINGS, {"since": since, "until": until})
    return [Opening(title=row.title, at=row.at, seats=row.seats) for row in rows]
