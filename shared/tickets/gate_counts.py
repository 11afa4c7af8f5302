"""Attendance: how many are in, of each tier and by each gate (GATE). Counted from the tickets each time."""

from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.tickets import double_entries, gate

_TIERS = text("""
    WITH counted AS (
        SELECT i.tier_id, count(*) AS tickets, count(*) FILTER (WHERE t.status = 'used') AS used,
            count(*) FILTER (WHERE t.status = 'used' AND t.exited_at IS NULL) AS inside
        FROM tickets t JOIN order_items i ON i.id = t.order_item_id  -- Uses indexes: tickets_event, order_items_pkey
        WHERE t.event_id = :event_id AND t.status <> 'void' GROUP BY i.tier_id)
    SELECT c.id AS tier_id, c.name AS tier_name, COALESCE(tickets, 0) AS tickets, COALESCE(used, 0) AS used,
        COALESCE(inside, 0) AS inside
    FROM ticket_tiers c LEFT JOIN counted n ON n.tier_id = c.id
    WHERE c.event_id = :event_id AND c.kind IN ('ticket', 'registration') ORDER BY c.position, c.id
""")
_GATES = text("""
    SELECT gate, count(*) AS used FROM tickets  -- Uses index: tickets_event
    WHERE event_id = :event_id AND status = 'used' GROUP BY gate ORDER BY gate
""")


class TierCount(ResponseModel):
    """The tickets of a tier, those that have let somebody in, and how many of these are inside."""

    tier_id: UUID
    tier_name: str
    tickets: int
    used: int
    inside: int


class GateCount(ResponseModel):
    """The number of tickets that have let somebody in at a gate; null where none was named."""

    gate: str | None
    used: int


class GateCounts(ResponseModel):
    """An event's tickets without void ones, those that have let somebody in, and how many of these are inside.

    `double_entries`: entries without network that would have been refused.
    """

    event_id: UUID
    tickets: int
    used: int
    inside: int
    double_entries: int
    tiers: list[TierCount]
    gates: list[GateCount]


def read(tx: Transaction, staff: Principal, event_id: UUID) -> GateCounts:
    """The counts of an event's gates at one moment. Raises NotFound as the gate does."""
    gate.require_access(tx, staff, event_id)
    which = {"event_id": event_id}
    tiers = [TierCount(**row) for row in tx.execute(_TIERS, which).mappings()]
    return GateCounts(
        event_id=event_id,
        tickets=sum(tier.tickets for tier in tiers),
        used=sum(tier.used for tier in tiers),
        inside=sum(tier.inside for tier in tiers),
        double_entries=double_entries.count(tx, event_id),
        tiers=tiers,
        gates=[GateCount(**row) for row in tx.execute(_GATES, which).mappings()],
    )
