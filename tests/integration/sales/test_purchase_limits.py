"""One person holds and buys no more of an event than is fair, from however many accounts (LIMIT-1)."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from infra.checks.invariants import ALWAYS, broken
from shared.cloud.database import transaction
from shared.cloud.request_batching import RequestBatcher
from shared.sales import expiry, orders, purchase_limits, reservations
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse
from tests.factories import Stock, a_nik, a_tier, a_user, an_event, an_order, make_overdue, reserve, stock
from tests.threads import at_the_same_time, behind

pytestmark = pytest.mark.usefixtures("database")


def scene(*tiers, buyers=1, **limits):
    with transaction() as tx:
        return an_event(tx, tiers=tiers or [a_tier(quota=100)], **limits), [a_user(tx) for _ in range(buyers)]


def aliases(count, mailbox=None, domain="example.com"):
    """Accounts whose mail goes to one mailbox."""
    mailbox = mailbox or uuid4().hex[:12]
    with transaction() as tx:
        return [a_user(tx, email=f"{mailbox}+{number}@{domain}") for number in range(count)]


def buy(buyer, event, quantities=(1,)):
    order = an_order(event, buyer=buyer, quantities=quantities, paid=True)
    assert order.status == "paid"
    return order


def slug(outcome):
    return None if isinstance(outcome, OrderResponse) else outcome.slug


def end(order, how):
    with transaction() as tx:
        how(tx, orders.lock(tx, order.id))


def start_payment(order):
    end(order, orders.start_payment)


def counts_are_right():
    with transaction() as tx:
        assert (
            broken(tx, {name: query for name, query in ALWAYS.items() if "person" in name or "reserved" in name}) == {}
        )
        return True


def test_two_orders_worth_of_a_tier_is_the_limit_of_a_person():
    event, [buyer, other] = scene(buyers=2)
    for _ in range(2):
        buy(buyer, event, [5])
    refused = reserve(buyer, event)
    assert (refused.slug, refused.status) == ("person-limit-reached", 409)
    assert (refused.members["have"], refused.members["limit"]) == (10, 10)
    assert "10" in refused.detail
    assert isinstance(reserve(other, event, [5]), OrderResponse)
    assert stock(event.tier_ids[0]) == Stock(reserved=5, sold=10, free=85)
    assert counts_are_right()


def test_each_tier_has_a_limit_of_its_own():
    event, [buyer] = scene(a_tier(quota=50), a_tier(quota=50, name="VIP", max_per_order=2))
    buy(buyer, event, [5, 2])
    buy(buyer, event, [0, 2])
    assert slug(reserve(buyer, event, [0, 1])) == "person-limit-reached"
    assert isinstance(reserve(buyer, event, [5, 0]), OrderResponse)


@pytest.mark.parametrize(
    "addresses",
    [
        ("budi.santoso@gmail.com", "budisantoso+tiket@gmail.com", "B.udisantoso@googlemail.com"),
        ("sri@example.org", "sri+1@example.org", "sri+dua@example.org"),
    ],
)
def test_aliases_of_a_mailbox_are_one_person(addresses):
    event, _ = scene()
    with transaction() as tx:
        one, two, three = [a_user(tx, email=address.lower()) for address in addresses]
    buy(one, event, [5])
    buy(two, event, [5])
    assert slug(reserve(three, event)) == "person-limit-reached"


def test_dots_matter_where_the_provider_says_nothing_about_them():
    event, _ = scene()
    with transaction() as tx:
        one, two = a_user(tx, email="a.sri@example.net"), a_user(tx, email="asri@example.net")
    for _ in range(2):
        buy(one, event, [5])
    assert isinstance(reserve(two, event, [5]), OrderResponse)


def test_aliases_that_register_at_the_same_time_are_recognised():
    def register(number, mailbox="serentak"):
        with transaction() as tx:
            return a_user(tx, email=f"{mailbox}+{number}@example.com")

    people = at_the_same_time([lambda number=number: register(number) for number in range(8)])
    with transaction() as tx:
        found = tx.execute(
            text("SELECT count(DISTINCT person_id) FROM users WHERE id = ANY(:ids)"),
            {"ids": [each.id for each in people]},
        ).scalar_one()
    assert found == 1


def test_twenty_aliases_at_once_hold_two_orders_worth():
    event, _ = scene()
    outcomes = at_the_same_time([lambda buyer=buyer: reserve(buyer, event, [5]) for buyer in aliases(20)])
    assert sorted(slug(outcome) or "held" for outcome in outcomes) == ["held"] * 2 + ["person-limit-reached"] * 18
    assert stock(event.tier_ids[0]).reserved == 10
    assert counts_are_right()


def test_twenty_aliases_combined_with_others_hold_no_more_either():
    event, others = scene(buyers=20)
    combined = RequestBatcher(reservations.reserve)
    mine = aliases(20)

    def ask(buyer):
        item = ReservationItem(tier_id=event.tier_ids[0], quantity=2)
        return combined(ReservationRequest(buyer.id, ReservationBody(event_id=event.id, items=[item])))

    mixed = [buyer for pair in zip(mine, others, strict=True) for buyer in pair]
    outcomes = at_the_same_time([lambda buyer=buyer: ask(buyer) for buyer in mixed])
    assert sum(isinstance(outcome, OrderResponse) for outcome in outcomes[::2]) == 5
    assert all(isinstance(outcome, OrderResponse) for outcome in outcomes[1::2])
    assert counts_are_right()


def test_many_people_over_many_tiers_coming_and_going_never_deadlock():
    event, _ = scene(a_tier(quota=500), a_tier(quota=500, name="VIP"))
    families = [aliases(6) for _ in range(4)]
    held = [an_order(event, buyer=family[0], quantities=[1, 1]) for family in families]
    comings = [lambda b=b: slug(reserve(b, event, [1, 2])) for family in families for b in family[1:]]
    goings = [lambda order=order: end(order, orders.cancel) for order in held]
    at_the_same_time([*comings, *goings])
    assert counts_are_right()


def test_the_organizer_sets_how_much_a_person_may_have_in_all():
    event, [buyer] = scene(a_tier(quota=50), a_tier(quota=50, name="VIP"), max_per_person=3)
    assert slug(reserve(buyer, event, [2, 2])) == "person-limit-reached"
    buy(buyer, event, [2, 0])
    refused = reserve(buyer, event, [0, 2])
    assert (refused.members["have"], refused.members["limit"]) == (2, 3)
    assert isinstance(reserve(buyer, event, [0, 1]), OrderResponse)


def test_the_organizers_limit_may_be_higher_than_the_usual_one():
    event, [buyer] = scene(a_tier(quota=50, max_per_order=2), max_per_person=20)
    for _ in range(3):
        buy(buyer, event, [2])
    assert counts_are_right()


def test_one_purchase_per_person_counts_aliases_and_ends_with_a_refund():
    event, _ = scene(one_purchase_per_person=True)
    one, two = aliases(2)
    order = buy(one, event)
    refused = reserve(two, event)
    assert refused.slug == "person-limit-reached"
    assert "One purchase" in refused.detail
    end(order, orders.mark_refunded)
    assert isinstance(reserve(two, event), OrderResponse)
    assert counts_are_right()


def test_one_purchase_per_person_at_the_same_time():
    event, _ = scene(one_purchase_per_person=True)
    outcomes = at_the_same_time([lambda buyer=buyer: slug(reserve(buyer, event)) for buyer in aliases(10)])
    assert sorted(each or "held" for each in outcomes) == ["held"] + ["person-limit-reached"] * 9


def test_one_purchase_per_identity_number():
    tiers = [a_tier(kind="registration", name=name) for name in ("5K", "10K")]
    event, [one, two] = scene(*tiers, buyers=2, one_purchase_per_person=True)
    number = a_nik()
    assert isinstance(reserve(one, event, [1, 0], identity_number=number), OrderResponse)
    assert slug(reserve(two, event, [0, 1], identity_number=number)) == "already-registered"
    assert isinstance(reserve(two, event, [0, 1]), OrderResponse)


def test_a_live_reservation_is_named_before_any_limit():
    event, [buyer] = scene(max_per_person=1)
    first = reserve(buyer, event, idempotency_key="tap-1")
    again = reserve(buyer, event)
    assert (again.slug, again.members["order_id"]) == ("already-reserved", str(first.id))
    assert reserve(buyer, event, idempotency_key="tap-1") == first


def test_what_was_given_back_may_be_bought_again():
    event, [buyer] = scene()
    first = buy(buyer, event, [5])
    buy(buyer, event, [5])
    with transaction() as tx:
        orders.lock(tx, first.id)
        orders.return_items(tx, [item.id for item in first.items[:2]])
    assert slug(reserve(buyer, event, [3])) == "person-limit-reached"
    buy(buyer, event, [2])
    end(first, orders.mark_refunded)
    assert isinstance(reserve(buyer, event, [3]), OrderResponse)
    assert counts_are_right()


def test_what_is_given_back_while_its_account_is_deleted_stops_counting_once():
    event, [buyer] = scene()
    order = buy(buyer, event, [5])

    def detach():
        with transaction() as tx:
            purchase_limits.detach_account(tx, buyer.id)

    with transaction() as tx:
        orders.lock(tx, order.id)
        orders.return_items(tx, [item.id for item in order.items[:2]])
        detaching = behind(tx, detach)
    detaching.result()
    assert counts_are_right()


def test_late_money_is_honoured_beyond_the_limit():
    event, [buyer] = scene(max_per_person=5)
    late = an_order(event, buyer=buyer, quantities=[5])
    end(late, orders.expire)
    buy(buyer, event, [5])
    with transaction() as tx:
        orders.revive(tx, orders.lock(tx, late.id), datetime.now(UTC))
    assert slug(reserve(buyer, event)) == "person-limit-reached"
    assert counts_are_right()


def abandon(buyer, event, *, stretched=False):
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse), order
    if stretched:
        start_payment(order)
    end(order, orders.cancel)


def wait_of(buyer, event):
    outcome = reserve(buyer, event)
    assert slug(outcome) == "hold-again-later"
    assert outcome.status == 429
    return outcome.retry_after_seconds


def let_pass(event, interval):
    with transaction() as tx:
        tx.execute(
            text(f"""
                UPDATE event_buyers SET hold_again_at = hold_again_at - interval '{interval}',
                    last_abandoned_at = last_abandoned_at - interval '{interval}'
                WHERE event_id = :id
            """),
            {"id": event.id},
        )


def test_who_changes_their_mind_twice_does_not_wait():
    event, [plain, stretched] = scene(buyers=2)
    for _ in range(3):
        abandon(plain, event)
    assert isinstance(reserve(plain, event), OrderResponse)
    for _ in range(2):
        abandon(stretched, event, stretched=True)
    assert isinstance(reserve(stretched, event), OrderResponse)


def test_abandoned_holds_make_the_next_wait_grow_to_half_an_hour():
    event, [buyer] = scene()
    for _ in range(3):
        abandon(buyer, event)
    waits = []
    for _ in range(8):
        abandon(buyer, event)
        waits.append(round(wait_of(buyer, event) / 60))
        let_pass(event, f"{waits[-1]} minutes")
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=100)


def test_stretched_holds_count_more():
    event, [buyer] = scene()
    for _ in range(3):
        abandon(buyer, event, stretched=True)
    assert 60 < wait_of(buyer, event) <= 120


def test_an_expired_hold_counts_and_so_do_aliases():
    event, _ = scene()
    one, two = aliases(2)
    for _ in range(3):
        abandon(one, event)
    order = reserve(two, event)
    make_overdue(order.id)
    with transaction() as tx:
        orders.expire_due(tx, event_ids=[event.id])
    assert wait_of(one, event) == pytest.approx(60, abs=30)


def test_however_many_holds_a_mailbox_lets_go_together_they_end_and_it_waits_half_an_hour():
    event, _ = scene(a_tier(quota=100, max_per_order=12))  # a person may have 24
    together = aliases(24)
    for each in together:
        order = reserve(each, event)
        with transaction() as tx:
            orders.start_payment(tx, orders.lock(tx, order.id))
        make_overdue(order.id)
    expiry.expire_all_due()
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=100)
    assert wait_of(together[0], event) == pytest.approx(30 * 60, abs=60)


def test_holds_that_a_person_abandons_at_the_same_moment_all_count():
    event, _ = scene()
    one, other, third = aliases(3)
    abandon(one, event, stretched=True)
    first, second = reserve(other, event), reserve(third, event)
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, first.id))
        ending = behind(tx, lambda: end(second, orders.cancel))
    ending.result()
    assert wait_of(one, event) == pytest.approx(60, abs=30)


def test_the_wait_is_for_one_event_and_forgotten_after_some_hours():
    event, [buyer] = scene()
    other, _ = scene()
    for _ in range(4):
        abandon(buyer, event)
    assert isinstance(reserve(buyer, other), OrderResponse)
    let_pass(event, "7 hours")
    abandon(buyer, event)
    assert isinstance(reserve(buyer, event), OrderResponse)


def test_a_paid_order_begins_anew():
    event, [buyer] = scene()
    for _ in range(3):
        abandon(buyer, event)
    buy(buyer, event)
    for _ in range(3):
        abandon(buyer, event)
    assert isinstance(reserve(buyer, event), OrderResponse)


def test_an_event_that_is_cancelled_is_nobodys_abandoned_hold():
    event, [buyer] = scene()
    for _ in range(3):
        abandon(buyer, event)
    end(reserve(buyer, event), orders.cancel_unpayable)
    assert isinstance(reserve(buyer, event), OrderResponse)


def test_a_deleted_account_leaves_nothing_that_leads_to_another_one_of_its_mailbox():
    event, _ = scene()
    gone, stays = aliases(2)
    buy(gone, event, [5])
    buy(stays, event, [2])
    with transaction() as tx:
        purchase_limits.detach_account(tx, gone.id)
        tx.execute(
            text("UPDATE users SET is_deleted = true, email = 'deleted-' || id || '@deleted.invalid' WHERE id = :id"),
            {"id": gone.id},
        )
        people = tx.execute(
            text("SELECT DISTINCT person_id FROM users WHERE id IN (:gone, :stays)"),
            {"gone": gone.id, "stays": stays.id},
        ).all()
        orders_of_gone = tx.execute(text("SELECT person_id FROM orders WHERE user_id = :id"), {"id": gone.id}).scalars()
        assert (len(people), list(orders_of_gone)) == (2, [None])
    assert counts_are_right()
