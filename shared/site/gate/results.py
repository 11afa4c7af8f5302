"""Results of scans as the gate's pages show them, of tickets and of pickup codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.tickets.gate import ScanResponse
from shared.tickets.pickups import PickupResponse


@dataclass(frozen=True)
class GateResult:
    """The result of a scan and whose code it was; `at` and `gate` are those of an earlier scan."""

    kind: str
    name: str = ""
    tier: str = ""
    bib: int | None = None
    at: datetime | None = None
    gate: str = ""
    opens: datetime | None = None
    closes: datetime | None = None


def of_ticket(told: ScanResponse) -> GateResult:
    """The result of scanning a ticket's code."""
    was_used = told.result == "already_used"
    return GateResult(
        _kind(told),
        name=told.attendee_name or "",
        tier=told.tier_name or "",
        bib=told.bib_number,
        at=told.validated_at if was_used else None,
        gate=told.gate or "" if was_used else "",
        opens=told.gates_open_at,
        closes=told.gates_close_at,
    )


def of_pickup(told: PickupResponse) -> GateResult:
    """The result of scanning a pickup code, with the goods to hand over as its `tier`."""
    was_used = told.result == "already_used"
    return GateResult(
        f"pickup_{told.result}",
        name=told.buyer_name or "",
        tier=_listed([(each.quantity, each.tier_name) for each in told.items]),
        at=told.picked_up_at if was_used else None,
        gate=told.gate or "" if was_used else "",
    )


def _kind(told: ScanResponse) -> str:
    if told.is_reentry and told.result == "valid":
        return "reentry"
    return "replaced" if told.result == "refunded" and told.is_replaced else told.result


def _listed(goods: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"{quantity} × {name}" for quantity, name in goods)
