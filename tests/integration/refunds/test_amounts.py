"""Refunds of discounts, registrations, products and digital goods (TS-006, REG-1, REG-2, PROD-1, PROD-2)."""

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import cancellation
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.refunds.requests import AlreadyRequested, RefundRequest
from shared.sales import schemas as sales_schemas
from shared.sales.schemas import OrderResponse
from shared.tickets import pickups
from shared.tickets.pickups import PickupScan
from shared.tickets.voiding import TicketUsed
from tests.factories import Stock, a_promo, a_tier, a_user, add_tickets, an_event, stock, stock_units
from tests.integration.refunds.sales import a_paid_order
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def a_sale(*kinds, quantities=(1,), code=None, **terms):
    """A paid order over one tier of each kind; the event, its organizer, the buyer, the order."""
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind=kind, name=kind, quota=20) for kind in kinds or ("ticket",)])
        buyer = a_user(tx)
        if code:
            a_promo(tx, event, code=code, **terms)
    for tier_id, kind in zip(event.tier_ids, kinds, strict=False):
        if kind == "digital":
            stock_units(tier_id, *(f"{tier_id}-{number}" for number in range(5)))
    order = a_paid_order(event, buyer=buyer, quantities=quantities, promo_code=code)
    return event, Principal(event.organizer_id, "organizer", event.organizer_id), buyer, order


def request_refund(buyer, order, ticket_ids=None):
    with transaction() as tx:
        wanted = RefundRequest(order_id=order.id, ticket_ids=ticket_ids, reason="Sakit")
        return refund_requests.request(tx, buyer.id, wanted)


def approve(organizer, refund):
    with transaction() as tx:
        return approval.approve(tx, organizer, refund.id)


def give_back(organizer, buyer, order, ticket_ids=None):
    return approve(organizer, request_refund(buyer, order, ticket_ids))


def booked(order, *kinds):
    """The sums of the accounts over these postings of an order."""
    with transaction() as tx:
        rows = tx.execute(
            text("""
                SELECT split_part(e.account, ':', 1) AS account, sum(e.amount) AS amount
                FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
                WHERE p.order_id = :id AND p.kind = ANY(:kinds) GROUP BY 1 HAVING sum(e.amount) <> 0
            """),
            {"id": order.id, "kinds": list(kinds)},
        )
        return {row.account: int(row.amount) for row in rows}


@pytest.mark.parametrize("amount", [20_000, 33_333, 100_000])
def test_the_platform_gets_back_what_it_had_added_and_the_buyer_does_not(amount):
    code = f"KARCIS-{amount}"
    _, organizer, buyer, order = a_sale(quantities=(2,), code=code, amount=amount, organizer_id=None, event_id=None)
    refund = give_back(organizer, buyer, order)
    paid = 200_000 - amount
    assert refund.amount == sum(
        item.unit_price - item.discount - (10 * (item.unit_price - item.discount) + 50) // 100 for item in order.items
    )
    both = booked(order, "sale", "refund_owed")
    assert both["refunds_payable"] == -refund.amount
    assert "organizer_payable" not in both  # owed nothing, and owing nothing
    assert both["commission_revenue"] == -20_000
    assert both["promotion_cost"] == amount - (180_000 - refund.amount)
    assert both["promotion_cost"] + both["commission_revenue"] == refund.amount - paid  # what stays is the tenth


def test_a_discount_of_the_organizer_costs_the_platform_nothing():
    _, organizer, buyer, order = a_sale(quantities=(3,), code="ORGANIZER", amount=33_333)
    refund = give_back(organizer, buyer, order)
    both = booked(order, "sale", "refund_owed")
    assert both == {
        "gateway_clearing": order.total_amount,
        "refunds_payable": -refund.amount,
        "commission_revenue": refund.amount - (300_000 - 33_333),
        "platform_fee_revenue": -order.platform_fee,
    }


@pytest.mark.parametrize("funded_by", [{}, {"organizer_id": None}], ids=["organizer", "platform"])
def test_a_cancelled_event_undoes_a_discounted_sale(funded_by):
    code = f"BATAL-{len(funded_by)}"
    event, _, _, order = a_sale(quantities=(2,), code=code, percent=30, **funded_by)
    with transaction() as tx:
        cancellation.cancel_order(tx, order.id)
    left = booked(order, "sale", "refund_owed")
    assert left == {"gateway_clearing": order.total_amount, "refunds_payable": -order.total_amount}
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=20)


def test_one_of_two_runners_goes_back_and_their_number_is_not_given_again():
    event, organizer, buyer, order = a_sale("registration", quantities=(2,))
    give_back(organizer, buyer, order, [order.tickets[0].id])
    with transaction() as tx:
        active = text("SELECT item_id FROM registrations WHERE order_id = :id AND is_active")
        assert tx.execute(active, {"id": order.id}).scalars().all() == [order.tickets[1].item_id]
    later = a_paid_order(event)
    assert [item.bib_number for item in (*order.items, *later.items)] == [1, 2, 3]
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=2, free=18)


def test_a_digital_unit_goes_back_but_not_for_sale():
    event, organizer, buyer, order = a_sale("digital")
    give_back(organizer, buyer, order)
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=4)
    with transaction() as tx:
        assert sales_schemas.read_visible(tx, order.id, buyer).items[0].digital_unit is None


def test_what_was_given_back_before_it_was_issued_is_never_issued():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind=kind) for kind in ("digital", "product", "registration")])
        buyer = a_user(tx)
    stock_units(event.tier_ids[0], f"{event.id}")
    order = a_paid_order(event, buyer=buyer, quantities=(0, 0, 1), promo_code=None)
    mixed = a_paid_order(event, buyer=buyer, quantities=(1, 1, 0))
    with transaction() as tx:  # as if its issuing had not come yet
        tx.execute(
            text("UPDATE digital_units SET item_id = NULL, given_at = NULL WHERE tier_id = :id"),
            {"id": event.tier_ids[0]},
        )
        tx.execute(text("DELETE FROM pickups WHERE order_id = :id"), {"id": mixed.id})
    give_back(Principal(event.organizer_id, "organizer", event.organizer_id), buyer, mixed)
    add_tickets(mixed.id)
    with transaction() as tx:
        now = OrderResponse.read(tx, mixed.id)
    assert now.pickup_code is None
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=1)
    assert order.items[0].bib_number == 1


def scan(organizer, order):
    with transaction() as tx:
        return pickups.scan(tx, organizer, PickupScan(event_id=order.event_id, code=order.pickup_code)).result


def test_a_product_is_handed_over_or_given_back_and_never_both():
    sales = [a_sale("product") for _ in range(6)]
    asked = [(organizer, order, request_refund(buyer, order)) for _, organizer, buyer, order in sales]

    def decide(organizer, refund):
        try:
            return approve(organizer, refund).status
        except TicketUsed:
            return "used"

    acts = [lambda o=o, order=order: scan(o, order) for o, order, _ in asked]
    acts += [lambda o=o, refund=refund: decide(o, refund) for o, _, refund in asked]
    outcomes = at_the_same_time(acts)
    pairs = list(zip(outcomes[:6], outcomes[6:], strict=True))
    assert set(pairs) <= {("valid", "used"), ("refunded", "approved")}


def test_what_was_picked_up_can_not_be_asked_back():
    _, organizer, buyer, order = a_sale("product", "ticket", quantities=(1, 1))
    assert scan(organizer, order) == "valid"
    refund = request_refund(buyer, order)  # all that is left: the ticket
    assert refund.amount == 90_000
    with pytest.raises(AlreadyRequested):
        request_refund(buyer, order)


def test_the_counter_hands_over_what_is_left():
    _, organizer, buyer, order = a_sale("product", "ticket", quantities=(2, 1))
    give_back(organizer, buyer, order, [order.tickets[0].id])
    assert scan(organizer, order) == "valid"
