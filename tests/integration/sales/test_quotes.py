"""A quote says what an order would cost and holds nothing (TS-005, TS-006, FN-001)."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.sales.inventory import SoldOut
from shared.sales.order_pricing import SaleClosed, TooManyTickets
from shared.sales.promos import PromoExhausted, PromoInvalid
from shared.sales.purchase_limits import HoldCooldown, PersonLimitReached
from shared.sales.quotes import QuoteResponse, quote
from shared.sales.reservation_requests import ReservationBody, ReservationItem
from shared.sales.schemas import OrderResponse
from tests.endpoints import call, problem
from tests.factories import Event, a_promo, a_tier, a_user, an_event, an_order, reserve, stock

pytestmark = pytest.mark.usefixtures("database")

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def scene(*, tiers=(), **limits) -> tuple[Event, Principal]:
    with transaction() as tx:
        return an_event(tx, tiers=tiers, **limits), a_user(tx)


def body(event: Event, quantities=(1,), promo_code=None) -> ReservationBody:
    wanted = zip(event.tier_ids, quantities, strict=False)
    items = [ReservationItem(tier_id=tier_id, quantity=quantity) for tier_id, quantity in wanted if quantity]
    return ReservationBody(event_id=event.id, items=items, promo_code=promo_code)


def quoted(event: Event, quantities=(1,), *, by: Principal | None = None, promo_code=None) -> QuoteResponse | Problem:
    try:
        return quote(body(event, quantities, promo_code), by.id if by else None)
    except Problem as refusal:
        return refusal


def sums(answer: QuoteResponse | OrderResponse) -> tuple:
    return (
        answer.subtotal,
        answer.discount_amount,
        answer.platform_fee,
        answer.total_amount,
        answer.currency,
        answer.promo_code,
    )


def by_tier(order: OrderResponse) -> dict:
    """The lines of the quote that an order comes from."""
    lines: dict = {}
    for item in order.items:
        line = lines.setdefault((item.tier_id, item.tier_name, item.unit_price), Counter())
        line.update(quantity=1, discount=item.discount, platform_fee=item.platform_fee, waived_fee=item.waived_fee)
    return lines


def lines(answer: QuoteResponse) -> dict:
    return {
        (line.tier_id, line.tier_name, line.unit_price): Counter(
            quantity=line.quantity,
            discount=line.discount,
            platform_fee=line.platform_fee,
            waived_fee=line.waived_fee,
        )
        for line in answer.lines
    }


def written() -> list:
    """The row counts of every table that a reservation writes."""
    tables = ("orders", "order_items", "event_buyers", "tier_buyers", "promo_users", "registrations", "outbox")
    with transaction() as tx:
        return [tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]


PRICES = st.one_of(st.just(0), st.integers(1, 999_999_999), st.integers(1, 500).map(lambda thousands: thousands * 1000))
TIERS = st.lists(
    st.builds(
        lambda price, early, name: a_tier(
            name=name,
            price=price,
            early_bird_price=price // 2 if early else None,
            early_bird_end=NOW + HOUR if early else None,
        ),
        PRICES,
        st.booleans(),
        st.sampled_from(["Reguler", "VIP", "Kaos"]),
    ),
    min_size=1,
    max_size=3,
)
QUANTITIES = st.sampled_from([1, 1, 2, 2, 3, 4, 5, 6])  # of five at most
CODES = st.none() | st.fixed_dictionaries(
    {"applies_to": st.sampled_from(["order", "ticket"]), "waives_fee": st.booleans()},
    optional={
        "amount": st.integers(1, 1_000_000),
        "organizer_id": st.none(),
        "minimum_spend": st.integers(0, 200_000),
        "max_uses": st.integers(1, 4),
        "max_uses_per_user": st.integers(1, 4),
        "budget": st.integers(1, 1_000_000),
        "is_active": st.sampled_from([True, True, False]),
    },
)


@pytest.mark.slow("a hundred random events")
@settings(max_examples=100)
@given(st.data(), TIERS, CODES)
def test_a_quote_and_the_order_made_right_after_never_differ(data, tiers, code):
    quantities = data.draw(st.lists(QUANTITIES, min_size=len(tiers), max_size=len(tiers)))
    event, buyer = scene(tiers=tiers)
    promo_code = f"K{event.id.hex[:8]}".upper() if code else None
    if code:
        with transaction() as tx:
            a_promo(tx, event, **code, code=promo_code)
    signed_out = quoted(event, quantities, promo_code=promo_code)
    before = quoted(event, quantities, by=buyer, promo_code=promo_code)
    after = reserve(buyer, event, quantities, promo_code=promo_code)
    if isinstance(after, Problem):
        for refused in (before, signed_out):
            assert isinstance(refused, Problem)
            assert (type(refused), refused.detail, refused.members) == (type(after), after.detail, after.members)
    else:
        assert isinstance(before, QuoteResponse)
        assert isinstance(after, OrderResponse)
        assert before == signed_out
        assert sums(before) == sums(after)
        assert lines(before) == by_tier(after)
        assert sum(line.total for line in before.lines) == before.total_amount
        assert all(line.subtotal == line.quantity * line.unit_price for line in before.lines)


def test_nothing_is_held_and_nothing_is_written():
    event, buyer = scene()
    with transaction() as tx:
        a_promo(tx, event)
    before = written()
    for who in (None, buyer):
        assert isinstance(quoted(event, [3], by=who, promo_code="hemat"), QuoteResponse)
    assert (stock(event.tier_ids[0]).reserved, written()) == (0, before)


def test_fees_and_discounts_are_told_line_by_line():
    event, _ = scene(tiers=[a_tier(price=150_000), a_tier(name="Kaos", kind="product", price=80_000)])
    with transaction() as tx:
        a_promo(tx, event, code="KAOS", tier_ids=[event.tier_ids[1]], amount=10_000)
    answer = quoted(event, [2, 1], promo_code="KAOS")
    assert isinstance(answer, QuoteResponse)
    seats, shirt = answer.lines
    assert (seats.quantity, seats.unit_price, seats.subtotal, seats.platform_fee) == (2, 150_000, 300_000, 20_000)
    assert (shirt.discount, shirt.platform_fee, shirt.total) == (10_000, 6_500, 76_500)
    assert sums(answer) == (380_000, 10_000, 26_500, 396_500, "IDR", "KAOS")


@pytest.mark.parametrize(
    ("tier", "quantity", "refusal"),
    [
        ({"quota": 1}, 2, SoldOut),
        ({"sale_start": NOW + HOUR}, 1, SaleClosed),
        ({"sale_end": NOW - HOUR}, 1, SaleClosed),
        ({"max_per_order": 2}, 3, TooManyTickets),
    ],
)
def test_what_can_not_be_had_is_refused_as_a_reservation_is(tier, quantity, refusal):
    event, buyer = scene(tiers=[a_tier(**tier)])
    told = reserve(buyer, event, [quantity])
    for who in (None, buyer):
        refused = quoted(event, [quantity], by=who)
        assert type(refused) is refusal
        assert (refused.detail, refused.members) == (told.detail, told.members)


def test_tickets_of_another_event_are_not_found():
    event, other = scene()[0], scene()[0]
    assert isinstance(quoted(Event(event.id, event.organizer_id, other.tier_ids)), NotFound)


def test_the_limits_of_a_person_hold_for_who_is_signed_in():
    event, buyer = scene(max_per_person=3)
    an_order(event, buyer=buyer, quantities=[2], paid=True)
    assert isinstance(quoted(event, [2], by=buyer), PersonLimitReached)
    assert isinstance(quoted(event, [1], by=buyer), QuoteResponse)
    assert isinstance(quoted(event, [2]), QuoteResponse)


def test_a_code_is_used_up_for_its_user_once_they_are_signed_in():
    event, buyer = scene()
    with transaction() as tx:
        a_promo(tx, event, max_uses_per_user=1)
    an_order(event, buyer=buyer, promo_code="HEMAT", paid=True)
    refused = quoted(event, by=buyer, promo_code="HEMAT")
    assert isinstance(refused, PromoExhausted)
    assert refused.detail == reserve(buyer, event, promo_code="HEMAT").detail
    assert isinstance(quoted(event, promo_code="HEMAT"), QuoteResponse)


def test_who_has_let_holds_go_waits_before_they_are_told_a_price():
    event, buyer = scene()
    an_order(event, buyer=buyer, paid=True)
    with transaction() as tx:
        tx.execute(text("UPDATE event_buyers SET hold_again_at = now() + interval '5 minutes'"))
    refused = quoted(event, by=buyer)
    assert isinstance(refused, HoldCooldown)
    assert 290 < refused.retry_after_seconds <= 300


def test_prices_are_asked_for_before_signing_in_and_after():
    event, buyer = scene()
    wanted = {"event_id": str(event.id), "items": [{"tier_id": str(event.tier_ids[0]), "quantity": 2}]}
    answers = [call("POST", "/orders/quote", by=who, json=wanted) for who in (None, buyer)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].get_json() == answers[1].get_json()
    assert answers[0].get_json()["total_amount"] == 215_000
    assert problem(call("POST", "/orders/quote", json={**wanted, "promo_code": "TIDAKADA"})) == (422, "promo-invalid")
    assert problem(call("POST", "/orders/quote", json={**wanted, "items": []})) == (422, "invalid")


def test_a_code_of_another_event_looks_like_none():
    event, other = scene()[0], scene()[0]
    with transaction() as tx:
        a_promo(tx, other, code="RAHASIA")
    unknown, elsewhere = (quoted(event, promo_code=code) for code in ("TIDAKADA", "RAHASIA"))
    assert isinstance(elsewhere, PromoInvalid)
    assert (elsewhere.detail, elsewhere.members) == (unknown.detail, unknown.members)
