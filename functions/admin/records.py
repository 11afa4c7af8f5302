"""The overview, search, and an order's record."""

from uuid import UUID

from shared.admin import order_record, overview, search
from shared.admin.order_record import OrderRecord
from shared.admin.overview import Overview
from shared.admin.search import AdminSearch, SearchResult
from shared.problems import NotFound
from shared.web import Admin, App, Transaction

routes = App("admin")


@routes.get("/admin/overview")
def read_overview(admin: Admin, tx: Transaction) -> Overview:
    """All current findings, the worst first, each with its remedy, and the checks that found nothing."""
    return overview.read(tx, admin)


@routes.get("/admin/search")
def find(wanted: AdminSearch, admin: Admin, tx: Transaction) -> SearchResult:
    """Search people, events, orders, payments, refunds, payouts and transfers."""
    return search.search(tx, admin, wanted)


@routes.get("/admin/orders/{order_id}", problems=(NotFound,))
def read_order_record(order_id: UUID, admin: Admin, tx: Transaction) -> OrderRecord:
    """The full record of an order: its money on every account, and all that happened to it, in one timeline."""
    return order_record.read(tx, admin, order_id)
