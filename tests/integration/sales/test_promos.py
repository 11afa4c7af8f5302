"""A promo code is used as often as it may be and no more, whatever happens at once (TS-006, LATE-1)."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier, BrokenBarrierError
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.checks.invariants import ALWAYS, broken
from shared.accounting import ledger
from shared.cloud.database import transaction
from shared.cloud.request_batching import RequestBatcher
from shared.payments import records as payment_records
from shared.problems import Problem
from shared.sales import order_pricing, orders, promos, reservations
from shared.sales.promos import PromoExhausted, PromoInvalid
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse
from tests.factories import Stock, a_promo, a_tier, a_user, an_event, an_order, make_overdue, reserve, stock
from tests.integration.refunds.sales import a_payment, a_status
from tests.status_handling import handle_one
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def scene(*, quota=100, buyers=1, tiers=(), **promo):
    """An event with a code, and people who want to use it."""
    with transaction() as tx:
        event = an_event(tx, tiers=tiers or [a_tier(quota=quota)])
        promo_id = a_promo(tx, event, **promo)
        return event, promo_id, [a_user(tx) for _ in range(buyers)]


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def uses(promo_id):
    """The uses of the code: on its row, by its buyers, and by the orders behind both."""
    [row] = rows(
        """
        SELECT p.uses, COALESCE((SELECT sum(u.uses) FROM promo_users u WHERE u.promo_id = p.id), 0) AS by_users,
            (SELECT COALESCE(sum(promo_uses), 0) FROM orders o WHERE o.promo_id = p.id AND o.promo_counted) AS by_orders
        FROM promos p WHERE p.id = :id
        """,
        id=promo_id,
    )
    assert row.uses == row.by_users == row.by_orders
    return row.uses


def late_uses(promo_id):
    [row] = rows("SELECT late_uses FROM promos WHERE id = :id", id=promo_id)
    return row.late_uses


def promises_are_kept():
    with transaction() as tx:
        return broken(tx, {name: query for name, query in ALWAYS.items() if "code" in name}) == {}


def cancel(order):
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, order.id))


def test_the_discount_is_on_the_order_and_on_its_items():
    event, promo_id, [buyer] = scene(amount=50_001)
    order = reserve(buyer, event, [2], promo_code="hemat")
    assert (order.subtotal, order.discount_amount, order.platform_fee, order.total_amount) == (
        200_000,
        50_001,
        15_000,
        164_999,
    )
    assert order.promo_code == "HEMAT"
    assert sorted(item.discount for item in order.items) == [25_000, 25_001]
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id) == order
    assert uses(promo_id) == 1


@pytest.mark.parametrize(
    ("promo", "says"),
    [
        ({"code": "LAIN"}, "not known"),
        ({"is_active": False}, "no longer"),
        ({"starts_at": NOW + HOUR}, "yet"),
        ({"ends_at": NOW - HOUR}, "over"),
        ({"minimum_spend": 200_000}, "at least"),
    ],
)
def test_a_code_that_is_not_valid_here_says_why_and_holds_nothing(promo, says):
    event, promo_id, [buyer] = scene(**promo)
    refused = reserve(buyer, event, promo_code="HEMAT")
    assert isinstance(refused, PromoInvalid)
    assert says in refused.detail
    assert refused.members["errors"][0]["field"] == "promo_code"
    assert (stock(event.tier_ids[0]).reserved, uses(promo_id)) == (0, 0)


def test_a_code_of_another_event_looks_like_none():
    event, _, [buyer] = scene(code="RAHASIA")
    other, _, _ = scene(code="UMUM")
    unknown = reserve(buyer, other, promo_code="TIDAKADA")
    elsewhere = reserve(buyer, other, promo_code="RAHASIA")
    assert (elsewhere.detail, elsewhere.members) == (unknown.detail, unknown.members)
    assert isinstance(reserve(buyer, event, promo_code="RAHASIA"), OrderResponse)


def test_a_code_without_an_event_is_for_all_of_its_organizer_and_no_others():
    event, promo_id, [buyer] = scene(code="SEMUA", event_id=None)
    with transaction() as tx:
        sister, strange = an_event(tx, organizer_id=event.organizer_id), an_event(tx)
    assert reserve(buyer, sister, promo_code="SEMUA").discount_amount == 10_000
    assert isinstance(reserve(buyer, strange, promo_code="SEMUA"), PromoInvalid)
    assert uses(promo_id) == 1


def test_the_organizers_own_code_goes_before_the_platforms():
    event, _, [buyer, other] = scene(code="SENJA", percent=20, buyers=2)
    with transaction() as tx:
        strange = an_event(tx)
        a_promo(tx, event, code="SENJA", organizer_id=None, event_id=None, percent=5)
    assert reserve(buyer, event, promo_code="SENJA").discount_amount == 20_000
    assert reserve(other, strange, promo_code="SENJA").discount_amount == 5_000


def test_ten_uses_and_fifty_buyers():
    event, promo_id, buyers = scene(code="SEPULUH", buyers=50, max_uses=10)
    outcomes = at_the_same_time([lambda buyer=buyer: reserve(buyer, event, promo_code="SEPULUH") for buyer in buyers])
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderResponse)]
    assert (len(held), sum(isinstance(outcome, PromoExhausted) for outcome in outcomes)) == (10, 40)
    assert uses(promo_id) == 10
    assert stock(event.tier_ids[0]) == Stock(reserved=10, sold=0, free=90)


def test_combined_with_others_too():
    event, promo_id, buyers = scene(code="SEPULUH", buyers=60, max_uses=10)
    combined = RequestBatcher(reservations.reserve)

    def ask(index, buyer):
        item = ReservationItem(tier_id=event.tier_ids[0], quantity=1)
        code = None if index % 3 == 0 else "SEPULUH"
        request = ReservationBody(event_id=event.id, items=[item], promo_code=code)
        return combined(ReservationRequest(buyer.id, request))

    outcomes = at_the_same_time([lambda i=i, buyer=buyer: ask(i, buyer) for i, buyer in enumerate(buyers)])
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderResponse)]
    assert sum(order.promo_code is None for order in held) == 20
    assert sum(order.promo_code is not None for order in held) == 10
    assert uses(promo_id) == 10


def test_a_buyer_has_a_limit_of_their_own_at_all_events_together():
    events = [scene(code=f"ACARA{number}")[0] for number in range(6)]
    with transaction() as tx:
        promo_id = a_promo(tx, events[0], code="SEKALI", organizer_id=None, event_id=None, max_uses_per_user=2)
        buyer, other = a_user(tx), a_user(tx)
    outcomes = at_the_same_time([lambda event=event: reserve(buyer, event, promo_code="SEKALI") for event in events])
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderResponse)]
    assert len(held) == 2
    assert all(isinstance(outcome, PromoExhausted) for outcome in outcomes if outcome not in held)
    assert isinstance(reserve(other, events[0], promo_code="SEKALI"), OrderResponse)
    cancel(held[0])
    free = next(event for event in events if event.id not in {order.event_id for order in held})
    assert isinstance(reserve(buyer, free, promo_code="SEKALI"), OrderResponse)
    assert uses(promo_id) == 3


def aliases(number):
    """Accounts of one mailbox."""
    name = uuid4().hex[:10]
    with transaction() as tx:
        return [a_user(tx, email=f"{name}+{each}@gmail.com") for each in range(number)]


def test_the_accounts_of_a_mailbox_share_the_uses_of_a_person():
    event, promo_id, [other] = scene(code="SEKALI", max_uses_per_user=2, applies_to="ticket")
    one, two = aliases(2)
    order = reserve(one, event, [1], promo_code="SEKALI")
    discounted = reserve(two, event, [3], promo_code="SEKALI")
    assert [item.discount > 0 for item in discounted.items].count(True) == 1
    cancel(discounted)
    assert isinstance(reserve(two, event, [1], promo_code="SEKALI"), OrderResponse)
    assert isinstance(reserve(other, event, promo_code="SEKALI"), OrderResponse)
    cancel(order)
    assert uses(promo_id) == 2
    assert promises_are_kept()


@pytest.mark.parametrize("batched", [True, False])
def test_aliases_that_order_at_the_same_moment_use_a_code_once(monkeypatch, batched):
    event, promo_id, _ = scene(code="SEKALI", max_uses_per_user=1)
    item = ReservationItem(tier_id=event.tier_ids[0], quantity=1)
    body = ReservationBody(event_id=event.id, items=[item], promo_code="SEKALI")
    asked = [[ReservationRequest(each.id, body)] for each in aliases(6)]
    everybody_has_read, create = Barrier(6), reservations.create_orders

    def create_at_once(new):
        with suppress(BrokenBarrierError):
            everybody_has_read.wait(timeout=5)
        return create(new)

    if batched:
        outcomes = reservations.reserve([request for [request] in asked])
    else:
        monkeypatch.setattr(reservations, "create_orders", create_at_once)
        parts = at_the_same_time([partial(reservations.reserve, each) for each in asked])
        outcomes = [outcome for part in parts for outcome in part]
    assert [type(each) for each in outcomes].count(OrderResponse) == 1
    assert [each.detail for each in outcomes if isinstance(each, Problem)] == [
        "You have used this promo code as often as you may. Reserve without it."
    ] * 5
    assert uses(promo_id) == 1


def test_one_buyer_over_their_limit_does_not_spoil_the_batch():
    event, promo_id, [greedy, modest] = scene(code="SEKALI", buyers=2, max_uses_per_user=1)
    cancelled = an_order(event, buyer=greedy, promo_code="SEKALI", paid=True)
    item = ReservationItem(tier_id=event.tier_ids[0], quantity=1)
    request = ReservationBody(event_id=event.id, items=[item], promo_code="SEKALI")
    outcomes = reservations.reserve([ReservationRequest(buyer.id, request) for buyer in (greedy, modest)])
    assert [type(outcome) for outcome in outcomes] == [PromoExhausted, OrderResponse]
    assert cancelled.promo_code == "SEKALI"
    assert uses(promo_id) == 2


@pytest.mark.parametrize("ends", ["cancelled", "expired", "refunded"])
def test_a_use_comes_back_once_when_its_order_ends(ends):
    event, promo_id, [buyer, other] = scene(code="SATU", buyers=2, max_uses=1)
    order = an_order(event, buyer=buyer, promo_code="SATU", paid=ends == "refunded")
    assert isinstance(reserve(other, event, promo_code="SATU"), PromoExhausted)

    def end():
        with transaction() as tx:
            locked = orders.lock(tx, order.id)
            if ends == "refunded" and locked.status == "paid":
                orders.mark_refunded(tx, locked)
            elif ends == "cancelled":
                orders.cancel(tx, locked)
            elif ends == "expired":
                orders.expire_due(tx, event_ids=[event.id])

    if ends == "expired":
        make_overdue(order.id)
    at_the_same_time([end] * 6)
    assert uses(promo_id) == 0
    assert isinstance(reserve(other, event, promo_code="SATU"), OrderResponse)


def test_who_needs_the_use_of_an_overdue_order_gets_it():
    event, promo_id, [buyer, other] = scene(code="SATU", buyers=2, max_uses=1)
    make_overdue(an_order(event, buyer=buyer, promo_code="SATU").id)
    assert isinstance(reserve(other, event, promo_code="SATU"), OrderResponse)
    assert uses(promo_id) == 1


def test_late_money_takes_the_code_again():
    event, promo_id, [buyer] = scene(code="SATU", max_uses=1)
    order = an_order(event, buyer=buyer, promo_code="SATU")
    expire(order)
    assert uses(promo_id) == 0
    revive(order)
    assert uses(promo_id) == 1


def test_late_money_is_honoured_where_the_code_is_used_up_meanwhile():  # LATE-1
    event, promo_id, [buyer, other] = scene(code="SATU", buyers=2, max_uses=1)
    order = an_order(event, buyer=buyer, promo_code="SATU")
    expire(order)
    taken = an_order(event, buyer=other, promo_code="SATU")
    revive(order)
    with transaction() as tx:
        now = OrderResponse.read(tx, order.id)
    assert (now.status, now.discount_amount) == ("paid", 10_000)
    assert uses(promo_id) == 2  # the one it may have, and one beside it
    assert late_uses(promo_id) == 1
    assert promises_are_kept()
    with transaction() as tx:
        assert promos.late_use(tx, order.id).code == "SATU"
        assert promos.late_use(tx, taken.id) is None
    cancel(taken)
    with transaction() as tx:
        orders.mark_refunded(tx, orders.lock(tx, order.id))
    assert (uses(promo_id), late_uses(promo_id)) == (0, 0)


def test_a_late_use_takes_nobodys_place():
    event, promo_id, [late, first, second, third] = scene(code="DUA", buyers=4, max_uses=2)
    order = an_order(event, buyer=late, promo_code="DUA")
    expire(order)
    taken = an_order(event, buyer=first, promo_code="DUA")
    an_order(event, buyer=second, promo_code="DUA")
    revive(order)
    assert isinstance(reserve(third, event, promo_code="DUA"), PromoExhausted)
    cancel(taken)
    assert isinstance(reserve(third, event, promo_code="DUA"), OrderResponse)
    assert (uses(promo_id), late_uses(promo_id)) == (3, 1)
    assert promises_are_kept()


def test_a_limit_lets_nobody_in_beside_it_but_late_money():
    event, promo_id, [late, first] = scene(code="SATU", buyers=2, max_uses=1)
    order = an_order(event, buyer=late, promo_code="SATU")
    expire(order)
    an_order(event, buyer=first, promo_code="SATU")
    revive(order)
    with pytest.raises(DBAPIError, match="promo_not_exhausted"), transaction() as tx:
        tx.execute(text("UPDATE promos SET uses = uses + 1 WHERE id = :id"), {"id": promo_id})


def test_its_organizer_is_told_of_a_late_use():
    event, _, [late, other] = scene(code="SATU", buyers=2, max_uses=1)
    order = an_order(event, buyer=late, promo_code="SATU")
    payment_id = a_payment(order.id)
    expire(order)
    an_order(event, buyer=other, promo_code="SATU")
    with transaction() as tx:
        assert handle_one(tx, payment_id, a_status(order.total_amount)) == "revived"
    [mail] = rows(
        "SELECT u.id, m.context FROM emails m JOIN users u ON u.email = m.to_address"
        " WHERE m.template = 'promo_used_late' AND m.once_key LIKE :key",
        key=f"%{order.id}%",
    )
    assert (mail.id, mail.context["code"]) == (event.organizer_id, "SATU")


def budget(promo_id):
    [row] = rows("SELECT spent, late_spent FROM promos WHERE id = :id", id=promo_id)
    return tuple(row)


def test_a_budget_holds_for_fifty_buyers_at_once():
    event, promo_id, buyers = scene(code="ANGGARAN", buyers=50, percent=10, budget=70_000)
    outcomes = at_the_same_time([lambda buyer=buyer: reserve(buyer, event, promo_code="ANGGARAN") for buyer in buyers])
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderResponse)]
    assert (len(held), sum(isinstance(outcome, PromoExhausted) for outcome in outcomes)) == (7, 43)
    assert budget(promo_id) == (70_000, 0)
    cancel(held[0])
    assert budget(promo_id) == (60_000, 0)
    assert isinstance(reserve(buyers[0], event, [2], promo_code="ANGGARAN"), Problem)
    assert promises_are_kept()


def test_late_money_beside_the_budget_is_told_apart():
    event, promo_id, [late, other] = scene(code="ANGGARAN", buyers=2, percent=10, budget=10_000)
    order = an_order(event, buyer=late, promo_code="ANGGARAN")
    expire(order)
    an_order(event, buyer=other, promo_code="ANGGARAN")
    revive(order)
    assert budget(promo_id) == (20_000, 10_000)
    assert promises_are_kept()


def test_a_code_by_order_discounts_all_tickets_for_one_use():
    event, promo_id, [buyer] = scene(code="PESANAN", max_uses=1)
    assert reserve(buyer, event, [5], promo_code="PESANAN").discount_amount == 50_000
    assert uses(promo_id) == 1


def test_a_code_by_ticket_discounts_as_many_as_it_has_uses_the_dearest_first():
    tiers = [a_tier(quota=50), a_tier(quota=50, name="VIP", price=400_000)]
    event, promo_id, [buyer, other] = scene(tiers=tiers, code="TIKET", buyers=2, max_uses=3, applies_to="ticket")
    order = reserve(buyer, event, [1, 1], promo_code="TIKET")
    assert (order.discount_amount, uses(promo_id)) == (50_000, 2)
    last = reserve(other, event, [2, 1], promo_code="TIKET")
    assert sorted(item.discount for item in last.items) == [0, 0, 40_000]
    assert uses(promo_id) == 3
    cancel(order)
    assert uses(promo_id) == 1
    assert promises_are_kept()


def test_a_code_by_ticket_never_gives_more_uses_than_it_has():
    event, promo_id, buyers = scene(code="TIKET", buyers=30, max_uses=10, applies_to="ticket", amount=5_000)
    outcomes = at_the_same_time([lambda b=b: reserve(b, event, [3], promo_code="TIKET") for b in buyers])
    assert 3 <= sum(isinstance(outcome, OrderResponse) for outcome in outcomes) <= 10
    assert uses(promo_id) <= 10
    assert promises_are_kept()


def test_a_platforms_code_may_be_for_some_organizers_only():
    event, _, [buyer, other] = scene(code="LAIN", buyers=2)
    with transaction() as tx:
        strange = an_event(tx)
        a_promo(tx, event, code="MITRA", organizer_id=None, event_id=None, organizer_ids=[event.organizer_id])
    assert isinstance(reserve(buyer, event, promo_code="MITRA"), OrderResponse)
    assert isinstance(reserve(other, strange, promo_code="MITRA"), PromoInvalid)


def test_late_money_without_stock_leaves_the_code_alone():
    event, promo_id, [buyer] = scene(code="SATU", quota=1, max_uses=1)
    order = an_order(event, buyer=buyer, promo_code="SATU")
    expire(order)
    an_order(event)
    with pytest.raises(Problem, match="Fewer are left"):
        revive(order)
    assert uses(promo_id) == 0


def expire(order):
    with transaction() as tx:
        orders.expire(tx, orders.lock(tx, order.id))


def revive(order):
    with transaction() as tx:
        orders.revive(tx, orders.lock(tx, order.id), NOW)


def test_a_code_that_is_taken_back_in_the_very_moment_is_not_used():
    event, promo_id, [buyer] = scene()
    item = ReservationItem(tier_id=event.tier_ids[0], quantity=1)
    ask = ReservationRequest(buyer.id, ReservationBody(event_id=event.id, items=[item], promo_code="HEMAT"))
    [priced] = order_pricing.price([ask])
    order = reservations._new_order(ask, priced)
    with transaction() as tx:
        tx.execute(text("UPDATE promos SET is_active = false WHERE id = :id"), {"id": promo_id})
    assert isinstance(reservations._create([(ask, order)])[order.id], PromoInvalid)
    assert (stock(event.tier_ids[0]).reserved, uses(promo_id)) == (0, 0)


def test_codes_and_tiers_of_many_buyers_never_deadlock():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=500), a_tier(quota=500, name="VIP")])
        for code in ("KODE-A", "KODE-B"):
            a_promo(tx, event, code=code, max_uses=200)
        buyers = [a_user(tx) for _ in range(48)]
    held = [an_order(event, buyer=buyer, promo_code="KODE-A") for buyer in buyers[:24]]
    comings = [
        lambda buyer=buyer, code=code: reserve(buyer, event, [1, 1], promo_code=code)
        for buyer, code in zip(buyers[24:], ["KODE-A", "KODE-B"] * 12, strict=True)
    ]
    goings = [lambda order=order: cancel(order) for order in held]
    outcomes = at_the_same_time([act for pair in zip(comings, goings, strict=True) for act in pair])
    assert sum(isinstance(outcome, OrderResponse) for outcome in outcomes) == 24
    assert rows("SELECT sum(uses) AS uses FROM promos WHERE event_id = :id", id=event.id)[0].uses == 24


@pytest.mark.parametrize(
    ("paid_by", "organizer", "commission", "cost"),
    [({}, -72_000, -8_000, 0), ({"organizer_id": None}, -90_000, -10_000, 20_000)],
    ids=["organizer", "platform"],
)
def test_who_funds_the_code_decides_whose_revenue_shrinks(paid_by, organizer, commission, cost):  # FN-004
    event, _, [buyer] = scene(code=f"DANAI-{cost}", percent=20, **paid_by)
    order = an_order(event, buyer=buyer, promo_code=f"danai-{cost}")
    with transaction() as tx:
        locked = orders.lock(tx, order.id)
        attempt = payment_records.add(
            tx, locked, gateway="xendit", method="QRIS", amount=locked.total_amount, expires_at=NOW + HOUR
        )
        total = order.total_amount
        sale = ledger.Sale(order.id, event.organizer_id, "xendit", total, order.platform_fee, received=total)
        assert ledger.post_sale(tx, attempt.id, sale)
        assert ledger.post_sale_reversal(tx, attempt.id, sale)
    booked = rows(
        "SELECT p.kind, split_part(e.account, ':', 1) AS account, e.amount FROM ledger_entries e"
        " JOIN ledger_postings p ON p.id = e.posting_id WHERE p.order_id = :id",
        id=order.id,
    )
    sold = {row.account: row.amount for row in booked if row.kind == "sale"}
    expected = {
        "gateway_clearing": 87_500,
        "promotion_cost": cost,
        "organizer_payable": organizer,
        "commission_revenue": commission,
        "platform_fee_revenue": -7_500,
    }
    assert sold == {account: amount for account, amount in expected.items() if amount}
    taken_back = {row.account: -row.amount for row in booked if row.kind == "sale_taken_back"}
    assert taken_back == sold
