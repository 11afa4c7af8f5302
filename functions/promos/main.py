"""Promo codes of organizers and of the platform (TS-006)."""

from uuid import UUID

from shared.catalog import promo_codes
from shared.catalog.editing import EventCancelled
from shared.catalog.promo_codes import CodeTaken, NewPromo, PromoChange, PromoResponse, PromoSearch, UsedMoreOften
from shared.identity.principals import FreshProofRequired
from shared.models import Listing
from shared.problems import NotFound
from shared.web import App, Organizer, Transaction

app = App("promos")


@app.post("/promos", status=201, problems=(NotFound, CodeTaken, EventCancelled, FreshProofRequired))
def create(new: NewPromo, organizer: Organizer, tx: Transaction) -> PromoResponse:
    """Create a promo code for one of your events or for all. Admins may for any, also at the platform's cost."""
    return promo_codes.create(tx, organizer, new)


@app.get("/promos")
def list_own(wanted: PromoSearch, organizer: Organizer, tx: Transaction) -> Listing[PromoResponse]:
    """Your promo codes, newest first."""
    return promo_codes.list_page(tx, organizer, wanted)


@app.get("/promos/{promo_id}", problems=(NotFound,))
def show(promo_id: UUID, organizer: Organizer, tx: Transaction) -> PromoResponse:
    """One promo code with its usage."""
    return promo_codes.read(tx, organizer, promo_id)


@app.put("/promos/{promo_id}", problems=(NotFound, UsedMoreOften, FreshProofRequired))
def change(promo_id: UUID, wanted: PromoChange, organizer: Organizer, tx: Transaction) -> PromoResponse:
    """Change the terms of a promo code, or deactivate it."""
    return promo_codes.change(tx, organizer, promo_id, wanted)


main = app.entry_point()
