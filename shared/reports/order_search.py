"""An event's orders, found by what an organizer knows of one: a name, an address, a number of ours or a gateway's."""

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.field_types import Trimmed
from shared.gateways.names import SQL_LIST
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery, ResponseModel, without_empty_fields
from shared.reports import patterns, periods
from shared.reports.access import require_event
from shared.states import OrderStatus

_SHOWN = """
    o.id, o.status, o.total_amount, o.created_at, o.paid_at, u.full_name AS buyer_name, u.email AS buyer_email,
    (SELECT count(*) FROM order_items i WHERE i.order_id = o.id) AS units
"""
_PAGE = text(f"""
    SELECT {_SHOWN} FROM (
        SELECT listed.id FROM unnest(CAST(:statuses AS text[])) AS wanted (status), LATERAL (
            SELECT id, created_at FROM orders  -- Uses index: orders_event_created
            WHERE event_id = :event_id AND status = wanted.status
            ORDER BY created_at DESC, id DESC LIMIT CAST(:page_size AS bigint) + CAST(:offset AS bigint)
        ) AS listed ORDER BY listed.created_at DESC, listed.id DESC LIMIT :page_size OFFSET :offset
    ) AS page JOIN orders o ON o.id = page.id JOIN users u ON u.id = o.user_id
    ORDER BY o.created_at DESC, o.id DESC
""")
_COUNT = text("""
    SELECT count(*) FROM orders  -- Uses index: orders_event_created
    WHERE event_id = :event_id AND status = ANY(CAST(:statuses AS text[]))
""")
# Numbers are looked up in an index; names and addresses are read of all orders of the event, once for page and count.
_SEARCH = text(f"""
    WITH matching AS (
        SELECT id FROM orders
        WHERE event_id = :event_id AND id BETWEEN CAST(:lowest AS uuid) AND CAST(:highest AS uuid)
        UNION ALL SELECT order_id FROM payments WHERE external_id = :words  -- Uses index: payments_external_id
        UNION ALL SELECT order_id FROM payments WHERE va_number = :words  -- Uses index: payments_va_number
        UNION ALL SELECT order_id FROM payments WHERE transaction_id = :words  -- Uses index: payments_transaction_id
        UNION ALL SELECT order_id FROM payments  -- Uses index: payments_gateway_reference
        WHERE gateway IN ({SQL_LIST}) AND gateway_reference = :words
        UNION ALL SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id  -- Uses index: orders_event_created
        WHERE o.event_id = :event_id AND (u.full_name ILIKE :anywhere OR u.email LIKE lower(:anywhere))
        UNION ALL SELECT i.order_id  -- Uses index: order_items_tier
        FROM ticket_tiers t JOIN order_items i ON i.tier_id = t.id
        WHERE t.event_id = :event_id AND (i.attendee_name ILIKE :anywhere OR i.attendee_email ILIKE :anywhere)
    ), found AS MATERIALIZED (
        SELECT o.id, o.created_at FROM orders o JOIN (SELECT DISTINCT id FROM matching) AS m ON m.id = o.id
        WHERE o.event_id = :event_id AND o.status = ANY(CAST(:statuses AS text[]))
    )
    SELECT counted.total, shown.* FROM (SELECT count(*) AS total FROM found) AS counted LEFT JOIN (
        SELECT {_SHOWN} FROM (SELECT id FROM found ORDER BY created_at DESC, id DESC LIMIT :page_size OFFSET :offset)
            AS page JOIN orders o ON o.id = page.id JOIN users u ON u.id = o.user_id
    ) AS shown ON true ORDER BY shown.created_at DESC, shown.id DESC
""")
_BEGINNING = re.compile(r"[0-9a-f]{1,8}(-[0-9a-f]{0,4}){0,3}(-[0-9a-f]{0,12})?")
"""Words that may be the beginning of an order's id."""


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
        lowest, highest = self._ids
        return {
            "statuses": [self.status] if self.status else list(OrderStatus),
            "page_size": self.page_size,
            "offset": self.offset,
            "words": self.q,
            "anywhere": patterns.anywhere(self.q),
            "lowest": lowest,
            "highest": highest,
        }

    @property
    def _ids(self) -> tuple[UUID | None, UUID | None]:
        """The first and the last id that begin with the words."""
        words = (self.q or "").lower()
        digits = words.replace("-", "")
        if len(digits) > 32 or not _BEGINNING.fullmatch(words):
            return None, None
        return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


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
    values = {**wanted.values, "event_id": event.id}
    if wanted.q:
        periods.plan_for_these_values(tx)
        found = tx.execute(_SEARCH, values).mappings().all()
        orders = [FoundOrder(**row) for row in found if row["id"]]
        return Listing[FoundOrder].of(wanted, orders, found[0]["total"])
    orders = [FoundOrder(**row) for row in tx.execute(_PAGE, values).mappings()]
    return Listing[FoundOrder].of(wanted, orders, tx.execute(_COUNT, values).scalar_one())
