"""An event's orders, found by what an organizer knows of one: a name, an address, a number of ours or a gateway's."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.field_types import Trimmed
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery, ResponseModel, without_empty_fields
from shared.reports.access import require_event
from shared.states import OrderStatus

# Each is one look-up by an index but for the names: those are read of all orders of the event.
_MATCHES = """
    FROM orders o JOIN users u ON u.id = o.user_id  -- Uses index: orders_event
    WHERE o.event_id = :event_id AND (CAST(:status AS text) IS NULL OR o.status = :status)
      AND (CAST(:words AS text) IS NULL
        OR CAST(o.id AS text) LIKE :beginning
        OR u.full_name ILIKE :anywhere OR u.email LIKE lower(:anywhere)
        OR EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id
            AND :words IN (p.gateway_reference, p.external_id, p.transaction_id, p.va_number))
        OR EXISTS (SELECT 1 FROM order_items i WHERE i.order_id = o.id
            AND (i.attendee_name ILIKE :anywhere OR i.attendee_email ILIKE :anywhere)))
"""
_SEARCH = text(f"""
    SELECT o.id, o.status, o.total_amount, o.created_at, o.paid_at, u.full_name AS buyer_name, u.email AS buyer_email,
        (SELECT count(*) FROM order_items i WHERE i.order_id = o.id) AS units
    {_MATCHES} ORDER BY o.created_at DESC, o.id LIMIT :page_size OFFSET :offset
""")
_COUNT = text(f"SELECT count(*) {_MATCHES}")


class OrderSearch(PageQuery):
    """A page of an event's orders: all of them, or those in a state, or those that match the words."""

    q: Annotated[str | None, Trimmed, StringConstraints(max_length=200)] = Field(
        default=None, description="Part of a name or an e-mail address; the beginning of an order's id; or all of a "
        "gateway's reference, a payment's external id or a virtual account number.",
    )  # fmt: skip
    status: OrderStatus | None = None

    _without_empty_fields = model_validator(mode="before")(without_empty_fields)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of the statements."""
        literal = (self.q or "").replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return {
            "status": self.status,
            "words": self.q,
            "beginning": f"{literal.lower()}%",
            "anywhere": f"%{literal}%",
        }


class FoundOrder(ResponseModel):
    """An order in the list. `total_amount` in rupiah; `units` is how many tickets and goods it holds."""

    id: UUID
    status: OrderStatus
    total_amount: int
    created_at: datetime
    paid_at: datetime | None
    buyer_name: str
    buyer_email: str
    units: int


def search(tx: Transaction, caller: Principal, event_id: UUID, wanted: OrderSearch) -> Listing[FoundOrder]:
    """The orders of an event, newest first, for its organizer or an admin; the look is audited. Raises NotFound."""
    event = require_event(tx, caller, event_id, subject="orders", of_people=True)
    values = {"event_id": event.id, **wanted.values}
    rows = tx.execute(_SEARCH, {**values, "page_size": wanted.page_size, "offset": wanted.offset}).mappings()
    return Listing[FoundOrder].of(wanted, [FoundOrder(**row) for row in rows], tx.execute(_COUNT, values).scalar_one())
