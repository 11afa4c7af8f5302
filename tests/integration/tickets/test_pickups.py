"""A paid order of products has one pickup code, made once, good once (PROD-1)."""

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound
from shared.sales import orders
from shared.sales.schemas import OrderResponse
from shared.tickets import fulfilment, issuing, pickups, voiding
from tests.factories import a_gate_staff, a_tier, a_user, an_event, an_order
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


class Counter:
    """An event with two products and a seat, and somebody at the counter."""

    def __init__(self):
        kinds = {"Kaus": "product", "Topi": "product", "Kursi": "ticket"}
        tiers = [a_tier(kind=kind, name=name, quota=100) for name, kind in kinds.items()]
        with transaction() as tx:
            self.event = an_event(tx, tiers=tiers)
            self.staff = a_gate_staff(tx, self.event)

    def sell(self, *quantities):
        """A paid order, issued."""
        order = an_order(self.event, quantities=quantities or (2, 1), paid=True)
        issuing.issue(order.id)
        return read(order)

    def scan(self, code, *, at="Loket 1", staff=None, event_id=None):
        scanned = pickups.PickupScan(event_id=event_id or self.event.id, code=code, gate=at)
        with transaction() as tx:
            return pickups.scan(tx, staff or self.staff, scanned)


@pytest.fixture(scope="module")
def counter(database):
    return Counter()


def read(order):
    with transaction() as tx:
        return OrderResponse.read(tx, order.id)


def test_the_code_is_good_once_for_what_was_bought(counter):
    order = counter.sell(2, 1, 1)
    first = counter.scan(order.pickup_code)
    assert (first.result, first.order_id, first.gate) == ("valid", order.id, "Loket 1")
    assert [(line.tier_name, line.quantity) for line in first.items] == [("Kaus", 2), ("Topi", 1)]
    again = counter.scan(order.pickup_code, at="Loket 2")
    assert (again.result, again.gate, again.picked_up_at) == ("already_used", "Loket 1", first.picked_up_at)
    assert len(order.tickets) == 1


def test_eight_counters_hand_over_once(counter):
    code = counter.sell().pickup_code
    results = at_the_same_time([lambda: counter.scan(code).result] * 8)
    assert sorted(results) == ["already_used"] * 7 + ["valid"]


def test_the_code_is_made_once_however_many_issue(counter):
    order = an_order(counter.event, quantities=(1,), paid=True)
    at_the_same_time([lambda: issuing.issue(order.id)] * 6)
    code = read(order).pickup_code
    issuing.issue(order.id)
    assert read(order).pickup_code == code


def test_seats_alone_have_no_code(counter):
    assert counter.sell(0, 0, 1).pickup_code is None


def test_an_unpaid_order_has_no_code(counter):
    order = an_order(counter.event, quantities=(1,))
    issuing.issue(order.id)
    assert read(order).pickup_code is None


@pytest.mark.parametrize("typed", ["{lower}", " {code} ", "{joined}", "{misread}"])
def test_it_may_be_typed_carelessly(counter, typed):
    code = counter.sell().pickup_code
    forms = {
        "lower": code.lower(),
        "code": code,
        "joined": code.replace("-", ""),
        "misread": code.replace("0", "o").replace("1", "l"),
    }
    assert counter.scan(typed.format(**forms)).result == "valid"


def test_a_refunded_order_gets_nothing(counter):
    order = counter.sell()
    with transaction() as tx:
        voiding.void(tx, order.id)
        orders.mark_refunded(tx, orders.lock(tx, order.id))
    assert counter.scan(order.pickup_code).result == "refunded"
    assert read(order).pickup_code is None


def test_a_code_of_another_event_is_unknown_here(counter):
    elsewhere = Counter()
    answer = counter.scan(elsewhere.sell().pickup_code)
    assert (answer.result, answer.order_id, answer.items) == ("unknown", None, ())


@pytest.mark.parametrize("typed", ["----", "K7QM-3XPD", "K7QM-3XPD-9", "'; DROP TABLE pickups; --"])
def test_nonsense_is_unknown(counter, typed):
    assert counter.scan(typed).result == "unknown"


def test_only_who_works_there_may_ask(counter):
    code = counter.sell().pickup_code
    with transaction() as tx:
        strangers = [a_user(tx, role="organizer"), a_gate_staff(tx, an_event(tx))]
    for stranger in strangers:
        with pytest.raises(NotFound):
            counter.scan(code, staff=stranger)
    assert counter.scan(code).result == "valid"


def test_codes_are_not_guessed_from_each_other():
    codes = {fulfilment._new_code() for _ in range(1_000)}
    assert len(codes) == 1_000
    assert all(fulfilment.read_code(code.lower()) == code for code in codes)


def test_every_scan_is_on_record(counter):
    order = counter.sell()
    counter.scan(order.pickup_code)
    with transaction() as tx:
        scans = text("SELECT details ->> 'result' FROM audit_log WHERE action = 'pickup.scanned' AND subject_id = :id")
        assert tx.execute(scans, {"id": str(order.id)}).scalars().all() == ["valid"]


def test_a_hand_over_that_was_a_mistake_is_undone(counter):
    order = counter.sell()
    organizer = Principal(counter.event.organizer_id, "organizer", counter.event.organizer_id)

    def undo(by=organizer):
        with transaction() as tx:
            return pickups.undo(tx, by, order.id, pickups.Undo(reason="Salah nama"))

    with pytest.raises(pickups.NotPickedUp):
        undo()
    first = counter.scan(order.pickup_code)
    assert first.result == "valid", "long before the gates open: shirts are collected when they are there"
    with transaction() as tx:
        stranger = a_user(tx, role="organizer")
    with pytest.raises(NotFound):
        undo(stranger)
    assert undo().picked_up_at == first.picked_up_at
    with transaction() as tx:
        details = text("SELECT details FROM audit_log WHERE action = 'pickup.undone' AND subject_id = :id")
        assert tx.execute(details, {"id": str(order.id)}).scalar_one()["reason"] == "Salah nama"
    assert counter.scan(order.pickup_code).result == "valid"


def test_what_was_given_back_after_its_hand_over_is_not_handed_over_again(counter):
    order = counter.sell()
    counter.scan(order.pickup_code)
    with transaction() as tx:  # as when a bank takes the money back
        voiding.void(tx, order.id)
        orders.mark_refunded(tx, orders.lock(tx, order.id))
        pickups.undo(
            tx,
            Principal(counter.event.organizer_id, "organizer", counter.event.organizer_id),
            order.id,
            pickups.Undo(reason="Salah nama"),
        )
    assert counter.scan(order.pickup_code).result == "refunded"
    with transaction() as tx:
        status = text("SELECT status FROM pickups WHERE order_id = :id")
        assert tx.execute(status, {"id": order.id}).scalar_one() == "void"
