"""A refund lists lines, leaves others out with a reason, and gives the price back (PS-015, PS-018)."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from infra.checks import invariants
from shared.catalog import editing
from shared.catalog.tiers import TierChange
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.payments import cancellation, checkout
from shared.payments.cancellation import Cancellation
from shared.privacy import export
from shared.problems import Problem
from shared.refunds import approval
from shared.refunds import execution as refund_execution
from shared.refunds import requests as refund_requests
from shared.refunds.requests import AlreadyRequested, RefundRequest, UnitRevealed, WindowClosed
from shared.refunds.schemas import RefundResponse, read_visible
from shared.sales import schemas as sales_schemas
from shared.sales.schemas import OrderResponse
from shared.tickets import pickups
from shared.tickets.pickups import PickupScan
from shared.tickets.voiding import ProductsPickedUp, TicketUsed
from tests.factories import (
    Event,
    Stock,
    a_nik,
    a_promo,
    a_tier,
    a_user,
    add_tickets,
    an_event,
    reserve,
    stock,
    stock_units,
)
from tests.integration.refunds.sales import a_paid_order
from tests.integration.refunds.steps import rows
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def an_event_of(*tiers: dict[str, Any]) -> tuple[Event, Principal, Principal]:
    """An event with these tiers, its organizer and a buyer."""
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=list(tiers)), a_user(tx)
    for tier_id, tier in zip(event.tier_ids, tiers, strict=True):
        if tier["kind"] == "digital":
            stock_units(tier_id, *(f"{tier_id}-{number}" for number in range(5)))
    return event, Principal(event.organizer_id, "organizer", event.organizer_id), buyer


def request_refund(
    buyer: Principal, order: OrderResponse, *ticket_ids: UUID
) -> refund_requests.RefundRequestedResponse:
    with transaction() as tx:
        wanted = RefundRequest(order_id=order.id, ticket_ids=list(ticket_ids) or None, reason="Sakit")
        return refund_requests.request(tx, buyer.id, wanted)


def approve(organizer: Principal, refund_id: UUID) -> RefundResponse:
    with transaction() as tx:
        return approval.approve(tx, organizer, refund_id)


def look(buyer: Principal, order: OrderResponse) -> list[str | None]:
    """The order's digital units as its buyer sees them."""
    return [
        item.digital_unit
        for item in sales_schemas.read_and_reveal(order.id, buyer).items
        if item.tier_name == "Voucher"
    ]


VOUCHER = a_tier(kind="digital", name="Voucher", price=50_000)
TICKET = a_tier(name="Festival", price=100_000)
SHIRT = a_tier(kind="product", name="Kaus", price=80_000)


# Every line and amount


def test_a_refund_lists_each_unit_with_its_amount_to_everybody_who_sees_it():
    event, organizer, buyer = an_event_of(TICKET, VOUCHER, SHIRT)
    order = a_paid_order(event, buyer=buyer, quantities=(2, 1, 1))
    asked = request_refund(buyer, order)
    assert [(line.kind, line.description, line.amount) for line in asked.lines] == [
        ("ticket", "Festival", 90_000),
        ("ticket", "Festival", 90_000),
        ("digital", "Voucher", 45_000),
        ("product", "Kaus", 72_000),
    ]
    assert sum(line.amount for line in asked.lines) == asked.amount
    assert [line.item_id for line in asked.lines] == [item.id for item in order.items]
    assert [line.ticket_id for line in asked.lines if line.ticket_id] == sorted(
        (ticket.id for ticket in order.tickets), key=[line.ticket_id for line in asked.lines].index
    )
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    for viewer in (buyer, organizer, admin):
        with transaction() as tx:
            assert read_visible(tx, asked.id, viewer).lines == asked.lines


def test_money_that_bought_nothing_is_a_line_too():
    event, _, buyer = an_event_of(TICKET)
    order = a_paid_order(event, buyer=buyer)
    with transaction() as tx:
        refund_id = tx.execute(
            text("""
                INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
                SELECT order_id, id, :user_id, 'unusable_payment', 7, 'Terlambat', 'approved'
                FROM payments WHERE order_id = :order_id RETURNING id
            """),
            {"order_id": order.id, "user_id": buyer.id},
        ).scalar_one()
        [line] = RefundResponse.read(tx, refund_id).lines
    assert (line.item_id, line.kind, line.description, line.amount) == (None, "payment", "Terlambat", 7)


# Digital units that were looked at


def test_a_unit_that_was_looked_at_stays_and_the_rest_of_the_order_goes_back():
    event, organizer, buyer = an_event_of(TICKET, VOUCHER)
    order = a_paid_order(event, buyer=buyer, quantities=(2, 1))
    [secret] = look(buyer, order)
    assert secret
    asked = request_refund(buyer, order)
    assert asked.amount == 180_000
    assert [(left.kind, left.description, left.reason) for left in asked.not_refundable] == [
        ("digital", "Voucher", "unit_revealed")
    ]
    approve(organizer, asked.id)
    assert look(buyer, order) == [secret], "it was kept, so it is still shown"
    assert stock(event.tier_ids[1]) == Stock(reserved=0, sold=1, free=4)


def test_an_order_of_units_that_were_all_looked_at_is_refused_with_the_reason():
    event, _, buyer = an_event_of(VOUCHER)
    order = a_paid_order(event, buyer=buyer, quantities=(2,))
    look(buyer, order)
    with pytest.raises(UnitRevealed) as refused:
        request_refund(buyer, order)
    assert [left["reason"] for left in refused.value.members["not_refundable"]] == ["unit_revealed"] * 2


def test_a_unit_that_nobody_looked_at_goes_back_and_is_not_shown_meanwhile():
    event, organizer, buyer = an_event_of(VOUCHER)
    order = a_paid_order(event, buyer=buyer)
    asked = request_refund(buyer, order)
    assert look(buyer, order) == [None], "it is being asked back"
    with transaction() as tx:
        approval.reject(tx, organizer, asked.id, approval.Rejection(reason="Tidak"))
    assert look(buyer, order) != [None]
    with pytest.raises(UnitRevealed):
        request_refund(buyer, order)


def test_a_copy_of_one_s_data_is_a_look_too():
    event, _, buyer = an_event_of(VOUCHER)
    order = a_paid_order(event, buyer=buyer)
    copy = export.export(buyer.id, export.ExportQuery())
    assert f"{event.tier_ids[0]}-".encode() in copy.content
    with pytest.raises(UnitRevealed):
        request_refund(buyer, order)


def test_who_is_not_the_buyer_looks_at_nothing():
    event, organizer, buyer = an_event_of(VOUCHER)
    order = a_paid_order(event, buyer=buyer)
    assert look(organizer, order) == [None]
    assert request_refund(buyer, order).amount == 45_000


def test_the_organizer_may_take_back_units_that_were_looked_at():
    event, organizer, buyer = an_event_of(VOUCHER)
    order = a_paid_order(event, buyer=buyer)
    look(buyer, order)
    with transaction() as tx:
        change = TierChange(refundable_after_reveal=True)
        assert editing.change_tier(tx, organizer, event.id, event.tier_ids[0], change).refundable_after_reveal
    assert request_refund(buyer, order).amount == 45_000


def test_looking_and_asking_back_in_the_same_instant_give_one_of_the_two():
    sales = []
    for _ in range(10):
        event, _, buyer = an_event_of(VOUCHER)
        sales.append((buyer, a_paid_order(event, buyer=buyer)))

    def try_to_ask(buyer: Principal, order: OrderResponse) -> Any:
        try:
            return request_refund(buyer, order).status
        except UnitRevealed:
            return None

    for buyer, order in sales:
        [shown], asked = at_the_same_time(
            [lambda b=buyer, o=order: look(b, o), lambda b=buyer, o=order: try_to_ask(b, o)]
        )
        assert (shown is None) != (asked is None)


# The true reason


def test_asked_again_it_says_what_the_refund_waits_for():
    event, organizer, buyer = an_event_of(TICKET)
    order = a_paid_order(event, buyer=buyer, method="BCA")
    asked = request_refund(buyer, order)
    assert asked.waits_for == "decision"

    def refusal() -> AlreadyRequested:
        with pytest.raises(AlreadyRequested) as refused:
            request_refund(buyer, order)
        return refused.value

    assert [each["waits_for"] for each in refusal().members["refunds"]] == ["decision"]
    approve(organizer, asked.id)
    assert [each["waits_for"] for each in refusal().members["refunds"]] == ["transfer"]
    assert refund_execution.execute(asked.id) == "approved"
    refused = refusal()
    assert refused.members["refunds"] == [
        {"id": str(asked.id), "amount": 90_000, "status": "approved", "waits_for": "bank_account"}
    ]
    assert "bank account" in refused.detail
    with transaction() as tx:
        assert read_visible(tx, asked.id, buyer).waits_for == "bank_account"


def test_asked_again_for_one_ticket_it_says_so_too():
    event, organizer, buyer = an_event_of(TICKET)
    order = a_paid_order(event, buyer=buyer, quantities=(2,), method="BCA")
    given, _ = order.tickets
    asked = request_refund(buyer, order, given.id)
    approve(organizer, asked.id)
    refund_execution.execute(asked.id)
    with pytest.raises(AlreadyRequested) as refused:
        request_refund(buyer, order, given.id)
    assert [each["waits_for"] for each in refused.value.members["refunds"]] == ["bank_account"]


def test_used_tickets_and_goods_that_were_picked_up_each_have_their_own_reason():
    event, organizer, buyer = an_event_of(TICKET, SHIRT)
    order = a_paid_order(event, buyer=buyer, quantities=(1, 1))
    shirts = a_paid_order(event, quantities=(0, 1), buyer=(other := a_buyer()))
    for each in (order, shirts):
        with transaction() as tx:
            assert (
                pickups.scan(tx, organizer, PickupScan(event_id=event.id, code=str(each.pickup_code))).result == "valid"
            )
    with pytest.raises(ProductsPickedUp):
        request_refund(other, shirts)
    with transaction() as tx:
        used = text("UPDATE tickets SET status = 'used', validated_at = now() WHERE order_id = :id")
        tx.execute(used, {"id": order.id})
    with pytest.raises(TicketUsed) as refused:
        request_refund(buyer, order)
    assert refused.value.slug == "ticket-used"
    assert [left["reason"] for left in refused.value.members["not_refundable"]] == ["ticket_used", "picked_up"]


def test_what_was_given_back_long_ago_is_not_the_reason_why_the_rest_stays():
    event, _, buyer = an_event_of(a_tier(price=0), TICKET)
    order = a_paid_order(event, buyer=buyer, quantities=(1, 1))
    by_item = {ticket.item_id: ticket.id for ticket in order.tickets}
    free, used = (by_item[item.id] for item in order.items)
    assert request_refund(buyer, order, free).status == "completed"
    with transaction() as tx:
        tx.execute(text("UPDATE tickets SET status = 'used', validated_at = now() WHERE id = :id"), {"id": used})
    with pytest.raises(TicketUsed):
        request_refund(buyer, order)


def a_buyer() -> Principal:
    with transaction() as tx:
        return a_user(tx)


# What has cost nothing


@pytest.fixture
def no_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any call of a gateway fails the test."""

    def refuse() -> None:
        raise AssertionError("a gateway was called")

    monkeypatch.setattr(registry, "xendit", refuse)
    monkeypatch.setattr(registry, "midtrans", refuse)


def a_free_order(event: Event, buyer: Principal, quantities: tuple[int, ...], **asked: Any) -> OrderResponse:
    order = reserve(buyer, event, quantities, **asked)
    assert isinstance(order, OrderResponse), order
    paid = checkout.checkout(buyer.id, order.id, checkout.CheckoutRequest(payment_method="QRIS"))
    assert paid.status == "paid"
    add_tickets(order.id)
    with transaction() as tx:
        return OrderResponse.read(tx, order.id)


def assert_all_is_kept() -> None:
    with transaction() as tx:
        assert invariants.broken(tx, invariants.ALWAYS) == {}


@pytest.mark.usefixtures("no_gateway")
def test_free_tickets_are_given_back_at_once_and_their_places_and_numbers_are_free():
    event, _, buyer = an_event_of(a_tier(kind="registration", name="10K", price=0, quota=2))
    number = a_nik()
    order = a_free_order(event, buyer, (1,), identity_number=number)
    before = newest_message()
    given = request_refund(buyer, order)
    assert (given.status, given.amount, [line.amount for line in given.lines]) == ("completed", 0, [0])
    assert said_since(before) == ["refund.processed"]
    with transaction() as tx:
        now = OrderResponse.read(tx, order.id)
    assert (now.status, [ticket.status for ticket in now.tickets]) == ("refunded", ["void"])
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=2)
    assert isinstance(reserve(a_buyer(), event, (1,), identity_number=number), OrderResponse)
    assert refund_execution.execute(given.id) == "completed"
    assert rows("SELECT id FROM ledger_postings WHERE order_id = :id", id=order.id) == []
    with pytest.raises(Problem, match="paid order"):
        request_refund(buyer, order)
    assert_all_is_kept()


def newest_message() -> int:
    [row] = rows("SELECT COALESCE(max(id), 0) AS id FROM outbox")
    return int(row.id)


def said_since(message_id: int) -> list[str]:
    """The topics of what was said about money and orders since then."""
    query = "SELECT topic FROM outbox WHERE id > :id AND topic <> 'email.requested' ORDER BY id"
    return [row.topic for row in rows(query, id=message_id)]


def test_the_holder_of_a_free_ticket_hears_that_it_is_void():
    event, _, buyer = an_event_of(a_tier(price=0))
    order, address = a_free_order(event, buyer, (1,)), f"ani-{uuid4().hex[:8]}@example.com"
    with transaction() as tx:
        names = {"address": address, "id": order.id}
        tx.execute(text("UPDATE order_items SET attendee_email = :address WHERE order_id = :id"), names)
        mails.enqueue_e_tickets(tx, order.id)
    request_refund(buyer, order)
    [mail] = rows("SELECT to_address FROM emails WHERE order_id = :id AND template = 'ticket_void'", id=order.id)
    assert mail.to_address == address


@pytest.mark.usefixtures("no_gateway")
@pytest.mark.parametrize("funded_by", [{}, {"organizer_id": None}], ids=["organizer", "platform"])
def test_tickets_of_a_code_for_the_whole_price_are_given_back_and_the_fee_stays(funded_by: dict[str, Any]):
    event, _, buyer = an_event_of(TICKET)
    code = f"GRATIS-{event.id.hex[:8].upper()}"
    with transaction() as tx:
        a_promo(tx, event, code=code, percent=100, **funded_by)
    order = a_paid_order(event, buyer=buyer, promo_code=code)
    assert order.total_amount == 7_500
    given = request_refund(buyer, order)
    assert (given.status, given.amount) == ("completed", 0)
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id).status == "refunded"
    left = rows(
        """SELECT split_part(e.account, ':', 1) AS account, sum(e.amount) AS amount
           FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
           WHERE p.order_id = :id GROUP BY 1 HAVING sum(e.amount) <> 0""",
        id=order.id,
    )
    booked = {row.account: int(row.amount) for row in left}
    commission = {"commission_revenue": -10_000, "promotion_cost": 10_000} if funded_by else {}
    assert booked == {"gateway_clearing": 7_500, "platform_fee_revenue": -7_500, **commission}
    assert_all_is_kept()


def test_free_tickets_of_a_mixed_order_go_back_by_themselves_or_with_the_rest():
    event, organizer, buyer = an_event_of(a_tier(name="Gratis", price=0), TICKET)
    order = a_paid_order(event, buyer=buyer, quantities=(2, 1))
    free = [item.id for item in order.items if item.tier_name == "Gratis"]
    first = next(ticket.id for ticket in order.tickets if ticket.item_id == free[0])
    assert request_refund(buyer, order, first).status == "completed"
    rest = request_refund(buyer, order)
    assert (rest.status, sorted(line.amount for line in rest.lines)) == ("requested", [0, 90_000])
    assert approve(organizer, rest.id).status == "approved"
    assert_all_is_kept()


def test_a_used_free_ticket_stays_and_after_the_window_all_do():
    event, _, buyer = an_event_of(a_tier(price=0))
    order = a_free_order(event, buyer, (1,))
    with transaction() as tx:
        used = text("UPDATE tickets SET status = 'used', validated_at = now() WHERE order_id = :id")
        tx.execute(used, {"id": order.id})
    with pytest.raises(TicketUsed):
        request_refund(buyer, order)
    with transaction() as tx:
        tx.execute(text("UPDATE tickets SET status = 'issued' WHERE order_id = :id"), {"id": order.id})
        sooner = text("UPDATE events SET start_date = now() + interval '6 days' WHERE id = :id")
        tx.execute(sooner, {"id": event.id})
    with pytest.raises(WindowClosed):
        request_refund(buyer, order)


def test_free_tickets_given_back_many_times_at_once_or_with_a_cancellation_free_their_places_once():
    event, organizer, buyer = an_event_of(a_tier(price=0))
    order = a_free_order(event, buyer, (2,))

    def give_back() -> str:
        try:
            return request_refund(buyer, order).status
        except Problem as problem:
            return problem.slug

    def cancel() -> str:
        with transaction() as tx:
            cancellation.start(tx, organizer, event.id, Cancellation(reason="Hujan"))
        return str(cancellation.run_batch(event.id))

    at_the_same_time([give_back, give_back, cancel, give_back])
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=10)
    assert_all_is_kept()


# To the rupiah


@pytest.mark.parametrize(("price", "back"), [(12_345, 11_111), (10_005, 9_005), (100_000, 90_000), (99_999, 89_999)])
def test_nine_tenths_are_rounded_half_up_for_the_buyer_and_the_organizer_gives_what_they_had(price: int, back: int):
    event, organizer, buyer = an_event_of(a_tier(price=price))
    order = a_paid_order(event, buyer=buyer)
    asked = request_refund(buyer, order)
    assert asked.amount == back
    approve(organizer, asked.id)
    [row] = rows(
        """SELECT COALESCE(sum(e.amount) FILTER (WHERE e.account LIKE 'organizer_payable:%'), 0) AS organizer,
            COALESCE(sum(e.amount) FILTER (WHERE e.account = 'payment_differences'), 0) AS differences,
            -sum(e.amount) FILTER (WHERE e.account = 'commission_revenue') AS commission
           FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id WHERE p.order_id = :id""",
        id=order.id,
    )
    assert (row.organizer, row.differences, row.commission) == (0, 0, price - back)


def test_of_an_order_with_the_platform_s_code_the_platform_keeps_the_tenth_and_the_organizer_nothing():
    event, organizer, buyer = an_event_of(TICKET)
    code = f"KARCIS-{event.id.hex[:8].upper()}"
    with transaction() as tx:
        a_promo(tx, event, code=code, organizer_id=None, amount=30_000)
    order = a_paid_order(event, buyer=buyer, promo_code=code)
    asked = request_refund(buyer, order)
    assert asked.amount == 63_000
    approve(organizer, asked.id)
    left = rows(
        """SELECT split_part(e.account, ':', 1) AS account, sum(e.amount) AS amount
           FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
           WHERE p.order_id = :id GROUP BY 1 HAVING sum(e.amount) <> 0""",
        id=order.id,
    )
    booked = {row.account: int(row.amount) for row in left}
    assert booked == {
        "gateway_clearing": 77_500,
        "platform_fee_revenue": -7_500,
        "refunds_payable": -63_000,
        "commission_revenue": -10_000,
        "promotion_cost": 3_000,
    }
