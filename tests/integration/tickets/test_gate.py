"""The gate lets each ticket in exactly once, and tells why where it doesn't (GATE)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound
from shared.tickets import gate, issuing, qr, voiding
from tests.factories import a_gate_staff, a_tier, a_user, an_event, an_order, code_of
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


class Entrance:
    """An event with a paid order of two, its tickets, and somebody at the entrance."""

    def __init__(self):
        with transaction() as tx:
            self.event = an_event(tx, tiers=[a_tier(name="VIP")], gates_open=True)
            self.staff = a_gate_staff(tx, self.event)
        self.order = an_order(self.event, quantities=[2], paid=True)
        issuing.issue(self.order.id)
        with transaction() as tx:
            tickets = text(
                "SELECT t.id FROM tickets t JOIN order_items i ON i.id = t.order_item_id"
                " WHERE t.order_id = :id ORDER BY i.position"
            )
            self.ticket_ids = list(tx.execute(tickets, {"id": self.order.id}).scalars())
        self.codes = [code_of(ticket_id) for ticket_id in self.ticket_ids]

    def scan(self, code, *, at="Gerbang A", staff=None, event_id=None, ticket_id=None, **asked):
        """Scan at the gate, in a transaction of its own."""
        scanned = gate.Scan(event_id=event_id or self.event.id, qr=code, gate=at, **asked)
        with transaction() as tx:
            return gate.scan(tx, staff or self.staff, scanned, ticket_id=ticket_id)


@pytest.fixture
def entrance():
    return Entrance()


def audited(event_id):
    with transaction() as tx:
        return tx.execute(
            text(
                "SELECT actor_id, subject_id, details FROM audit_log WHERE action = 'ticket.scanned'"
                " AND details ->> 'event_id' = :id ORDER BY id"
            ),
            {"id": str(event_id)},
        ).all()


def test_a_ticket_lets_its_holder_in(entrance):
    answer = entrance.scan(entrance.codes[0])
    assert answer.result == "valid"
    assert (answer.ticket_id, answer.attendee_name, answer.tier_name) == (entrance.ticket_ids[0], "Peserta 1", "VIP")
    assert (answer.gate, answer.validated_at is not None) == ("Gerbang A", True)


def test_a_second_scan_tells_when_and_where_the_first_was(entrance):
    first = entrance.scan(entrance.codes[0], at="Gerbang A")
    second = entrance.scan(entrance.codes[0], at="Gerbang B")
    assert second.result == "already_used"
    assert (second.validated_at, second.gate) == (first.validated_at, "Gerbang A")
    assert entrance.scan(entrance.codes[1]).result == "valid"


def test_of_eight_scans_in_the_same_instant_exactly_one_is_valid(entrance):
    scans = [lambda at=f"Gerbang {number}": entrance.scan(entrance.codes[0], at=at) for number in range(8)]
    answers = at_the_same_time(scans)
    assert sorted(answer.result for answer in answers) == ["already_used"] * 7 + ["valid"]
    assert len({(answer.validated_at, answer.gate) for answer in answers}) == 1


def test_a_ticket_of_another_event_is_told_apart(entrance):
    other = Entrance()
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    assert entrance.scan(other.codes[0]).result == "wrong_event"
    assert entrance.scan(other.codes[0], staff=admin, event_id=other.event.id).result == "valid"


def test_a_refunded_ticket_is_told_apart(entrance):
    entrance.scan(entrance.codes[1])
    with transaction() as tx:
        voiding.void(tx, entrance.order.id)
    assert [entrance.scan(code).result for code in entrance.codes] == ["refunded", "refunded"]


@pytest.mark.parametrize("code", ["", "KARCIS", "K1.A.B.C.D", "https://example.com/t/1"])
def test_what_we_never_printed_is_forged(entrance, code):
    answer = entrance.scan(code)
    assert answer == gate.ScanResponse(result="forged")


def test_a_genuine_code_of_a_ticket_that_never_was_is_forged(entrance):
    assert entrance.scan(qr.encode(qr.QrContent(uuid4(), entrance.event.id, "Hantu"))).result == "forged"


def test_a_code_shown_for_another_ticket_is_forged_and_uses_nothing_up(entrance):
    assert entrance.scan(entrance.codes[0], ticket_id=entrance.ticket_ids[1]).result == "forged"
    assert entrance.scan(entrance.codes[0], ticket_id=entrance.ticket_ids[0]).result == "valid"
    assert entrance.scan(entrance.codes[1], ticket_id=entrance.ticket_ids[1]).result == "valid"


def test_staff_see_only_their_organizers_events(entrance):
    other = Entrance()
    with transaction() as tx:
        organizer = a_user(tx, role="organizer")
    for stranger in (other.staff, organizer):
        with pytest.raises(NotFound):
            entrance.scan(entrance.codes[0], staff=stranger)
    with pytest.raises(NotFound):
        entrance.scan(entrance.codes[0], event_id=uuid4())
    assert entrance.scan(entrance.codes[0]).result == "valid"


def test_staff_scan_only_at_the_events_they_are_chosen_for(entrance):
    with transaction() as tx:
        elsewhere = an_event(tx, organizer_id=entrance.event.organizer_id)
        colleague = a_gate_staff(tx, elsewhere)
    with pytest.raises(NotFound):
        entrance.scan(entrance.codes[0], staff=colleague)
    with pytest.raises(NotFound):
        entrance.scan(entrance.codes[0], event_id=elsewhere.id)
    assert entrance.scan(entrance.codes[0]).result == "valid"


def hours(event, **columns):
    """Move an event's start, end or gates."""
    named = ", ".join(f"{name} = :{name}" for name in columns)
    with transaction() as tx:
        tx.execute(text(f"UPDATE events SET {named} WHERE id = :id"), {**columns, "id": event.id})


def test_outside_the_hours_of_the_gate_a_ticket_stays_unused(entrance):
    now = datetime.now(UTC)
    start = now + timedelta(days=60)
    hours(entrance.event, start_date=start, end_date=start + timedelta(hours=4), gates_open_at=None)
    answer = entrance.scan(entrance.codes[0])
    assert (answer.result, answer.ticket_id, answer.validated_at) == ("not_open", entrance.ticket_ids[0], None)
    assert (answer.gates_open_at, answer.gates_close_at) == (start - timedelta(hours=6), start + timedelta(hours=16))
    hours(entrance.event, gates_open_at=now)
    assert entrance.scan(entrance.codes[0]).result == "valid"
    hours(entrance.event, start_date=now - timedelta(hours=20), end_date=now - timedelta(hours=13), gates_open_at=None)
    assert entrance.scan(entrance.codes[1]).result == "not_open", "it has been over for more than twelve hours"
    assert entrance.scan(entrance.codes[0]).result == "already_used", "what is known of a ticket is told at any hour"
    hours(entrance.event, end_date=now - timedelta(hours=11))
    assert entrance.scan(entrance.codes[1]).result == "valid"


def test_outside_the_hours_what_is_no_good_is_told_apart(entrance):
    hours(entrance.event, gates_open_at=datetime.now(UTC) + timedelta(days=1))
    assert entrance.scan("palsu").result == "forged"
    assert entrance.scan(Entrance().codes[0]).result == "wrong_event"
    with transaction() as tx:
        voiding.void(tx, entrance.order.id)
    assert entrance.scan(entrance.codes[0]).result == "refunded"


def undo(entrance, *, number=0):
    organizer = Principal(entrance.event.organizer_id, "organizer", entrance.event.organizer_id)
    with transaction() as tx:
        return gate.undo(tx, organizer, entrance.ticket_ids[number], gate.Undo(reason="Salah pindai"))


def test_after_an_undo_a_ticket_can_be_scanned_and_given_back_again(entrance):
    first = entrance.scan(entrance.codes[0])
    assert undo(entrance).validated_at == first.validated_at
    with transaction() as tx:
        [undone] = tx.execute(
            text("SELECT actor_id, details FROM audit_log WHERE action = 'ticket.scan_undone' AND subject_id = :id"),
            {"id": str(entrance.ticket_ids[0])},
        ).all()
    assert undone.actor_id == entrance.event.organizer_id
    assert undone.details["reason"] == "Salah pindai"
    assert (undone.details["gate"], undone.details["validated_by"]) == ("Gerbang A", str(entrance.staff.id))
    assert entrance.scan(entrance.codes[0], at="Gerbang B").gate == "Gerbang B"
    undo(entrance)
    item_ids = [item.id for item in entrance.order.items]
    with transaction() as tx:
        voiding.void_items(tx, entrance.order.id, item_ids)
    with pytest.raises(gate.NotUsed):
        undo(entrance)


def test_of_eight_undos_and_eight_scans_each_scan_that_is_valid_was_undone_before(entrance):
    def attempt():
        try:
            return undo(entrance)
        except gate.NotUsed:
            return None

    results = at_the_same_time([*[lambda: entrance.scan(entrance.codes[0]).result] * 8, *[attempt] * 8])
    assert set(results[:8]) <= {"valid", "already_used"}, "never not_open while the gates are"
    undone = sum(each is not None for each in results[8:])
    is_used = entrance.scan(entrance.codes[0]).result == "already_used"
    assert results[:8].count("valid") == undone + is_used


def test_every_scan_is_in_the_audit_trail_whatever_came_of_it(entrance):  # SEC-012
    entrance.scan(entrance.codes[0], at="Gerbang C")
    entrance.scan(entrance.codes[0])
    entrance.scan("palsu")
    valid, used, forged = audited(entrance.event.id)
    assert (valid.actor_id, valid.subject_id) == (entrance.staff.id, str(entrance.ticket_ids[0]))
    assert valid.details == {"result": "valid", "event_id": str(entrance.event.id), "gate": "Gerbang C"}
    assert used.details["result"] == "already_used"
    assert (forged.details["result"], forged.subject_id) == ("forged", None)


def test_a_gate_lets_in_the_tiers_that_are_its_own(entrance):
    [vip], elsewhere = entrance.event.tier_ids, uuid4()
    refused = entrance.scan(entrance.codes[0], tier_ids=[elsewhere])
    assert (refused.result, refused.tier_id, refused.tier_name, refused.validated_at) == (
        "wrong_gate",
        vip,
        "VIP",
        None,
    )
    assert entrance.scan(entrance.codes[0], tier_ids=[elsewhere, vip]).result == "valid"
    assert entrance.scan(entrance.codes[0], tier_ids=[elsewhere]).result == "already_used", (
        "that it was used comes first"
    )
