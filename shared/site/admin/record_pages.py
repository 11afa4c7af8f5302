"""The records of an order, a payment, a person and an event. Each access is audited."""

from uuid import UUID

from shared.admin import event_record, order_record, payment_record, user_record
from shared.cloud.database import snapshot
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.site import rendering
from shared.site.admin.statistics_pages import account_names
from shared.web import AdminOfDesk, App
from shared.web.pages import Page, PageRequest

pages = App("site")


@pages.page("/admin/orders/{order_id}")
def order(request: PageRequest, order_id: UUID, admin: AdminOfDesk) -> Page:
    """An order's whole record, in one timeline."""
    with snapshot() as tx:
        record = order_record.read(tx, admin, order_id)
    return _with_accounts("admin/order.html", request, admin, record)


@pages.page("/admin/payments/{payment_id}")
def payment(request: PageRequest, payment_id: UUID, admin: AdminOfDesk) -> Page:
    """A payment: what its gateway told, and what was booked."""
    with snapshot() as tx:
        record = payment_record.read(tx, admin, payment_id)
    return _with_accounts("admin/payment.html", request, admin, record)


@pages.page("/admin/users/{user_id}")
def user(request: PageRequest, user_id: UUID, admin: AdminOfDesk) -> Page:
    """A person: account, sessions, orders, events, money."""
    with snapshot() as tx:
        record = user_record.read(tx, admin, user_id)
    return rendering.form_page("admin/user.html", request, viewer=admin, record=record)


@pages.page("/admin/events/{event_id}")
def event(request: PageRequest, event_id: UUID, admin: AdminOfDesk) -> Page:
    """An event: sales, payouts, cancellation, gate staff."""
    with snapshot() as tx:
        record = event_record.read(tx, admin, event_id)
    return _with_accounts("admin/event.html", request, admin, record)


def _with_accounts(template: str, request: PageRequest, admin: Principal, record: ResponseModel) -> Page:
    """The page of a record with postings, whose accounts are told by their names."""
    return rendering.form_page(template, request, viewer=admin, record=record, accounts=account_names(request.language))
