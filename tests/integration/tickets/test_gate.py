"""The gate lets each ticket in exactly once, and tells why where it doesn't (GATE)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound
from shared.tickets import gate, issuing, qr, voiding
from tests.factories import a_gate_staff, a_tier, a_user, an_event, an_order
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


class Door:
    """An event with a paid order of two, its tickets, and somebody at the door."""

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
        self.codes = [
            qr.encode(qr.QrContent(ticket_id, self.event.id, f"Peserta {number}"))
            for number, ticket_id in enumerate(self.ticket_ids, 1)
        ]

    def scan(self, code, *, at="Gerbang A", staff=None, event_id=None, **asked):
        """Scan at the gate, in a transaction of its own."""
        with transaction() as tx:
            return gate.scan(tx, staff or self.staff, event_id or self.event.id, code, gate=at, **asked)


@pytest.fixture
def door():
    return Door()


def audited(event_id):
    with transaction() as tx:
        return tx.execute(
            text(
                "SELECT actor_id, subject_id, details FROM audit_log WHERE action = 'ticket.scanned'"
                " AND details ->> 'event_id' = :id ORDER BY id"
            ),
            {"id": str(event_id)},
        ).all()


def test_a_ticket_lets_its_holder_in(door):
    answer = door.scan(door.codes[0])
    assert answer.result == "valid"
    assert (answer.ticket_id, answer.attendee_name, answer.tier_name) == (door.ticket_ids[0], "Peserta 1", "VIP")
    assert (answer.gate, answer.validated_at is not None) == ("Gerbang A", True)


def test_a_second_scan_tells_when_and_where_the_first_was(door):
    first = door.scan(door.codes[0], at="Gerbang A")
    second = door.scan(door.codes[0], at="Gerbang B")
    assert second.result == "already_used"
    assert (second.validated_at, second.gate) == (first.validated_at, "Gerbang A")
    assert door.scan(door.codes[1]).result == "valid"


def test_of_eight_scans_in_the_same_instant_exactly_one_is_valid(door):
    scans = [lambda at=f"Gerbang {number}": door.scan(door.codes[0], at=at) for number in range(8)]
    answers = at_the_same_time(scans)
    assert sorted(answer.result for answer in answers) == ["already_used"] * 7 + ["valid"]
    assert len({(answer.validated_at, answer.gate) for answer in answers}) == 1


def test_a_ticket_of_another_event_is_told_apart(door):
    other = Door()
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    assert door.scan(other.codes[0]).result == "wrong_event"
    assert door.scan(other.codes[0], staff=admin, event_id=other.event.id).result == "valid"


def test_a_refunded_ticket_is_told_apart(door):
    door.scan(door.codes[1])
    with transaction() as tx:
        voiding.void(tx, door.order.id)
    assert [door.scan(code).result for code in door.codes] == ["refunded", "refunded"]


@pytest.mark.parametrize("code", ["", "KARCIS", "K1.A.B.C.D", "https://example.com/t/1"])
def test_what_we_never_printed_is_forged(door, code):
    answer = door.scan(code)
    assert answer == gate.ScanResponse(result="forged")


def test_a_genuine_code_of_a_ticket_that_never_was_is_forged(door):
    assert door.scan(qr.encode(qr.QrContent(uuid4(), door.event.id, "Hantu"))).result == "forged"


def test_a_code_shown_for_another_ticket_is_forged_and_uses_nothing_up(door):
    assert door.scan(door.codes[0], ticket_id=door.ticket_ids[1]).result == "forged"
    assert door.scan(door.codes[0], ticket_id=door.ticket_ids[0]).result == "valid"
    assert door.scan(door.codes[1], ticket_id=door.ticket_ids[1]).result == "valid"


def test_staff_see_only_their_organizers_events(door):
    other = Door()
    with transaction() as tx:
        organizer = a_user(tx, role="organizer")
    for stranger in (other.staff, organizer):
        with pytest.raises(NotFound):
            door.scan(door.codes[0], staff=stranger)
    with pytest.raises(NotFound):
        door.scan(door.codes[0], event_id=uuid4())
    assert door.scan(door.codes[0]).result == "valid"


def test_staff_scan_only_at_the_events_they_are_chosen_for(door):
    with transaction() as tx:
        elsewhere = an_event(tx, organizer_id=door.event.organizer_id)
        colleague = a_gate_staff(tx, elsewhere)
    with pytest.raises(NotFound):
        door.scan(door.codes[0], staff=colleague)
    with pytest.raises(NotFound):
        door.scan(door.codes[0], event_id=elsewhere.id)
    assert door.scan(door.codes[0]).result == "valid"


def hours(event, **columns):
    """Move an event's start, end or gates."""
    named = ", ".join(f"{name} = :{name}" for name in columns)
    with transaction() as tx:
        tx.execute(text(f"UPDATE events SET {named} WHERE id = :id"), {**columns, "id": event.id})


def test_outside_the_hours_of_the_gate_a_ticket_stays_unused(door):
    now = datetime.now(UTC)
    start = now + timedelta(days=60)
    hours(door.event, start_date=start, end_date=start + timedelta(hours=4), gates_open_at=None)
    answer = door.scan(door.codes[0])
    assert (answer.result, answer.ticket_id, answer.validated_at) == ("not_open", door.ticket_ids[0], None)
    assert (answer.gates_open_at, answer.gates_close_at) == (start - timedelta(hours=6), start + timedelta(hours=16))
    hours(door.event, gates_open_at=now)
    assert door.scan(door.codes[0]).result == "valid"
    hours(door.event, start_date=now - timedelta(hours=20), end_date=now - timedelta(hours=13), gates_open_at=None)
    assert door.scan(door.codes[1]).result == "not_open", "it has been over for more than twelve hours"
    assert door.scan(door.codes[0]).result == "already_used", "what is known of a ticket is told at any hour"
    hours(door.event, end_date=now - timedelta(hours=11))
    assert door.scan(door.codes[1]).result == "valid"


def test_outside_the_hours_what_is_no_good_is_told_apart(door):
    hours(door.event, gates_open_at=datetime.now(UTC) + timedelta(days=1))
    assert door.scan("palsu").result == "forged"
    assert door.scan(Door().codes[0]).result == "wrong_event"
    with transaction() as tx:
        voiding.void(tx, door.order.id)
    assert door.scan(door.codes[0]).result == "refunded"


def undo(door, *, number=0):
    organizer = Principal(door.event.organizer_id, "organizer", door.event.organizer_id)
    with transaction() as tx:
        return gate.undo(tx, organizer, door.ticket_ids[number], gate.Undo(reason="Salah pindai"))


def test_after_an_undo_a_ticket_can_be_scanned_and_given_back_again(door):
    first = door.scan(door.codes[0])
    assert undo(door).validated_at == first.validated_at
    with transaction() as tx:
        [undone] = tx.execute(
            text("SELECT actor_id, details FROM audit_log WHERE action = 'ticket.scan_undone' AND subject_id = :id"),
            {"id": str(door.ticket_ids[0])},
        ).all()
    assert undone.actor_id == door.event.organizer_id
    assert undone.details["reason"] == "Salah pindai"
    assert (undone.details["gate"], undone.details["validated_by"]) == ("Gerbang A", str(door.staff.id))
    assert door.scan(door.codes[0], at="Gerbang B").gate == "Gerbang B"
    undo(door)
    item_ids = [item.id for item in door.order.items]
    with transaction() as tx:
        voiding.void_items(tx, door.order.id, item_ids)
    with pytest.raises(gate.NotUsed):
        undo(door)


def test_of_eight_undos_and_eight_scans_each_scan_that_is_valid_was_undone_before(door):
    def attempt():
        try:
            return undo(door)
        except gate.NotUsed:
            return None

    results = at_the_same_time([*[lambda: door.scan(door.codes[0]).result] * 8, *[attempt] * 8])
    assert set(results[:8]) <= {"valid", "already_used"}, "never not_open while the gates are"
    undone = sum(each is not None for each in results[8:])
    is_used = door.scan(door.codes[0]).result == "already_used"
    assert results[:8].count("valid") == undone + is_used


def test_every_scan_is_in_the_audit_trail_whatever_came_of_it(door):  # SEC-012
    door.scan(door.codes[0], at="Gerbang C")
    door.scan(door.codes[0])
    door.scan("palsu")
    valid, used, forged = audited(door.event.id)
    assert (valid.actor_id, valid.subject_id) == (door.staff.id, str(door.ticket_ids[0]))
    assert valid.details == {"result": "valid", "event_id": str(door.event.id), "gate": "Gerbang C"}
    assert used.details["result"] == "already_used"
    assert (forged.details["result"], forged.subject_id) == ("forged", None)
