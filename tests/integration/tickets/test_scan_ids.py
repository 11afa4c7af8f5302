"""A scan has an id: repeated, in parallel or later, it gets the same answer and has its effect once (GATE)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.problems import NotFound
from shared.tickets import gate, pickups, scan_records, voiding
from tests.factories import a_gate_staff, a_tier, an_event
from tests.integration.tickets.entrance import Entrance, scans_of
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def entrance():
    return Entrance()


@pytest.mark.parametrize("what", ["valid", "already_used", "forged", "wrong_event", "refunded", "not_open"])
def test_a_repeated_scan_gets_the_same_answer(entrance, what):
    code = entrance.code_that_is(what)
    scan_id = uuid4()
    first = entrance.scan(code, scan_id=scan_id)
    assert (first.result, first.scan_id) == (what, scan_id)
    assert entrance.scan(code, scan_id=scan_id) == first
    assert [scan.result for scan in scans_of(entrance.event) if scan.id == scan_id] == [what]


def test_of_eight_repetitions_in_the_same_instant_all_are_told_the_same(entrance):
    scan_id = uuid4()
    answers = at_the_same_time([lambda: entrance.scan(entrance.codes[0], scan_id=scan_id)] * 8)
    assert [answer.result for answer in answers] == ["valid"] * 8
    assert len({answer.model_dump_json() for answer in answers}) == 1
    assert len(scans_of(entrance.event)) == 1
    assert entrance.scan(entrance.codes[0], scan_id=uuid4()).result == "already_used"


def test_a_repetition_after_an_undo_is_told_what_it_was_told_and_uses_nothing_up(entrance):
    scan_id = uuid4()
    first = entrance.scan(entrance.codes[0], scan_id=scan_id)
    entrance.undo()
    assert entrance.scan(entrance.codes[0], scan_id=scan_id) == first
    assert entrance.scan(entrance.codes[0], scan_id=uuid4()).result == "valid"


def test_a_repetition_after_a_refund_is_told_what_it_was_told(entrance):
    scan_id = uuid4()
    first = entrance.scan(entrance.codes[0], scan_id=scan_id)
    with transaction() as tx:
        voiding.void(tx, entrance.order.id)
    assert entrance.scan(entrance.codes[0], scan_id=scan_id) == first


def test_the_id_of_another_scan_is_refused(entrance):
    scan_id = uuid4()
    entrance.scan(entrance.codes[0], scan_id=scan_id)
    elsewhere = Entrance()
    for again in (
        lambda: entrance.scan(entrance.codes[1], scan_id=scan_id),
        lambda: entrance.scan("palsu", scan_id=scan_id),
        lambda: elsewhere.scan(entrance.codes[0], scan_id=scan_id),
    ):
        with pytest.raises(scan_records.ScanIdReused):
            again()
    with pytest.raises(NotFound):
        entrance.scan(entrance.codes[0], scan_id=scan_id, staff=elsewhere.staff)
    assert entrance.scan(entrance.codes[1], scan_id=uuid4()).result == "valid"


def test_a_colleague_may_repeat_what_a_device_has_asked(entrance):
    scan_id = uuid4()
    first = entrance.scan(entrance.codes[0], scan_id=scan_id)
    with transaction() as tx:
        colleague = a_gate_staff(tx, entrance.event)
    assert entrance.scan(entrance.codes[0], scan_id=scan_id, staff=colleague) == first


@pytest.mark.parametrize("hours", [-24 * 365, -1, 0, 24 * 365])
def test_a_devices_clock_refuses_no_scan(entrance, hours):
    told = datetime.now(UTC) + timedelta(hours=hours)
    answer = entrance.scan(entrance.codes[0], scan_id=uuid4(), scanned_at=told)
    assert answer.result == "valid"
    [scan] = scans_of(entrance.event)
    assert scan.created_at - timedelta(days=7, minutes=5) <= scan.scanned_at <= scan.created_at + timedelta(minutes=5)
    assert scan.judged_at == answer.validated_at


def test_a_scan_without_an_id_is_a_new_one_each_time(entrance):
    assert [entrance.scan(entrance.codes[0]).result for _ in range(3)] == ["valid", "already_used", "already_used"]
    assert len(scans_of(entrance.event)) == 3


def test_a_repeated_pickup_hands_over_once(files):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind="product", name="Kaus", quota=100)])
        staff = a_gate_staff(tx, event)
    entrance = Entrance(event=event, staff=staff)
    with transaction() as tx:
        code = tx.execute(text("SELECT code FROM pickups WHERE order_id = :id"), {"id": entrance.order.id}).scalar_one()
    scanned = pickups.PickupScan(event_id=event.id, code=code, gate="Loket", scan_id=uuid4())

    def scan(wanted=scanned):
        with transaction() as tx:
            return pickups.scan(tx, staff, wanted)

    answers = at_the_same_time([scan] * 6)
    assert [answer.result for answer in answers] == ["valid"] * 6
    assert len({answer.model_dump_json() for answer in answers}) == 1
    assert scan(scanned.model_copy(update={"scan_id": uuid4()})).result == "already_used"
    typed = scanned.model_copy(update={"code": f" {code.lower()} "})
    assert scan(typed).result == "valid", "typed otherwise it is the same code"
    with pytest.raises(scan_records.ScanIdReused):
        scan(scanned.model_copy(update={"code": "K7QM-3XPD"}))
    with pytest.raises(scan_records.ScanIdReused), transaction() as tx:
        gate.scan(tx, staff, gate.Scan(event_id=event.id, qr=code, scan_id=scanned.scan_id))
