"""How many are in, of each tier and by each gate, and who may know (GATE)."""

import pytest

from shared.cloud.database import transaction
from shared.tickets import voiding
from tests.endpoints import call
from tests.factories import a_gate_staff, a_tier, a_user, an_event, an_order
from tests.integration.tickets.entrance import Entrance, counts_of, offline

pytestmark = pytest.mark.usefixtures("database")


def test_what_is_counted(files):
    with transaction() as tx:
        tiers = [a_tier(name="VIP"), a_tier(name="Festival"), a_tier(kind="product", name="Kaus")]
        event = an_event(tx, tiers=tiers, gates_open=True, allows_reentry=True)
    entrance = Entrance(event=event, tickets=4)
    entrance.scan(entrance.codes[0], at="Gerbang A")
    entrance.scan(entrance.codes[1], at="Gerbang A")
    entrance.scan(entrance.codes[2], at=None)
    entrance.scan(entrance.codes[1], direction="out")
    entrance.send(offline(entrance.codes[0]))
    refunded = entrance.sell(1)
    with transaction() as tx:
        voiding.void(tx, refunded.id)
    answer = call("GET", f"/gate/events/{event.id}/counts", by=entrance.staff)
    assert answer.get_json() == {
        "event_id": str(event.id),
        "tickets": 4,
        "used": 3,
        "inside": 2,
        "double_entries": 1,
        "tiers": [
            {"tier_id": str(event.tier_ids[0]), "tier_name": "VIP", "tickets": 4, "used": 3, "inside": 2},
            {"tier_id": str(event.tier_ids[1]), "tier_name": "Festival", "tickets": 0, "used": 0, "inside": 0},
        ],
        "gates": [{"gate": "Gerbang A", "used": 2}, {"gate": None, "used": 1}],
    }


def test_a_scan_that_was_undone_does_not_count():
    entrance = Entrance()
    entrance.scan(entrance.codes[0])
    entrance.scan(entrance.codes[1])
    entrance.undo()
    counted = counts_of(entrance)
    assert (counted.used, counted.inside, [gate.used for gate in counted.gates]) == (1, 1, [1])


def test_who_may_see_what():
    entrance, elsewhere = Entrance(), Entrance()
    with transaction() as tx:
        colleague = a_gate_staff(tx, an_event(tx, organizer_id=entrance.event.organizer_id))
        buyer, admin = a_user(tx), a_user(tx, role="admin")
    an_order(entrance.event, buyer=buyer)
    paths = [f"/gate/events/{entrance.event.id}/{what}" for what in ("counts", "snapshot", "double-entries")]
    for path in paths:
        assert call("GET", path).status_code == 401
        assert call("GET", path, by=buyer).status_code == 403
        assert call("GET", path, by=elsewhere.organizer).status_code == 404
        for allowed in (entrance.organizer, admin):
            assert call("GET", path, by=allowed).status_code == 200
    for path in paths[:2]:
        assert call("GET", path, by=entrance.staff).status_code == 200
        for stranger in (elsewhere.staff, colleague):
            assert call("GET", path, by=stranger).status_code == 404
    assert call("GET", paths[2], by=entrance.staff).status_code == 403
    sent = {"scans": [offline(entrance.codes[0]).model_dump(mode="json")]}
    for stranger in (elsewhere.staff, elsewhere.organizer, colleague):
        answer = call("POST", f"/gate/events/{entrance.event.id}/scans", by=stranger, json=sent)
        assert answer.status_code == 404
    assert counts_of(entrance).used == 0
