"""Two buyers never get the same unit, and a unit that was seen is never sold again (PROD-2)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import reconcile
from shared.sales import counter_repair, digital_units, orders
from shared.sales import schemas as sales_schemas
from shared.sales.inventory import SoldOut
from shared.sales.schemas import OrderResponse
from shared.tickets import issuing
from tests.factories import Stock, a_tier, a_user, an_event, an_order, make_overdue, reserve, stock, stock_units
from tests.threads import at_the_same_time

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.usefixtures("files")]


@pytest.fixture
def files():
    """Nothing here is printed but the tickets of mixed orders."""
    from shared.cloud import clients
    from tests.stored_files import StoredFiles

    double = StoredFiles()
    clients.storage.provide(double)
    yield double
    clients.storage.provide(None)


def shop(*, secrets=(), quota=100, others=(), max_per_order=5):
    """An event with a digital tier, its units uploaded; and a buyer."""
    with transaction() as tx:
        tier = a_tier(kind="digital", name="Voucher", quota=quota, max_per_order=max_per_order)
        event = an_event(tx, tiers=[tier, *others])
        buyer = a_user(tx)
    if secrets:
        stock_units(event.tier_ids[0], *secrets)
    return event, buyer


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def buy(event, buyer=None, quantities=(1,)):
    order = an_order(event, buyer=buyer, quantities=quantities, paid=True)
    issuing.issue(order.id)
    return order


def seen(order, viewer):
    return [item.digital_unit for item in sales_schemas.read_and_reveal(order.id, viewer).items]


def refund(order):
    with transaction() as tx:
        locked = orders.lock(tx, order.id)
        if locked.status == "paid":
            orders.mark_refunded(tx, locked)


def test_the_buyer_sees_it_and_nobody_else():
    event, buyer = shop(secrets=["RAHASIA-1"])
    order = buy(event, buyer)
    assert seen(order, buyer) == ["RAHASIA-1"]
    assert seen(order, Principal(event.organizer_id, "organizer", event.organizer_id)) == [None]
    assert seen(order, Principal(event.organizer_id, "admin", None)) == [None]
    with transaction() as tx:
        assert [item.digital_unit for item in OrderResponse.read(tx, order.id).items] == [None]
    assert "RAHASIA" not in str(rows("SELECT * FROM digital_units"))


def test_nobody_sees_it_before_it_is_paid():
    event, buyer = shop(secrets=["BELUM-DIBAYAR"])
    order = an_order(event, buyer=buyer)
    issuing.issue(order.id)
    assert seen(order, buyer) == [None]


def test_a_tier_sells_no_more_than_the_units_it_has():
    event, buyer = shop()
    assert isinstance(reserve(buyer, event), SoldOut)
    assert stock_units(event.tier_ids[0], "A-1", "A-2") == 2
    assert isinstance(reserve(buyer, event, [3]), SoldOut)
    assert isinstance(reserve(buyer, event, [2]), OrderResponse)
    assert stock(event.tier_ids[0]) == Stock(reserved=2, sold=0, free=0)


def test_fifty_buyers_for_twenty_units():
    event, _ = shop(secrets=[f"BANYAK-{n}" for n in range(20)])
    with transaction() as tx:
        buyers = [a_user(tx) for _ in range(50)]
    outcomes = at_the_same_time([lambda buyer=buyer: reserve(buyer, event) for buyer in buyers])
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderResponse)]
    assert len(held) == 20
    assert stock(event.tier_ids[0]) == Stock(reserved=20, sold=0, free=0)


def test_units_are_given_out_one_by_one_under_parallel_issuing():
    event, _ = shop(secrets=[f"UNIT-{n}" for n in range(60)])
    bought = [an_order(event, quantities=[2], paid=True) for _ in range(30)]
    shares = [bought[worker::4] for worker in range(4)] * 2  # each order is issued by two

    def work(share):
        for order in share:
            issuing.issue(order.id)

    at_the_same_time([lambda share=share: work(share) for share in shares])
    given = rows("SELECT item_id FROM digital_units WHERE tier_id = :id", id=event.tier_ids[0])
    assert {row.item_id for row in given} == {item.id for order in bought for item in order.items}
    assert len(given) == 60


def test_the_same_secret_is_offered_once_by_one_organizer():
    event, _ = shop(secrets=["SAMA", "SAMA"], others=[a_tier(kind="digital")])
    assert stock_units(event.tier_ids[0], "SAMA", "LAIN") == 2
    assert stock_units(event.tier_ids[1], "SAMA") == 0
    rival, _ = shop()
    assert stock_units(rival.tier_ids[0], "SAMA") == 1


def test_two_uploads_of_the_same_at_once_never_deadlock():
    event, _ = shop()
    secrets = [f"KEMBAR-{n}" for n in range(100)]
    uploads = [secrets, secrets[::-1]] * 4
    at_the_same_time([lambda given=given: stock_units(event.tier_ids[0], *given) for given in uploads])
    assert stock(event.tier_ids[0]).free == 100


def test_a_refunded_unit_is_burned_and_not_sold_again():
    event, buyer = shop(secrets=["SEKALI-1", "SEKALI-2"])
    order = buy(event, buyer)
    [burned] = seen(order, buyer)
    at_the_same_time([lambda: refund(order)] * 4)
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=1)
    with transaction() as tx:
        other = a_user(tx)
        digital_units.burn(tx, [item.id for item in order.items])  # asked again
    assert {burned, *seen(buy(event, other), other)} == {"SEKALI-1", "SEKALI-2"}
    assert seen(order, buyer) == [None]
    assert isinstance(reserve(buyer, event), SoldOut)
    assert counter_repair.correct_counters() == 0


def test_a_unit_that_nobody_has_seen_stays_for_sale():
    event, buyer = shop(secrets=["UTUH"])
    order = an_order(event, buyer=buyer, paid=True)
    refund(order)
    issuing.issue(order.id)  # too late: it gives nothing
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=1)
    assert seen(buy(event, buyer), buyer) == ["UTUH"]


def test_an_expired_order_marks_that_its_stock_is_back():
    event, buyer = shop(secrets=["KEMBALI"], others=[a_tier()])
    order = an_order(event, buyer=buyer)
    make_overdue(order.id)
    with transaction() as tx:
        assert orders.expire_due(tx, event_ids=[event.id]) == 1
    plain = an_order(event, quantities=[0, 1])
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, plain.id))
    marked = {row.id: row.stock_released_at for row in rows("SELECT id, stock_released_at FROM orders")}
    assert marked[order.id] is not None
    assert marked[plain.id] is None
    with transaction() as tx:
        orders.revive(tx, orders.lock(tx, order.id), datetime.now(UTC))
    assert rows("SELECT stock_released_at FROM orders WHERE id = :id", id=order.id) == [(None,)]


def test_reconcile_finds_what_is_missing_and_issuing_gives_it():
    event, buyer = shop(secrets=["HILANG-1", "HILANG-2"], others=[a_tier(kind="product", name="Kaus")])
    order = buy(event, buyer, [1, 1])
    [before] = rows("SELECT code FROM pickups WHERE order_id = :id", id=order.id)
    with transaction() as tx:  # as if issuing had said that it was done, and was not
        tx.execute(text("DELETE FROM pickups WHERE order_id = :id"), {"id": order.id})
        units_of_tier = {"id": event.tier_ids[0]}
        tx.execute(text("UPDATE digital_units SET item_id = NULL, given_at = NULL WHERE tier_id = :id"), units_of_tier)
        tx.execute(text("UPDATE orders SET paid_at = now() - interval '1 hour' WHERE id = :id"), {"id": order.id})
    totals = reconcile.run(thorough=True, older_than_seconds=0)
    assert totals["reconcile_fix_goods"] == 1
    issuing.issue(order.id)
    [after] = rows("SELECT code FROM pickups WHERE order_id = :id", id=order.id)
    assert after != before
    assert seen(order, buyer)[0] in ("HILANG-1", "HILANG-2")
    assert reconcile.run(thorough=True, older_than_seconds=0)["reconcile_fix_goods"] == 0
