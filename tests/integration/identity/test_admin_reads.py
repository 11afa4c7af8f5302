"""SEC-012: who looks at other people's data leaves a trace: admins at anything, organizers at what buyers have."""

from uuid import UUID

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.sales.schemas import OrderResponse
from shared.tickets import issuing
from tests.endpoints import call
from tests.factories import Event, a_promo, a_user, an_event, an_order

pytestmark = pytest.mark.usefixtures("database")


class Sale:
    """A paid order of one ticket, a draft of the same organizer, and everybody around them."""

    def __init__(self) -> None:
        with transaction() as tx:
            self.admin, self.buyer = a_user(tx, role="admin"), a_user(tx)
            self.organizer = a_user(tx, role="organizer")
            self.staff = a_user(tx, role="staff", organizer_id=self.organizer.id)
            event = an_event(tx, organizer_id=self.organizer.id)
            self.draft: Event = an_event(tx, organizer_id=self.organizer.id, status="draft")
        order = an_order(event, buyer=self.buyer, paid=True)
        issuing.issue(order.id)
        with transaction() as tx:
            self.order = OrderResponse.read(tx, order.id)
            self.payment_id: UUID = tx.execute(
                text("""
                    INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, status, amount,
                        received_amount, paid_at, expires_at)
                    VALUES (:id, 1, 'xendit', :external_id, 'QRIS', 'paid', 1, 1, now(), now()) RETURNING id
                """),
                {"id": order.id, "external_id": f"{order.id}-1"},
            ).scalar_one()
            self.refund_id: UUID = tx.execute(
                text("""
                    INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
                    VALUES (:id, :payment_id, :user_id, 'by_gateway', 1, 'x', 'completed') RETURNING id
                """),
                {"id": order.id, "payment_id": self.payment_id, "user_id": self.buyer.id},
            ).scalar_one()

    def reads(self) -> dict[str, tuple[str, str]]:
        """Everything of theirs that can be looked at: address and id."""
        ticket_id = self.order.tickets[0].id
        return {
            "order": (f"/orders/{self.order.id}", str(self.order.id)),
            "ticket": (f"/tickets/{ticket_id}/download", str(ticket_id)),
            "payment": (f"/payments/{self.payment_id}/status", str(self.payment_id)),
            "refund": (f"/refunds/{self.refund_id}", str(self.refund_id)),
            "event": (f"/events/{self.draft.id}", str(self.draft.id)),
        }


@pytest.fixture
def sale() -> Sale:
    return Sale()


def traces(by: Principal, action: str = "admin.read") -> list[tuple[str, str | None]]:
    with transaction() as tx:
        rows = tx.execute(
            text("SELECT subject, subject_id FROM audit_log WHERE action = :action AND actor_id = :id ORDER BY id"),
            {"id": by.id, "action": action},
        )
        return [(row.subject, row.subject_id) for row in rows]


@pytest.mark.parametrize("subject", ["order", "ticket", "payment", "refund", "event"])
def test_an_admins_look_at_others_is_in_the_audit_trail(sale: Sale, subject: str):
    path, subject_id = sale.reads()[subject]
    before = traces(sale.admin)
    assert call("GET", path, by=sale.admin).status_code == 200
    assert traces(sale.admin) == [*before, (subject, subject_id)]


@pytest.mark.parametrize("who", ["buyer", "organizer"])
def test_those_it_belongs_to_leave_none(sale: Sale, who: str):
    caller: Principal = getattr(sale, who)
    for subject, (path, _) in sale.reads().items():
        is_theirs = who == "organizer" or subject != "event"
        assert call("GET", path, by=caller).status_code == (200 if is_theirs else 404), subject
    assert traces(caller) == []


@pytest.mark.parametrize("subject", ["order", "ticket", "payment", "refund"])
def test_an_organizers_look_at_a_buyers_is_in_the_audit_trail(sale: Sale, subject: str):
    path, subject_id = sale.reads()[subject]
    assert call("GET", path, by=sale.organizer).status_code == 200
    assert traces(sale.organizer, "organizer.read") == [(subject, subject_id)]


def test_a_buyer_and_an_organizer_leave_none_at_their_own(sale: Sale):
    for subject, (path, _) in sale.reads().items():
        assert call("GET", path, by=sale.buyer).status_code == (404 if subject == "event" else 200)
    for path in (f"/events/{sale.draft.id}", "/payouts", "/promos"):
        assert call("GET", path, by=sale.organizer).status_code == 200
    with transaction() as tx:
        looks = text("SELECT count(*) FROM audit_log WHERE action LIKE '%.read' AND actor_id = ANY(:ids)")
        assert tx.execute(looks, {"ids": [sale.buyer.id, sale.organizer.id]}).scalar_one() == 0


def test_nor_does_a_look_that_is_refused(sale: Sale):
    with transaction() as tx:
        stranger = a_user(tx, role="organizer")
    for path, _ in sale.reads().values():
        assert call("GET", path, by=stranger).status_code == 404
    assert call("GET", f"/events/{sale.order.event_id}/participants", by=stranger).status_code == 404
    assert traces(stranger, "organizer.read") == []


@pytest.mark.parametrize("who", ["admin", "organizer"])
def test_lists_of_people_are_looks_at_others(sale: Sale, who: str):
    caller: Principal = getattr(sale, who)
    for path in (f"/events/{sale.order.event_id}/participants", "/refunds", "/organizer/staff"):
        assert call("GET", path, by=caller).status_code == 200, path
    looked_at = [("participants", str(sale.order.event_id)), ("refund", None), ("staff", None)]
    assert traces(caller, f"{who}.read") == looked_at


def test_gate_staff_see_nothing_of_their_employers(sale: Sale):
    for subject, (path, _) in sale.reads().items():
        assert call("GET", path, by=sale.staff).status_code == 404, subject
    assert call("GET", f"/events/{sale.draft.id}/tickets", by=sale.staff).status_code == 404


def test_a_list_of_everybodys_is_a_look_at_others(sale: Sale):
    for path in ("/refunds", "/payouts"):
        assert call("GET", path, by=sale.admin).status_code == 200
        assert call("GET", path, by=sale.organizer).status_code == 200
    assert traces(sale.admin) == [("refund", None), ("payout", None)]
    assert traces(sale.organizer) == []


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/admin/reviews", "payment"),
        ("/admin/manual-tasks", "manual_task"),
        ("/admin/dead-letters", "dead_letter"),
        ("/admin/ledger/trial-balance", "ledger"),
        ("/admin/ledger/revenue?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", "ledger"),
        ("/promos", "promo"),
    ],
)
def test_so_is_every_list_that_only_admins_are_shown(sale: Sale, path: str, subject: str):
    assert call("GET", path, by=sale.admin).status_code == 200
    assert traces(sale.admin) == [(subject, None)]


def test_a_code_and_a_dead_letter_are_looked_at_too(sale: Sale):
    with transaction() as tx:
        promo_id = a_promo(tx, sale.draft)
        letter_id = tx.execute(
            text("""
                INSERT INTO dead_letters (kind, source, target, payload, message_id)
                VALUES ('message', 'email.requested', 'send_email', '{}', :key) RETURNING id
            """),
            {"key": str(promo_id)},
        ).scalar_one()
    for path in (f"/promos/{promo_id}", f"/admin/dead-letters/{letter_id}"):
        assert call("GET", path, by=sale.admin).status_code == 200
    assert traces(sale.admin) == [("promo", str(promo_id)), ("dead_letter", str(letter_id))]
    assert call("GET", f"/promos/{promo_id}", by=sale.organizer).status_code == 200
    assert call("GET", "/promos", by=sale.organizer).status_code == 200
    assert traces(sale.organizer) == []


def test_an_admins_own_things_are_their_own(sale: Sale):
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        draft = an_event(tx, organizer_id=admin.id, status="draft")
    own = an_order(buyer=admin)
    assert call("GET", f"/orders/{own.id}", by=admin).status_code == 200
    assert call("GET", f"/events/{draft.id}", by=admin).status_code == 200
    assert traces(admin) == []


def test_what_everybody_sees_is_no_look_at_others(sale: Sale):
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    assert call("GET", f"/events/{sale.order.event_id}", by=admin).status_code == 200
    assert traces(admin) == []


def test_an_account_that_is_shown_without_being_changed_counts_as_looked_at(sale: Sale):
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    for role in ("organizer", "organizer"):
        path = f"/admin/users/{sale.organizer.id}/role"
        assert call("PUT", path, by=admin, json={"role": role}).status_code == 200
    assert traces(admin) == [("user", str(sale.organizer.id))] * 2


def test_a_change_that_changes_nothing_is_a_look_too(sale: Sale):
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    assert call("PUT", f"/events/{sale.draft.id}", by=admin, json={}).status_code == 200
    assert traces(admin) == [("event", str(sale.draft.id))]
