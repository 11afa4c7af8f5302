"""BIB numbers are 1 to N in each category, however many workers issue and die (REG-2)."""

import io
import subprocess
import sys

import pypdfium2
import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.models import PageQuery
from shared.problems import NotFound
from shared.sales import orders
from shared.sales.schemas import OrderResponse
from shared.tickets import bibs, issuing, participants, voiding
from tests.conftest import EXPLORES
from tests.factories import a_tier, a_user, an_event, an_order
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

ORDERS = 800 if EXPLORES else 80

DYING = """
import sys
from uuid import UUID

from shared.cloud.database import transaction
from shared.sales import orders
from shared.tickets import bibs

with transaction() as tx:
    order = orders.lock(tx, UUID(sys.argv[1]))
    print("given", bibs.assign_missing(tx, order.id), flush=True)
    sys.stdin.read()
"""
"""A worker that gives numbers, and then waits for its end before the commit."""


def race(*names, quota=500):
    with transaction() as tx:
        tiers = [a_tier(kind="registration", name=name, quota=quota) for name in names or ("10K",)]
        return an_event(tx, tiers=tiers)


def numbers(tier_id):
    with transaction() as tx:
        given = text("SELECT number FROM bib_numbers WHERE tier_id = :id ORDER BY number")
        return tx.execute(given, {"id": tier_id}).scalars().all()


def give(order):
    """The part of issuing that gives the numbers, as a worker does it."""
    with transaction() as tx:
        orders.lock(tx, order.id)
        return bibs.assign_missing(tx, order.id)


@pytest.mark.slow("a crowd in threads")
def test_many_orders_and_eight_workers():
    event = race(quota=ORDERS * 2)
    paid = [an_order(event, quantities=[1 + n % 2], paid=True) for n in range(ORDERS)]

    def work(share):
        return sum(give(order) for order in share)

    shares = [paid[worker::4] for worker in range(4)] * 2  # each order is issued by two
    assert sum(at_the_same_time([lambda share=share: work(share) for share in shares])) == ORDERS * 3 // 2
    assert numbers(event.tier_ids[0]) == list(range(1, ORDERS * 3 // 2 + 1))


def test_a_worker_that_dies_leaves_no_gap():
    event = race()
    first, dying, last = (an_order(event, quantities=[2], paid=True) for _ in range(3))
    give(first)
    with subprocess.Popen(
        [sys.executable, "-c", DYING, str(dying.id)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout.readline() == "given 2\n"
        worker.kill()
    give(last)
    give(dying)
    assert numbers(event.tier_ids[0]) == [1, 2, 3, 4, 5, 6]


def test_each_category_counts_for_itself():
    event = race("5K", "10K")
    order = an_order(event, quantities=[2, 3], paid=True)
    give(order)
    with transaction() as tx:
        seen = [item.bib_number for item in OrderResponse.read(tx, order.id).items]
    assert seen == [1, 2, 1, 2, 3]


def test_guests_of_a_concert_have_none():
    order = an_order(paid=True)
    assert give(order) == 0


def test_a_refunded_number_is_not_given_again():
    event = race()
    order = an_order(event, paid=True)
    issuing.issue(order.id)
    with transaction() as tx:
        orders.mark_refunded(tx, orders.lock(tx, order.id))
        voiding.void(tx, order.id)
    issuing.issue(an_order(event, paid=True).id)
    assert numbers(event.tier_ids[0]) == [1, 2]


def test_the_number_is_on_the_paper_and_in_the_lists(files):
    event = race("Maraton")
    order = an_order(event, paid=True)
    issuing.issue(order.id)
    [content] = files.files.values()
    paper = pypdfium2.PdfDocument(io.BytesIO(content))[0].get_textpage().get_text_bounded()
    assert "NOMOR BIB" in paper
    with transaction() as tx:
        answer = OrderResponse.read(tx, order.id)
        organizer = a_user(tx, role="organizer", organizer_id=None)
        owner = type(organizer)(event.organizer_id, "organizer", event.organizer_id)
        listed = participants.list_page(tx, owner, event.id, PageQuery())
        with pytest.raises(NotFound):
            participants.list_page(tx, organizer, event.id, PageQuery())
    assert (answer.items[0].bib_number, answer.tickets[0].bib_number) == (1, 1)
    [participant] = listed.items
    assert (participant.bib_number, participant.tier_name, participant.ticket_status) == (1, "Maraton", "issued")
    assert participant.identity_number == answer.items[0].identity_number
