"""A paid order gets exactly one ticket per seat, whatever crashes and however often it is asked for (TS-014)."""

import time
from unittest import mock

import pypdfium2
import pytest
import zxingcpp
from google.api_core.exceptions import ServiceUnavailable
from sqlalchemy import text

from shared.cloud.clients import make_engine
from shared.cloud.database import transaction
from shared.problems import NotFound
from shared.sales import orders
from shared.tickets import issuing, qr, voiding
from tests.factories import a_tier, a_user, add_tickets, an_event, an_order
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def tickets_of(order):
    return rows(
        "SELECT t.* FROM tickets t JOIN order_items i ON i.id = t.order_item_id WHERE t.order_id = :id"
        " ORDER BY i.position",
        id=order.id,
    )


def said(order):
    """The number of announcements of this order's tickets."""
    return len(
        rows("SELECT 1 FROM outbox WHERE topic = 'ticket.created' AND payload ->> 'order_id' = :id", id=str(order.id))
    )


def refund(order):
    with transaction() as tx:
        orders.mark_refunded(tx, orders.lock(tx, order.id))
        voiding.void(tx, order.id)


def test_a_paid_order_gets_one_ticket_per_seat_each_with_its_pdf(files):
    order = an_order(quantities=[3], paid=True)
    assert issuing.issue(order.id) == 3
    tickets = tickets_of(order)
    assert [ticket.order_item_id for ticket in tickets] == [item.id for item in order.items]
    assert {ticket.status for ticket in tickets} == {"issued"}
    assert said(order) == 1
    for ticket, item in zip(tickets, order.items, strict=True):
        page = pypdfium2.PdfDocument(files.files[ticket.pdf_object])[0]
        assert item.attendee_name in page.get_textpage().get_text_bounded()
    [marked] = rows("SELECT tickets_issued_at FROM orders WHERE id = :id", id=order.id)
    assert marked.tickets_issued_at is not None


def test_a_pdf_is_stored_under_a_name_that_the_tickets_number_does_not_tell(files):
    order = an_order(paid=True)
    issuing.issue(order.id)
    [ticket] = tickets_of(order)
    known, _, unguessable = ticket.pdf_object.removesuffix(".pdf").rpartition("-")
    assert known == f"{order.event_id}/{ticket.id}"
    assert len(unguessable) == 32


def test_asked_again_it_adds_nothing_and_says_nothing(files):
    order = an_order(quantities=[2], paid=True)
    issuing.issue(order.id)
    before = tickets_of(order)
    assert issuing.issue(order.id) == 0
    assert tickets_of(order) == before
    assert files.uploads == 2
    assert said(order) == 1


def test_asked_by_many_at_once_it_issues_once(files):
    order = an_order(quantities=[3], paid=True)
    added = at_the_same_time([lambda: issuing.issue(order.id)] * 4)
    assert sum(added) == 3
    assert len(tickets_of(order)) == 3
    assert len(files.files) == 3
    assert said(order) == 1


@pytest.mark.parametrize("uploads_before", [0, 1, 2])
def test_a_storage_that_goes_away_half_way_is_made_good_by_the_next_try(files, uploads_before):
    order = an_order(quantities=[3], paid=True)
    files.breaks_after = uploads_before
    with pytest.raises(ServiceUnavailable):
        issuing.issue(order.id)
    assert said(order) == 0
    assert rows("SELECT 1 FROM orders WHERE id = :id AND tickets_issued_at IS NULL", id=order.id)

    files.breaks_after = None
    issuing.issue(order.id)

    assert {ticket.pdf_object for ticket in tickets_of(order)} == set(files.files)
    assert said(order) == 1


def test_what_was_printed_is_noted_at_once_and_never_begun_again(files):
    order = an_order(quantities=[5], paid=True)
    files.breaks_after = 3
    with pytest.raises(ServiceUnavailable):
        issuing.issue(order.id)
    assert [bool(ticket.pdf_object) for ticket in tickets_of(order)] == [True] * 3 + [False] * 2

    files.breaks_after, files.tries = None, 0
    issuing.issue(order.id)
    assert files.tries == 2
    assert said(order) == 1


def an_order_of_more_than_a_batch():
    count = issuing.BATCH_SIZE + 3
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=count, max_per_order=count)])
    return an_order(event, quantities=[count], paid=True)


def test_ten_tickets_of_an_order_take_the_two_transactions_that_one_takes(files):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=11, max_per_order=10)])
    for count in (1, issuing.BATCH_SIZE):
        order = an_order(event, quantities=[count], paid=True)
        with mock.patch.object(issuing, "transaction", side_effect=transaction) as opened:
            assert issuing.issue(order.id) == count
        assert opened.call_count == 2


def test_a_storage_that_goes_away_in_the_second_batch_costs_nothing_of_the_first(files):
    order = an_order_of_more_than_a_batch()
    files.breaks_after = issuing.BATCH_SIZE + 1
    with pytest.raises(ServiceUnavailable):
        issuing.issue(order.id)
    assert sum(bool(ticket.pdf_object) for ticket in tickets_of(order)) == issuing.BATCH_SIZE + 1

    files.breaks_after, files.tries = None, 0
    issuing.issue(order.id)
    assert (files.tries, said(order)) == (2, 1)


def test_deliveries_that_share_an_order_of_several_batches_render_each_ticket_once(files):
    order = an_order_of_more_than_a_batch()
    at_the_same_time([lambda: issuing.issue(order.id)] * 3)
    assert files.tries == len(files.files) == len(tickets_of(order))
    assert said(order) == 1


def test_deliveries_of_the_same_order_share_its_tickets(files):
    order = an_order(quantities=[5], paid=True)
    at_the_same_time([lambda: issuing.issue(order.id)] * 4)
    assert files.tries == len(files.files) == 5
    assert said(order) == 1


def test_a_delivery_that_runs_out_of_time_is_followed_by_a_first_one(files):
    order = an_order(quantities=[3], paid=True)
    for _ in range(3):
        issuing.issue(order.id, rendering_seconds=0)
    assert (files.tries, said(order)) == (3, 1)
    handed_on = "SELECT 1 FROM outbox WHERE topic = 'payment.success' AND payload ->> 'order_id' = :id"
    assert len(rows(handed_on, id=str(order.id))) == 2


@pytest.mark.slow("a hundred PDFs")
def test_an_order_of_a_hundred_with_the_longest_terms_is_done_by_one_delivery(files):
    terms = ("Syarat dan ketentuan yang panjang sekali bagi pengunjung. " * 345)[:20_000]
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=100, max_per_order=100)], terms=terms)
    order = an_order(event, quantities=[100], paid=True)
    begun = time.process_time()
    issuing.issue(order.id)
    assert time.process_time() - begun < issuing.RENDERING_SECONDS / 2
    assert (files.tries, said(order)) == (100, 1)


def test_what_a_dead_delivery_had_leased_is_rendered_once_its_lease_has_run_out(files):
    order = an_order(quantities=[2], paid=True)
    add_tickets(order.id)
    with transaction() as tx:  # as if the process had died here
        leased = issuing.lease(tx, order.id)
    assert len(leased) == 2
    with transaction() as tx:
        tx.execute(text("UPDATE tickets SET print_claimed_until = now() WHERE order_id = :id"), {"id": order.id})
    issuing.issue(order.id)
    assert len(files.files) == 2


def test_an_order_that_is_refunded_meanwhile_is_not_printed_further(files):
    order = an_order(quantities=[2], paid=True)
    issuing.issue(order.id, rendering_seconds=0)
    refund(order)
    issuing.issue(order.id)
    assert (files.tries, said(order)) == (1, 0)


def test_a_crash_after_the_storing_leaves_no_second_file(files):
    order = an_order(quantities=[2], paid=True)
    issuing.issue(order.id)
    with transaction() as tx:  # as if the process had died before the last transaction
        tx.execute(text("UPDATE tickets SET pdf_object = NULL WHERE order_id = :id"), {"id": order.id})
        tx.execute(text("UPDATE orders SET tickets_issued_at = NULL WHERE id = :id"), {"id": order.id})
    assert issuing.issue(order.id) == 0
    assert {ticket.pdf_object for ticket in tickets_of(order)} == set(files.files)
    assert len(files.files) == 2


def test_only_what_is_missing_is_added():
    order = an_order(quantities=[3], paid=True)
    issuing.issue(order.id)
    kept = tickets_of(order)
    owner = make_engine()  # the product itself may not
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM tickets WHERE id = :id"), {"id": kept[1].id})
    owner.dispose()
    assert issuing.issue(order.id) == 1
    now = tickets_of(order)
    assert (now[0], now[2]) == (kept[0], kept[2])
    assert now[1].id != kept[1].id


def test_products_get_no_ticket_and_their_order_is_done(files):  # PROD-1
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind="product", name="Kaus")])
    order = an_order(event, paid=True)
    assert issuing.issue(order.id) == 0
    assert files.files == {}
    assert said(order) == 1  # for the mail with the pickup code
    assert rows("SELECT 1 FROM orders WHERE id = :id AND tickets_issued_at IS NOT NULL", id=order.id)


def test_runners_get_tickets_as_guests_do():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind="registration"), a_tier(kind="product"), a_tier()])
    order = an_order(event, quantities=[1, 1, 1], paid=True)
    assert issuing.issue(order.id) == 2


def test_an_unpaid_order_gets_nothing(files):
    order = an_order()
    assert issuing.issue(order.id) == 0
    assert tickets_of(order) == []
    assert said(order) == 0


def test_a_refund_voids_the_tickets_and_none_come_back():
    order = an_order(quantities=[2], paid=True)
    issuing.issue(order.id)
    refund(order)
    assert {ticket.status for ticket in tickets_of(order)} == {"void"}
    assert issuing.issue(order.id) == 0
    assert {ticket.status for ticket in tickets_of(order)} == {"void"}


def test_an_unknown_order_is_an_error():
    with pytest.raises(NotFound):
        issuing.issue(an_order().event_id)


def test_an_attendee_without_a_name_enters_by_the_buyers():
    with transaction() as tx:
        buyer = a_user(tx, full_name="Pembeli Setia")
    order = an_order(buyer=buyer, paid=True)
    with transaction() as tx:
        tx.execute(text("UPDATE order_items SET attendee_name = NULL WHERE order_id = :id"), {"id": order.id})
    issuing.issue(order.id)
    [ticket] = tickets_of(order)
    assert ticket.pdf_object


def test_giving_up_opens_one_task_and_has_the_buyer_told(caplog):  # PS-023
    order = an_order(paid=True)
    for _ in range(2):
        with transaction() as tx:
            assert issuing.give_up(tx, order.id, ServiceUnavailable("down"))
    [task] = rows("SELECT * FROM manual_tasks WHERE subject_id = :id", id=str(order.id))
    assert (task.kind, task.subject) == ("ticket_issue_failed", "order")
    assert "ticket.issue_failed" in caplog.messages


def test_the_task_closes_itself_when_the_tickets_are_there_after_all():
    order = an_order(paid=True)
    with transaction() as tx:
        issuing.give_up(tx, order.id, ServiceUnavailable("down"))
    issuing.issue(order.id)
    [task] = rows("SELECT * FROM manual_tasks WHERE subject_id = :id", id=str(order.id))
    assert task.done_at is not None
    assert task.done_by is None


def test_nobody_is_told_of_a_delay_that_is_over():
    issued, refunded = an_order(paid=True), an_order(paid=True)
    issuing.issue(issued.id)
    refund(refunded)
    for order in (issued, refunded):
        with transaction() as tx:
            assert not issuing.give_up(tx, order.id, ServiceUnavailable("down"))
    assert rows("SELECT 1 FROM manual_tasks WHERE subject_id IN (:a, :b)", a=str(issued.id), b=str(refunded.id)) == []


def test_the_code_on_the_paper_is_that_of_the_ticket(files):
    order = an_order(paid=True)
    issuing.issue(order.id)
    [ticket] = tickets_of(order)
    picture = pypdfium2.PdfDocument(files.files[ticket.pdf_object])[0].render(scale=2).to_pil()
    [code] = zxingcpp.read_barcodes(picture)
    read = qr.read(code.text)
    assert read is not None
    assert (read.ticket_id, read.event_id, read.attendee_name) == (ticket.id, order.event_id, "Peserta 1")
