"""A ticket can be downloaded again and again, by those it belongs to (TS-019, TS-020)."""

from uuid import uuid4

import pypdfium2
import pytest
from sqlalchemy import text

from shared.cloud import object_deletion
from shared.cloud.database import transaction
from shared.problems import NotFound
from shared.tickets import issuing, ticket_rendering, voiding
from tests.factories import a_user, an_event, an_order

pytestmark = pytest.mark.usefixtures("database")


class Sale:
    """A paid order of one ticket, and everybody around it."""

    def __init__(self):
        with transaction() as tx:
            self.owner, self.stranger, self.admin = a_user(tx), a_user(tx), a_user(tx, role="admin")
            self.organizer, self.other_organizer = a_user(tx, role="organizer"), a_user(tx, role="organizer")
            self.staff = a_user(tx, role="staff", organizer_id=self.organizer.id)
            event = an_event(tx, organizer_id=self.organizer.id)
            self.venue = tx.execute(text("SELECT venue FROM events WHERE id = :id"), {"id": event.id}).scalar_one()
        self.order_id = an_order(event, buyer=self.owner, paid=True).id
        issuing.issue(self.order_id)

    @property
    def ticket(self):
        """Its row now."""
        with transaction() as tx:
            return tx.execute(text("SELECT * FROM tickets WHERE order_id = :id"), {"id": self.order_id}).one()


@pytest.fixture
def sale(files):
    return Sale()


@pytest.mark.parametrize("who", ["owner", "organizer", "admin"])
def test_owner_organizer_and_admin_get_the_stored_pdf(sale, files, who):
    for _ in range(2):
        found = ticket_rendering.ticket_file(sale.ticket.id, getattr(sale, who))
        assert found.content == files.files[sale.ticket.pdf_object]
        assert found.filename == f"tiket-{sale.ticket.id}.pdf"
    assert files.uploads == 1


@pytest.mark.parametrize("who", ["stranger", "other_organizer", "staff"])
def test_for_anybody_else_it_is_not_there(sale, who):
    with pytest.raises(NotFound):
        ticket_rendering.ticket_file(sale.ticket.id, getattr(sale, who))


def test_an_unknown_ticket_is_not_there(sale):
    with pytest.raises(NotFound):
        ticket_rendering.ticket_file(uuid4(), sale.admin)


def test_a_pdf_that_was_never_stored_is_printed_on_demand_and_kept(sale, files):
    before = files.files.copy()
    files.files.clear()
    with transaction() as tx:
        tx.execute(text("UPDATE tickets SET pdf_object = NULL WHERE order_id = :id"), {"id": sale.order_id})
    assert ticket_rendering.ticket_file(sale.ticket.id, sale.owner).content in before.values()
    assert files.files == before
    assert sale.ticket.pdf_object in before


def test_a_pdf_that_was_lost_is_printed_again(sale, files):
    before = files.files.copy()
    files.files.clear()
    assert ticket_rendering.ticket_file(sale.ticket.id, sale.owner).content in before.values()
    assert files.files == before


CHANGES = {
    "date": "UPDATE events SET start_date = start_date + interval '1 hour' WHERE id = :event_id",
    "zone": "UPDATE events SET timezone = 'Asia/Jayapura' WHERE id = :event_id",
    "venue": "UPDATE events SET venue = 'Gedung Baru' WHERE id = :event_id",
    "place": "UPDATE events SET location = 'Bandung' WHERE id = :event_id",
    "title": "UPDATE events SET title = 'Konser Fajar' WHERE id = :event_id",
    "terms": "UPDATE events SET terms = 'Baru' WHERE id = :event_id",
    "tier": "UPDATE ticket_tiers SET name = 'Tribune' WHERE event_id = :event_id",
    "holder": "UPDATE order_items SET attendee_name = 'Nama Baru' WHERE order_id = :order_id",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_ticket_that_says_what_is_no_longer_true_is_printed_anew(sale, files, change):
    before = ticket_rendering.ticket_file(sale.ticket.id, sale.owner).content
    old_name = sale.ticket.pdf_object
    with transaction() as tx:
        tx.execute(text(change), {"event_id": sale.ticket.event_id, "order_id": sale.order_id})
    after = ticket_rendering.ticket_file(sale.ticket.id, sale.owner).content
    assert after != before
    assert sale.ticket.pdf_object != old_name
    assert files.files[sale.ticket.pdf_object] == after

    assert ticket_rendering.ticket_file(sale.ticket.id, sale.owner).content == after
    assert files.tries == 2, "nothing has changed since"
    object_deletion.sweep()
    assert list(files.files) == [sale.ticket.pdf_object], "the old file is gone"


@pytest.mark.parametrize(("email", "printed"), [("budi.s@example.com", "budi.s"), (None, "Peserta 1")])
def test_an_attendee_whose_name_is_all_emoji_is_called_otherwise(sale, email, printed):
    with transaction() as tx:
        names = {"id": sale.order_id, "email": email}
        tx.execute(
            text("UPDATE order_items SET attendee_name = '🎉', attendee_email = :email WHERE order_id = :id"), names
        )
    content = ticket_rendering.ticket_file(sale.ticket.id, sale.owner).content
    assert printed in pypdfium2.PdfDocument(content)[0].get_textpage().get_text_bounded()


def test_a_change_that_is_taken_back_leads_to_a_file_that_no_sweep_deletes(sale, files):
    for venue in ("Gedung Baru", sale.venue):
        with transaction() as tx:
            tx.execute(text("UPDATE events SET venue = :v WHERE id = :id"), {"v": venue, "id": sale.ticket.event_id})
        ticket_rendering.ticket_file(sale.ticket.id, sale.owner)
    with transaction() as tx:
        tx.execute(text("UPDATE stale_objects SET created_at = created_at - interval '2 hours'"))
    object_deletion.sweep()
    assert list(files.files) == [sale.ticket.pdf_object]


def test_a_print_that_comes_too_late_leaves_no_file(sale, files):
    late = ticket_rendering.RenderedTicket(
        sale.ticket.id, f"{sale.ticket.event_id}/{sale.ticket.id}-late.pdf", replaces="another"
    )
    files.files[late.pdf_object] = b"printed from what was true before"
    with transaction() as tx:
        ticket_rendering.record_rendered(tx, [late])
    object_deletion.sweep()
    assert list(files.files) == [sale.ticket.pdf_object]


def test_a_void_ticket_is_refused_in_words(sale):
    with transaction() as tx:
        voiding.void(tx, sale.order_id)
    with pytest.raises(ticket_rendering.TicketVoid, match="refunded"):
        ticket_rendering.ticket_file(sale.ticket.id, sale.owner)
    with pytest.raises(NotFound):
        ticket_rendering.ticket_file(sale.ticket.id, sale.stranger)


def test_a_ticket_is_rendered_anew_once_its_event_allows_to_come_back(sale, files):
    first = ticket_rendering.ticket_file(sale.ticket.id, sale.owner).content
    with transaction() as tx:
        tx.execute(text("UPDATE events SET allows_reentry = true WHERE organizer_id = :id"), {"id": sale.organizer.id})
    assert ticket_rendering.ticket_file(sale.ticket.id, sale.owner).content != first
    assert files.uploads == 2
