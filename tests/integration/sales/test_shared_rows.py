"""Rows that many orders share are locked by ascending id, so that no two orders wait for each other (TS-010)."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.cloud.database import Transaction, transaction
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from shared.sales import inventory, orders, reservations
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse
from tests.factories import Event, a_promo, a_tier, a_user, an_event, an_order, make_overdue, reserve
from tests.integration.reports.steps import organizer_of
from tests.threads import behind

pytestmark = pytest.mark.usefixtures("database")

MANY = 6
"""As many rows as are hardly ever locked by ascending id by chance."""


def lock(tx: Transaction, table: str, row_id: UUID) -> bool:
    """Lock a row, unless somebody else has; whether that was possible."""
    found = text(f"SELECT 1 FROM {table} WHERE id = :id FOR NO KEY UPDATE SKIP LOCKED")
    return tx.execute(found, {"id": row_id}).first() is not None


def is_free(table: str, row_id: UUID) -> bool:
    with transaction() as tx:
        return lock(tx, table, row_id)


def waits_for_the_lowest_first(act: Callable[[], object], table: str, row_ids: list[UUID]) -> bool:
    """True if `act` has locked no other of these rows while it waits for the lowest one."""
    lowest, *others = sorted(row_ids)
    with transaction() as tx:
        assert lock(tx, table, lowest)
        acting = behind(tx, act)
        assert not acting.done()
        are_free = all(is_free(table, each) for each in others)
    acting.result()
    return are_free


def an_event_with_many_tiers() -> Event:
    with transaction() as tx:
        return an_event(tx, tiers=[a_tier(name=f"Tribun {number}", quota=50) for number in range(MANY)])


def a_reservation(event: Event) -> None:
    with transaction() as tx:
        buyer = a_user(tx)
    assert isinstance(reserve(buyer, event, [1] * MANY), OrderResponse)


def a_movement_of_stock(event: Event) -> None:
    with transaction() as tx:
        inventory.hold(tx, dict.fromkeys(sorted(event.tier_ids, reverse=True), 1))


def a_cancelled_event(event: Event) -> None:
    with transaction() as tx:
        cancellation.start(tx, organizer_of(event), event.id, Cancellation(reason="Hujan"))


@pytest.mark.parametrize("act", [a_reservation, a_movement_of_stock, a_cancelled_event])
def test_the_tiers_of_an_event_are_locked_by_ascending_id(act: Callable[[Event], None]):
    event = an_event_with_many_tiers()
    assert waits_for_the_lowest_first(lambda: act(event), "ticket_tiers", event.tier_ids)


def an_event_with_many_codes() -> tuple[Event, dict[str, UUID]]:
    event = an_event_with_many_tiers()
    with transaction() as tx:
        codes = [f"KODE{number}" for number in range(MANY)]
        return event, {code: a_promo(tx, event, code=code) for code in codes}


def asked(event: Event, code: str) -> ReservationRequest:
    with transaction() as tx:
        buyer = a_user(tx)
    item = ReservationItem(tier_id=event.tier_ids[0], quantity=1)
    return ReservationRequest(buyer.id, ReservationBody(event_id=event.id, items=[item], promo_code=code))


def test_the_promo_codes_of_reservations_that_share_a_statement_are_locked_by_ascending_id():
    event, promos = an_event_with_many_codes()
    batch = [asked(event, code) for code in promos]
    assert waits_for_the_lowest_first(lambda: reservations.reserve(batch), "promos", list(promos.values()))


def test_the_promo_codes_of_orders_that_end_together_are_locked_by_ascending_id():
    event, promos = an_event_with_many_codes()
    for code in promos:
        make_overdue(an_order(event, promo_code=code).id)

    def sweep() -> None:
        with transaction() as tx:
            assert orders.expire_due(tx, event_ids=[event.id]) == MANY

    assert waits_for_the_lowest_first(sweep, "promos", list(promos.values()))
