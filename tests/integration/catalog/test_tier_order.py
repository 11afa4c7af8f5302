"""EM-008: tiers are deleted while nobody ordered from them, and put in another order."""

from uuid import UUID, uuid4

import pytest

from shared.catalog import editing, events, promo_codes
from shared.catalog.events import EventResponse
from shared.catalog.promo_codes import NewPromo, PromoChange
from shared.catalog.tiers import TierHasOrders, TierOrder
from shared.cloud.database import transaction
from shared.problems import Invalid, NotFound, Problem
from shared.sales import orders
from shared.sales.schemas import OrderResponse
from tests.endpoints import call, problem
from tests.factories import Event, a_user, an_order, reserve
from tests.integration.catalog.steps import add_tier, an_organizer, create, organizer_of, publish, tier
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def names(event: EventResponse) -> list[str]:
    """The names of an event's tiers, in their order."""
    with transaction() as tx:
        return [each.name for each in events.get(tx, event.id).tiers]


def three_tiers() -> EventResponse:
    """An event on sale with tiers A, B and C."""
    return publish(create(tiers=[tier(name="A"), tier(name="B"), tier(name="C")]))


def delete(event: EventResponse, tier_id: UUID) -> None:
    """Delete a tier as the event's organizer."""
    with transaction() as tx:
        editing.delete_tier(tx, organizer_of(event), event.id, tier_id)


def test_a_tier_that_nobody_ordered_from_is_deleted_and_a_new_one_comes_last():
    event = three_tiers()
    delete(event, event.tiers[0].id)
    assert names(event) == ["B", "C"]
    add_tier(event, name="D")
    assert names(event) == ["B", "C", "D"]


@pytest.mark.parametrize("fate", ["held", "paid", "cancelled"])
def test_a_tier_that_was_ordered_from_stays(fate: str):
    event = three_tiers()
    order = an_order(Event(event.id, event.organizer_id, [event.tiers[0].id]), paid=fate == "paid")
    if fate == "cancelled":
        with transaction() as tx:
            orders.cancel(tx, orders.lock(tx, order.id))
    with pytest.raises(TierHasOrders):
        delete(event, event.tiers[0].id)
    assert names(event) == ["A", "B", "C"]


def test_a_tier_is_deleted_or_bought_but_never_both():
    event = three_tiers()
    sold_as = Event(event.id, event.organizer_id, [event.tiers[0].id])
    with transaction() as tx:
        buyer = a_user(tx)
    outcomes: list[object] = []

    def remove() -> None:
        try:
            delete(event, event.tiers[0].id)
            outcomes.append("deleted")
        except TierHasOrders as refusal:
            outcomes.append(refusal)

    at_the_same_time([remove, lambda: outcomes.append(reserve(buyer, sold_as))])
    is_deleted = "deleted" in outcomes
    bought = [each for each in outcomes if isinstance(each, OrderResponse)]
    assert is_deleted != bool(bought)
    assert ("A" in names(event)) != is_deleted
    assert all(isinstance(each, OrderResponse | Problem) or each == "deleted" for each in outcomes)


def test_a_code_for_a_deleted_tier_can_still_be_switched_off():
    event = three_tiers()
    organizer = organizer_of(event)
    with transaction() as tx:
        code = NewPromo(code="DINI", percent=10, event_id=event.id, tier_ids=[event.tiers[0].id])
        promo = promo_codes.create(tx, organizer, code)
    delete(event, event.tiers[0].id)
    with transaction() as tx:
        assert not promo_codes.change(tx, organizer, promo.id, PromoChange(is_active=False)).is_active


def test_tiers_are_put_in_another_order_by_naming_each_once():
    event = three_tiers()
    a, b, c = (each.id for each in event.tiers)
    with transaction() as tx:
        editing.reorder_tiers(tx, organizer_of(event), event.id, TierOrder(tier_ids=[c, a, b]))
    assert names(event) == ["C", "A", "B"]
    for wrong in ([a, b], [a, b, b], [a, b, c, uuid4()]):
        with transaction() as tx, pytest.raises(Invalid):
            editing.reorder_tiers(tx, organizer_of(event), event.id, TierOrder(tier_ids=wrong))
    assert names(event) == ["C", "A", "B"]


def test_nobody_deletes_or_orders_the_tiers_of_another():
    event, stranger = three_tiers(), an_organizer()
    path = f"/events/{event.id}/tiers"
    order = {"tier_ids": [str(each.id) for each in reversed(event.tiers)]}
    assert problem(call("DELETE", f"{path}/{event.tiers[0].id}", by=stranger)) == (404, "not-found")
    assert problem(call("PUT", path, by=stranger, json=order)) == (404, "not-found")
    with pytest.raises(NotFound):
        delete(event, create().tiers[0].id)
    assert names(event) == ["A", "B", "C"]


def test_the_endpoints_answer_with_the_event_or_with_nothing():
    event = three_tiers()
    organizer = organizer_of(event)
    order = {"tier_ids": [str(each.id) for each in reversed(event.tiers)]}
    answer = call("PUT", f"/events/{event.id}/tiers", by=organizer, json=order)
    assert [each["name"] for each in answer.get_json()["tiers"]] == ["C", "B", "A"]
    assert call("DELETE", f"/events/{event.id}/tiers/{event.tiers[0].id}", by=organizer).status_code == 204
    assert names(event) == ["C", "B"]
