"""EM-001, EM-003, EM-005: creating and changing events, and the way from draft to published to cancelled."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from shared.catalog import editing, events, slugs
from shared.catalog.editing import EventCancelled, NotDeletable, OnlyPostponed, TicketsTaken
from shared.catalog.events import EventChange, EventResponse
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import cancellation
from shared.problems import Invalid, NotFound, Problem
from shared.sales import inventory, orders
from shared.sales.order_pricing import SaleClosed
from shared.sales.schemas import OrderResponse
from tests.factories import Event, a_user, an_order, reserve
from tests.integration.catalog.steps import END, START, an_organizer, change, create, organizer_of, publish, tier
from tests.threads import at_the_same_time, behind

pytestmark = pytest.mark.usefixtures("database")


def buy(event: EventResponse) -> OrderResponse | Problem:
    """Reserve one ticket of the first tier for a new buyer."""
    with transaction() as tx:
        buyer = a_user(tx)
    return reserve(buyer, sold_as(event))


def sold_as(event: EventResponse) -> Event:
    """The event as the factories name it."""
    return Event(event.id, event.organizer_id, [each.id for each in event.tiers])


def audited(event: EventResponse) -> list[tuple[str, dict[str, str]]]:
    """The event's audit trail."""
    with transaction() as tx:
        rows = tx.execute(
            text("SELECT action, details FROM audit_log WHERE subject_id = :id ORDER BY id"), {"id": str(event.id)}
        )
        return [(row.action, row.details) for row in rows]


def delete(event: EventResponse) -> None:
    """Delete it as its organizer."""
    with transaction() as tx:
        editing.delete(tx, organizer_of(event), event.id)


def test_a_new_event_is_a_draft_with_its_tiers_in_order():
    organizer = an_organizer()
    event = create(organizer, tiers=[tier(name="VIP", price=500_000, quota=5), tier(name="Reguler")])
    assert (event.status, event.organizer_id) == ("draft", organizer.id)
    assert (event.start_date, event.end_date) == (START, END)
    assert [each.name for each in event.tiers] == ["VIP", "Reguler"]
    vip = event.tiers[0]
    assert (vip.current_price, vip.available, vip.reserved, vip.sold, vip.sold_out) == (500_000, 5, 0, 0, False)


def test_events_of_the_same_title_have_different_slugs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slugs, "SUFFIX_LETTERS", "ab")
    monkeypatch.setattr(slugs, "SUFFIX_LENGTH", 1)
    assert {create(title="Pasar Malam").slug for _ in range(2)} == {"pasar-malam-a", "pasar-malam-b"}


def test_an_event_that_ends_before_it_starts_is_refused():
    with pytest.raises(Invalid):
        create(end_date=START)
    event = create()
    with pytest.raises(Invalid):
        change(event, start_date=END + timedelta(hours=1))


def test_dates_are_not_moved_into_the_past():
    event = create()
    past = datetime.now(UTC) - timedelta(days=9)
    with pytest.raises(Invalid) as refusal:
        change(event, start_date=past - timedelta(days=1), end_date=past)
    assert [error["field"] for error in refusal.value.members["errors"]] == ["start_date", "end_date"]
    with transaction() as tx:  # time has gone by
        tx.execute(text("UPDATE events SET start_date = :past WHERE id = :id"), {"past": past, "id": event.id})
    later = END + timedelta(days=1)
    assert change(event, start_date=past, end_date=later).end_date == later, "what does not change may be over"


EARLIER = [{"start_date": START - timedelta(hours=1)}, {"end_date": END - timedelta(hours=1)}]


@pytest.mark.parametrize("dates", EARLIER)
def test_what_nobody_holds_may_be_brought_forward(dates: dict[str, datetime]):
    event = change(publish(create()), **dates)
    assert dates.items() <= event.model_dump().items()


@pytest.mark.parametrize("dates", EARLIER)
@pytest.mark.parametrize("paid", [False, True])
def test_what_is_held_or_sold_may_only_be_postponed_by_its_organizer(paid: bool, dates: dict[str, datetime]):  # FN-006
    event = publish(create())
    an_order(sold_as(event), paid=paid)
    with pytest.raises(OnlyPostponed):
        change(event, **dates)
    later = {name: moment + timedelta(hours=2) for name, moment in {"start_date": START, "end_date": END}.items()}
    assert later.items() <= change(event, **later).model_dump().items()
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        event = editing.change(tx, admin, event.id, EventChange(**dates))
    assert dates.items() <= event.model_dump().items()
    [(name, moment)] = dates.items()
    assert audited(event)[-1] == (
        f"event.{name}_changed",
        {"before": clock.rfc3339(later[name]), "after": clock.rfc3339(moment)},
    )


def test_dates_are_not_brought_forward_while_somebody_is_buying():
    event = publish(create())
    with transaction() as tx:
        inventory.hold(tx, {event.tiers[0].id: 1})
        moving = behind(tx, lambda: change(event, start_date=START - timedelta(hours=1)))
    with pytest.raises(OnlyPostponed):
        moving.result()


def test_of_two_changes_at_the_same_moment_both_stay():
    event = create(venue="Istora")
    with transaction() as tx:
        editing.change(tx, organizer_of(event), event.id, EventChange(title="Konser Fajar"))
        other = behind(tx, lambda: change(event, venue="Gelora"))
    changed = other.result()
    assert (changed.title, changed.venue) == ("Konser Fajar", "Gelora")


def test_what_is_left_out_of_a_change_stays_and_null_empties():
    event = create(venue="Istora", terms="Tanpa pengembalian")
    assert change(event, title="Konser Fajar").model_dump() == {**event.model_dump(), "title": "Konser Fajar"}
    assert change(event, venue=None).venue is None


def test_publishing_puts_the_tiers_on_sale_and_taking_it_back_stops_it():
    event = create()
    assert isinstance(buy(event), SaleClosed)
    event = publish(event)
    assert event.status == "published"
    assert isinstance(buy(event), OrderResponse)

    taken_back = change(publish(create()), status="draft")
    assert isinstance(buy(taken_back), SaleClosed)


def test_a_new_end_is_the_end_of_the_sale_too():
    event = publish(create())
    change(event, end_date=END + timedelta(days=1))
    with transaction() as tx:
        ends = tx.execute(text("SELECT event_ends_at FROM ticket_tiers WHERE event_id = :id"), {"id": event.id})
        assert ends.scalar_one() == END + timedelta(days=1)


def test_one_change_may_hold_the_event_its_status_and_its_tiers():
    event = create(tiers=[tier(name="VIP"), tier(name="Reguler")])
    vip = event.tiers[0]
    changed = change(
        event,
        capacity=200,
        status="published",
        tiers=[{"id": vip.id, "quota": 150}, {"name": "Pelajar", "price": 50_000, "quota": 40}],
    )
    assert [(each.name, each.quota) for each in changed.tiers] == [("VIP", 150), ("Reguler", 10), ("Pelajar", 40)]
    assert isinstance(buy(changed), OrderResponse)


@pytest.mark.parametrize("status", ["cancelled", "draft"])
def test_an_event_with_held_or_sold_tickets_can_be_neither_cancelled_nor_taken_back_here(status: str):
    for paid in (False, True):
        event = publish(create())
        an_order(sold_as(event), paid=paid)
        with pytest.raises(TicketsTaken) as refusal:
            change(event, status=status)
        assert refusal.value.members["cancel_at"] == f"/api/v1/events/{event.id}/cancel"
        assert isinstance(buy(event), OrderResponse), "it is still on sale"


@pytest.mark.parametrize("_", range(5))
def test_cancelling_and_buying_at_the_same_moment_never_leaves_a_ticket_for_a_cancelled_event(_: int):
    event = publish(create())

    def cancel() -> bool:
        try:
            change(event, status="cancelled")
        except TicketsTaken:
            return False
        return True

    cancelled, order = at_the_same_time([cancel, lambda: buy(event)])
    assert cancelled != isinstance(order, OrderResponse)


def test_a_cancelled_event_is_not_on_sale_and_stays_as_it_is():
    event = change(publish(create()), status="cancelled")
    assert isinstance(buy(event), SaleClosed)
    assert change(event, status="cancelled").status == "cancelled"
    for wanted in (
        {"status": "published"},
        {"title": "Konser Fajar"},
        {"tiers": [{"name": "A", "price": 1, "quota": 1}]},
    ):
        with pytest.raises(EventCancelled):
            change(event, **wanted)


def test_every_change_of_status_is_in_the_audit_trail():
    event = change(publish(create()), status="cancelled")
    change(event, status="cancelled")
    assert audited(event) == [
        ("event.created", {}),
        ("event.status_changed", {"before": "draft", "after": "published"}),
        ("event.status_changed", {"before": "published", "after": "cancelled"}),
    ]


def test_a_draft_can_be_deleted_with_its_tiers():
    event = create()
    delete(event)
    with transaction() as tx, pytest.raises(NotFound):
        events.read(tx, organizer_of(event), event.slug)
    assert audited(event)[-1][0] == "event.deleted"


def test_what_is_published_can_not_be_deleted():
    with pytest.raises(NotDeletable):
        delete(publish(create()))


def test_what_was_ever_ordered_from_can_not_be_deleted():
    event = publish(create())
    with transaction() as tx:
        buyer = a_user(tx)
    order = an_order(sold_as(event), buyer=buyer)
    with transaction() as tx:
        orders.cancel(tx, orders.lock_own(tx, order.id, buyer.id))
    change(event, status="draft")
    with pytest.raises(NotDeletable):
        delete(event)
    assert change(event, title="Masih ada").title == "Masih ada"


def test_other_organizers_find_nothing_to_change_and_admins_may():
    event = create()
    stranger = an_organizer()
    admin = Principal(uuid4(), "admin", None)
    with transaction() as tx:
        for act in (
            lambda: editing.change(tx, stranger, event.id, EventChange(title="Milikku")),
            lambda: editing.delete(tx, stranger, event.id),
            lambda: editing.add_tier(tx, stranger, event.id, tier()),
            lambda: editing.change(tx, organizer_of(event), uuid4(), EventChange(title="Milikku")),
        ):
            with pytest.raises(NotFound):
                act()
        assert editing.change(tx, admin, event.id, EventChange(title="Diperbaiki")).title == "Diperbaiki"


def test_gates_open_six_hours_before_the_start_unless_the_organizer_says_otherwise():
    event = create()
    assert event.gates_open_at == START - timedelta(hours=6)
    assert create(gates_open_at=START - timedelta(days=2)).gates_open_at == START - timedelta(days=2)
    later = change(event, gates_open_at=START + timedelta(hours=1))
    assert later.gates_open_at == START + timedelta(hours=1)
    assert change(event, gates_open_at=None).gates_open_at == START - timedelta(hours=6)
    assert [action for action, _ in audited(event)][-2:] == ["event.gates_open_at_changed"] * 2


def test_an_organizer_allows_people_to_leave_and_come_back():
    event = create()
    assert not event.allows_reentry
    assert change(event, allows_reentry=True).allows_reentry
    assert change(event, title="Konser Fajar").allows_reentry
    assert not change(event, allows_reentry=False).allows_reentry
    assert create(allows_reentry=True).allows_reentry
    with pytest.raises(ValidationError):
        EventChange(allows_reentry=None)


def test_gates_move_with_the_start_unless_their_time_is_given_too():
    event, later = create(gates_open_at=START - timedelta(hours=2)), timedelta(days=7)
    moved = change(event, start_date=START + later, end_date=END + later)
    assert moved.gates_open_at == START + later - timedelta(hours=2)
    kept = change(event, start_date=START + 2 * later, end_date=END + 2 * later, gates_open_at=moved.gates_open_at)
    assert kept.gates_open_at == moved.gates_open_at


@pytest.mark.parametrize("opens", [END, END + timedelta(days=1), START - timedelta(days=31)])
def test_gates_open_before_the_end_and_not_a_month_too_early(opens):
    with pytest.raises(Invalid) as refused:
        create(gates_open_at=opens)
    assert refused.value.members["errors"][0]["field"] == "gates_open_at"
    event = create()
    with pytest.raises(Invalid):
        change(event, gates_open_at=opens)


def test_cancelling_a_draft_shows_it_to_nobody():
    draft = create()
    cancelled = change(draft, status="cancelled")
    assert cancelled.status == "cancelled"
    assert not cancelled.is_public
    with transaction() as tx:
        for viewer in (None, an_organizer()):
            for key in (str(draft.id), draft.slug):
                with pytest.raises(NotFound):
                    events.read(tx, viewer, key)
        assert events.read(tx, organizer_of(draft), draft.slug).status == "cancelled"
    taken_back = change(publish(create()), status="draft")
    change(taken_back, status="cancelled")
    with transaction() as tx, pytest.raises(NotFound):
        events.read(tx, None, taken_back.slug)


def test_the_cancellation_of_a_draft_with_refunds_shows_it_to_nobody_either():
    draft = create(start_date=START + timedelta(days=60), end_date=END + timedelta(days=60))
    with transaction() as tx:
        cancellation.start(tx, organizer_of(draft), draft.id, cancellation.Cancellation(reason="Batal"))
    with transaction() as tx, pytest.raises(NotFound):
        events.read(tx, None, draft.slug)
