"""A buyer's orders (ISO-1)."""

from uuid import UUID

from shared.models import Listing, Page
from shared.problems import NotFound
from shared.sales import answers
from shared.sales import orders as lives
from shared.sales.answers import OrderAnswer
from shared.sales.orders import NotCancellable
from shared.web import App, Buyer, SignedIn, Transaction

app = App("orders")


@app.get("/orders/my-orders")
def my_orders(page: Page, buyer: Buyer, tx: Transaction) -> Listing[OrderAnswer]:
    """The caller's orders, newest first."""
    return answers.own(tx, buyer.id, page)


@app.get("/orders/{order_id}", problems=(NotFound,))
def order(order_id: UUID, viewer: SignedIn) -> OrderAnswer:
    """One order, for its buyer, its organizer or an admin."""
    return answers.shown(order_id, viewer)


@app.post("/orders/{order_id}/cancel", problems=(NotFound, NotCancellable))
def cancel(order_id: UUID, buyer: Buyer, tx: Transaction) -> OrderAnswer:
    """Give up an order that isn't paid; its tickets are free again at once."""
    lives.cancel(tx, lives.lock_own(tx, order_id, buyer.id))
    return OrderAnswer.read(tx, order_id)


main = app.entry_point()
