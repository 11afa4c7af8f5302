"""The ticket's addresses as callers see them: who is let through, and what is answered (docs/reference/api.md)."""

from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.tickets import issuing, qr, voiding
from tests.endpoints import call
from tests.factories import a_gate_staff, a_user, an_event, an_order

pytestmark = pytest.mark.usefixtures("database")


class Sale:
    """An issued ticket, its owner, and staff at the gate."""

    def __init__(self):
        with transaction() as tx:
            self.owner = a_user(tx)
            event = an_event(tx, gates_open=True)
            self.staff = a_gate_staff(tx, event)
        self.event_id, self.organizer_id = event.id, event.organizer_id
        self.order_id = an_order(event, buyer=self.owner, paid=True).id
        issuing.issue(self.order_id)
        with transaction() as tx:
            found = tx.execute(text("SELECT id FROM tickets WHERE order_id = :id"), {"id": self.order_id})
            self.ticket_id = found.scalar_one()
        self.scanned = {
            "event_id": str(event.id),
            "qr": qr.encode(qr.QrContent(self.ticket_id, event.id, "Peserta 1")),
        }


@pytest.fixture
def sale(files):
    return Sale()


def test_the_owner_downloads_the_pdf_to_keep(sale):
    answer = call("GET", f"/tickets/{sale.ticket_id}/download", by=sale.owner)
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert answer.get_data().startswith(b"%PDF")
    assert f"tiket-{sale.ticket_id}.pdf" in answer.headers["Content-Disposition"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_void_ticket_is_gone(sale):
    with transaction() as tx:
        voiding.void(tx, sale.order_id)
    answer = call("GET", f"/tickets/{sale.ticket_id}/download", by=sale.owner)
    assert (answer.status_code, answer.get_json()["type"]) == (410, "/problems/ticket-void")


@pytest.mark.parametrize("path", ["/tickets/{id}/validate", "/tickets/scan"])
def test_before_the_gates_open_a_ticket_is_told_when_to_come(sale, path):
    with transaction() as tx:
        opens = text("UPDATE events SET gates_open_at = NULL WHERE id = :id RETURNING start_date - interval '6 hours'")
        opens_at = tx.execute(opens, {"id": sale.event_id}).scalar_one()
    answer = call("POST", path.format(id=sale.ticket_id), by=sale.staff, json=sale.scanned).get_json()
    assert answer["result"] == "not_open"
    assert datetime.fromisoformat(answer["gates_open_at"]) == opens_at
    assert (answer["ticket_id"], answer["validated_at"]) == (str(sale.ticket_id), None)


def test_a_supervisor_undoes_a_scan_and_says_why(sale):
    where = f"/tickets/{sale.ticket_id}/scan/undo"
    reason = {"reason": "Salah pindai di gerbang A"}
    organizer = Principal(sale.organizer_id, "organizer", sale.organizer_id)
    refused = call("POST", where, by=organizer, json=reason)
    assert (refused.status_code, refused.get_json()["type"]) == (409, "/problems/not-used")
    scanned = {**sale.scanned, "gate": "Gerbang A"}
    assert call("POST", "/tickets/scan", by=sale.staff, json=scanned).get_json()["result"] == "valid"
    with transaction() as tx:
        stranger = a_user(tx, role="organizer")
    for other, status in ((sale.staff, 403), (sale.owner, 403), (stranger, 404)):
        assert call("POST", where, by=other, json=reason).status_code == status
    assert call("POST", where, by=organizer, json={"reason": " "}).status_code == 422
    undone = call("POST", where, by=organizer, json=reason)
    assert (undone.status_code, undone.get_json()["gate"]) == (200, "Gerbang A")
    assert call("POST", "/tickets/scan", by=sale.staff, json=scanned).get_json()["result"] == "valid"
    assert call("POST", f"/tickets/{uuid4()}/scan/undo", by=organizer, json=reason).status_code == 404


@pytest.mark.parametrize("path", ["/tickets/{id}/validate", "/tickets/scan"])
def test_a_ticket_is_valid_once(sale, path):
    where = path.format(id=sale.ticket_id)
    first = call("POST", where, by=sale.staff, json={**sale.scanned, "gate": "Gerbang A"})
    second = call("POST", where, by=sale.staff, json=sale.scanned)
    assert (first.status_code, second.status_code) == (200, 200)
    assert (first.get_json()["result"], second.get_json()["result"]) == ("valid", "already_used")
    assert first.get_json()["validated_at"].endswith("Z")
    assert {**first.get_json(), "result": None} == {**second.get_json(), "result": None}


def test_another_tickets_code_is_forged(sale):
    answer = call("POST", f"/tickets/{uuid4()}/validate", by=sale.staff, json=sale.scanned)
    assert answer.get_json()["result"] == "forged"


@pytest.mark.parametrize("held_up", ["", "BEGIN:VCARD\nFN:Budi\nEND:VCARD", "x" * 4296, "🎫"])
def test_whatever_is_held_up_is_judged(sale, held_up):
    answer = call("POST", "/tickets/scan", by=sale.staff, json={**sale.scanned, "qr": held_up})
    assert (answer.status_code, answer.get_json()["result"]) == (200, "forged")


def test_white_space_that_a_scanner_adds_does_not_matter(sale):
    answer = call("POST", "/tickets/scan", by=sale.staff, json={**sale.scanned, "qr": sale.scanned["qr"] + "\r\n"})
    assert answer.get_json()["result"] == "valid"


def test_who_may_do_what(sale):
    with transaction() as tx:
        foreign_staff = a_user(tx, role="staff", organizer_id=a_user(tx, role="organizer").id)
        stranger = a_user(tx)
    assert call("GET", f"/tickets/{sale.ticket_id}/download").status_code == 401
    assert call("GET", f"/tickets/{sale.ticket_id}/download", by=stranger).status_code == 404
    assert call("GET", "/tickets/no-id/download", by=sale.owner).status_code == 404
    assert call("POST", "/tickets/scan", by=sale.owner, json=sale.scanned).status_code == 403
    assert call("POST", "/tickets/scan", by=foreign_staff, json=sale.scanned).status_code == 404
    assert call("POST", "/tickets/scan", by=sale.staff, json={"event_id": sale.scanned["event_id"]}).status_code == 422
