"""The life of an event before somebody looks at its report."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from shared.reports import daily_figures
from shared.reports.daily_figures import DailyFigures
from shared.sales.schemas import OrderResponse
from tests.endpoints import call
from tests.factories import Event


def organizer_of(event: Event) -> Principal:
    return Principal(event.organizer_id, "organizer", event.organizer_id)


def give_back(order: OrderResponse, buyer: Principal, by: Principal, tickets: int | None = None) -> None:
    """The first tickets of an order go back, or all of it."""
    ids = [ticket.id for ticket in order.tickets][:tickets] if tickets else None
    with transaction() as tx:
        wanted = RefundRequest(order_id=order.id, ticket_ids=ids, reason="Sakit")
        refund = refund_requests.request(tx, buyer.id, wanted)
        approval.approve(tx, by, refund.id)


def paid_at(order_id: UUID, moment: datetime) -> None:
    """Let an order have been made and paid at that moment."""
    with transaction() as tx:
        moved = text("UPDATE orders SET paid_at = :moment, created_at = :moment WHERE id = :id RETURNING event_id")
        event_id = tx.execute(moved, {"moment": moment, "id": order_id}).scalar_one()
    daily_figures.recount(event_id)  # the product never moves an order to another day


def summed(found: DailyFigures) -> dict[tuple[Any, ...], int]:
    """The figures that aren't zero, by what they are of."""
    sums: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in (*found.sales, *found.payments):
        keys = tuple(value for name, value in row.items() if name in ("day", "tier_id", "status", "method", "gateway"))
        for name, value in row.items():
            if isinstance(value, int):
                sums[(*keys, name)] += value
    return {key: value for key, value in sums.items() if value}


def sales(event: Event, *, by: Principal | None = None, **query: Any) -> dict[str, Any]:
    """The sales report, as its organizer sees it unless told otherwise."""
    path = f"/analytics/events/{event.id}/sales"
    answer = call("GET", path, by=by or organizer_of(event), query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    report: dict[str, Any] = answer.get_json()
    return report
