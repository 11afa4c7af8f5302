"""A promo code is used as often as it may be and no more, whatever happens at once (TS-006, LATE-1)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.cloud.combining import Combiner
from shared.cloud.database import transaction
from shared.money import ledger
from shared.payments import attempts
from shared.problems import Problem
from shared.sales import orders, reservations
from shared.sales.answers import OrderAnswer
from shared.sales.promos import PromoExhausted, PromoInvalid
from tests.factories import Stock, a_promo, a_tier, a_user, an_event, an_order, make_overdue, reserve, stock
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
    """How often the code counts as used: on its row, by its buyers, and by the orders behind both."""
    [row] = rows(
        """
        SELECT p.uses, COALESCE((SELECT sum(u.uses) FROM promo_users u WHERE u.promo_id = p.id), 0) AS by_users,
            (SELECT count(*) FROM orders o WHERE o.promo_id = p.id AND o.promo_counted) AS by_orders
        FROM promos p WHERE p.id = :id
        """,
        id=promo_id,
    )
    assert row.uses == row.by_users == row.by_orders
    return row.uses


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
        assert OrderAnswer.read(tx, order.id) == order
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
    assert isinstance(reserve(buyer, event, promo_code="RAHASIA"), OrderAnswer)


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
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderAnswer)]
    assert (len(held), sum(isinstance(outcome, PromoExhausted) for outcome in outcomes)) == (10, 40)
    assert uses(promo_id) == 10
    assert stock(event.tier_ids[0]) == Stock(reserved=10, sold=0, free=90)


def test_combined_with_others_too():
    event, promo_id, buyers = scene(code="SEPULUH", buyers=60, max_uses=10)
    combined = Combiner(reservations.reserve)

    def ask(index, buyer):
        item = reservations.Item(tier_id=event.tier_ids[0], quantity=1)
        code = None if index % 3 == 0 else "SEPULUH"
        request = reservations.Request(event_id=event.id, items=[item], promo_code=code)
        return combined(reservations.Ask(buyer.id, request))

    outcomes = at_the_same_time([lambda i=i, buyer=buyer: ask(i, buyer) for i, buyer in enumerate(buyers)])
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderAnswer)]
    assert sum(order.promo_code is None for order in held) == 20
    assert sum(order.promo_code is not None for order in held) == 10
    assert uses(promo_id) == 10


def test_a_buyer_has_a_limit_of_their_own_at_all_events_together():
    events = [scene(code=f"ACARA{number}")[0] for number in range(6)]
    with transaction() as tx:
        promo_id = a_promo(tx, events[0], code="SEKALI", organizer_id=None, event_id=None, max_uses_per_user=2)
        buyer, other = a_user(tx), a_user(tx)
    outcomes = at_the_same_time([lambda event=event: reserve(buyer, event, promo_code="SEKALI") for event in events])
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderAnswer)]
    assert len(held) == 2
    assert all(isinstance(outcome, PromoExhausted) for outcome in outcomes if outcome not in held)
    assert isinstance(reserve(other, events[0], promo_code="SEKALI"), OrderAnswer)
    cancel(held[0])
    free = next(event for event in events if event.id not in {order.event_id for order in held})
    assert isinstance(reserve(buyer, free, promo_code="SEKALI"), OrderAnswer)
    assert uses(promo_id) == 3


def test_one_buyer_over_their_limit_does_not_spoil_the_batch():
    event, promo_id, [greedy, modest] = scene(code="SEKALI", buyers=2, max_uses_per_user=1)
    cancelled = an_order(event, buyer=greedy, promo_code="SEKALI", paid=True)
    item = reservations.Item(tier_id=event.tier_ids[0], quantity=1)
    request = reservations.Request(event_id=event.id, items=[item], promo_code="SEKALI")
    outcomes = reservations.reserve([reservations.Ask(buyer.id, request) for buyer in (greedy, modest)])
    assert [type(outcome) for outcome in outcomes] == [PromoExhausted, OrderAnswer]
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
    assert isinstance(reserve(other, event, promo_code="SATU"), OrderAnswer)


def test_who_needs_the_use_of_an_overdue_order_gets_it():
    event, promo_id, [buyer, other] = scene(code="SATU", buyers=2, max_uses=1)
    make_overdue(an_order(event, buyer=buyer, promo_code="SATU").id)
    assert isinstance(reserve(other, event, promo_code="SATU"), OrderAnswer)
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
        now = OrderAnswer.read(tx, order.id)
    assert (now.status, now.discount_amount) == ("paid", 10_000)
    assert uses(promo_id) == 1
    cancel(taken)
    with transaction() as tx:
        orders.mark_refunded(tx, orders.lock(tx, order.id))
    assert uses(promo_id) == 0


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
    item = reservations.Item(tier_id=event.tier_ids[0], quantity=1)
    ask = reservations.Ask(buyer.id, reservations.Request(event_id=event.id, items=[item], promo_code="HEMAT"))
    checked = reservations._draft_or_refusal(ask, reservations._read_facts([ask]))
    with transaction() as tx:
        tx.execute(text("UPDATE promos SET is_active = false WHERE id = :id"), {"id": promo_id})
    assert isinstance(reservations._open([checked])[checked.draft.id], PromoInvalid)
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
    assert sum(isinstance(outcome, OrderAnswer) for outcome in outcomes) == 24
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
        attempt = attempts.add(
            tx, locked, gateway="xendit", method="QRIS", amount=locked.total_amount, expires_at=NOW + HOUR
        )
        total = order.total_amount
        sale = ledger.Sale(order.id, event.organizer_id, "xendit", total, order.platform_fee, received=total)
        assert ledger.post_sale(tx, attempt.id, sale)
        assert ledger.post_sale_taken_back(tx, attempt.id, sale)
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
