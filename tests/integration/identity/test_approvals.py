"""A second admin approves what one requests within a day; an event is cancelled so (FN-017, SEC-012)."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity import approvals, erasure, people
from shared.identity.approvals import ApprovalQuery
from shared.identity.tokens import Principal
from shared.states import ApprovalAction
from tests.endpoints import call, problem
from tests.factories import Event, a_user, an_event
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

AGE = text("UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = :id")


def an_admin() -> Principal:
    with transaction() as tx:
        return a_user(tx, role="admin")


@pytest.fixture
def event() -> Event:
    with transaction() as tx:
        return an_event(tx)


def request(by: Principal, event: Event, **body: Any) -> Response:
    wanted = {"reason": "Izin dicabut", **body}
    return call("POST", f"/admin/events/{event.id}/cancellation", by=by, json=wanted)


def requested(by: Principal, event: Event, **body: Any) -> dict[str, Any]:
    answer = request(by, event, **body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def decide(by: Principal, approval_id: str, act: str = "approve", body: dict[str, Any] | None = None) -> Response:
    return call("POST", f"/admin/approvals/{approval_id}/{act}", by=by, **({"json": body} if body else {}))


def status_of(event: Event) -> str:
    with transaction() as tx:
        status: str = tx.execute(text("SELECT status FROM events WHERE id = :id"), {"id": event.id}).scalar_one()
        return status


def audited(event: Event) -> list[tuple[str, UUID | None]]:
    query = "SELECT action, actor_id FROM audit_log WHERE subject_id = :id AND action LIKE 'approval.%' ORDER BY id"
    with transaction() as tx:
        return [(row.action, row.actor_id) for row in tx.execute(text(query), {"id": str(event.id)})]


def expire(approval_id: str) -> None:
    with transaction() as tx:
        tx.execute(AGE, {"id": approval_id})


def test_a_second_admin_cancels_what_a_first_one_requested(event: Event):
    first, second = an_admin(), an_admin()
    waiting = requested(first, event, waive_penalty=True)
    assert status_of(event) == "published"
    assert (waiting["action"], waiting["reason"], waiting["details"]) == (
        "event_cancellation",
        "Izin dicabut",
        {"waive_penalty": True},
    )
    approved = decide(second, waiting["id"]).get_json()
    assert (approved["decision"], approved["decided_by"]) == ("approved", str(second.id))
    assert status_of(event) == "cancelled"
    assert audited(event) == [("approval.requested", first.id), ("approval.approved", second.id)]
    progress = call("GET", f"/events/{event.id}/cancellation", by=second).get_json()
    assert progress["reason"] == "Izin dicabut"


def test_nobody_approves_what_they_requested_themselves(event: Event):
    admin = an_admin()
    waiting = requested(admin, event)
    assert problem(decide(admin, waiting["id"])) == (409, "own-approval-request")
    assert status_of(event) == "published"


def test_the_database_refuses_it_too(event: Event):
    admin = an_admin()
    waiting = requested(admin, event)
    update = text("UPDATE approvals SET decision = 'approved', decided_by = :by, decided_at = now() WHERE id = :id")
    with pytest.raises(DBAPIError, match="approved_by_another"), transaction() as tx:
        tx.execute(update, {"by": admin.id, "id": waiting["id"]})


def test_a_request_expires_after_a_day(event: Event):
    first, second = an_admin(), an_admin()
    waiting = requested(first, event)
    with transaction() as tx:
        hours = "SELECT extract(epoch FROM expires_at - created_at) / 3600 FROM approvals WHERE id = :id"
        assert tx.execute(text(hours), {"id": waiting["id"]}).scalar_one() == 24
    expire(waiting["id"])
    assert problem(decide(second, waiting["id"])) == (409, "approval-expired")
    assert status_of(event) == "published"
    assert call("GET", f"/admin/approvals/{waiting['id']}", by=second).get_json()["decision"] == "expired"
    again = requested(first, event)  # and then it is requested anew
    assert decide(second, again["id"]).status_code == 200


def test_what_an_admin_requested_who_has_deleted_their_account_is_not_carried_out(event: Event):
    first, second = an_admin(), an_admin()
    waiting = requested(first, event)
    with transaction() as tx:
        person = people.lock_for_deletion(tx, first.id)
        assert person
        erasure.erase(tx, person)
    assert problem(decide(second, waiting["id"])) == (409, "approval-expired")
    assert status_of(event) == "published"


def test_the_database_refuses_an_approval_that_comes_too_late(event: Event):
    waiting = requested(an_admin(), event)
    expire(waiting["id"])
    update = text("UPDATE approvals SET decision = 'approved', decided_by = :by, decided_at = now() WHERE id = :id")
    with pytest.raises(DBAPIError, match="approved_in_time"), transaction() as tx:
        tx.execute(update, {"by": an_admin().id, "id": waiting["id"]})


def test_the_same_is_requested_once_at_a_time(event: Event):
    first, second = an_admin(), an_admin()
    answers = at_the_same_time([lambda each=each: request(each, event) for each in (first, second)])
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert problem(request(first, event)) == (409, "approval-already-requested")


def test_two_who_decide_at_once_act_once(event: Event):
    waiting = requested(an_admin(), event)
    seconds = [an_admin(), an_admin(), an_admin()]
    answers = at_the_same_time([lambda each=each: decide(each, waiting["id"]) for each in seconds])
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert {problem(answer)[1] for answer in answers if answer.status_code == 409} == {"approval-decided"}
    assert [action for action, _ in audited(event)] == ["approval.requested", "approval.approved"]


def test_what_is_declined_or_taken_back_is_done_with(event: Event):
    first, second = an_admin(), an_admin()
    declined = decide(second, requested(first, event)["id"], "decline", {"reason": "Belum pasti"}).get_json()
    assert declined["decision"] == "declined"
    assert problem(decide(second, declined["id"])) == (409, "approval-decided")
    taken_back = decide(first, requested(first, event)["id"], "decline", {"reason": "Salah acara"})
    assert taken_back.get_json()["decided_by"] == str(first.id)
    assert status_of(event) == "published"


def test_the_request_of_who_is_no_longer_an_admin_counts_no_more(event: Event):
    first, second = an_admin(), an_admin()
    waiting = requested(first, event)
    with transaction() as tx:
        tx.execute(text("UPDATE users SET role = 'customer' WHERE id = :id"), {"id": first.id})
    assert problem(decide(second, waiting["id"])) == (409, "approval-expired")


def test_what_cannot_be_cancelled_is_not_requested(event: Event):
    admin = an_admin()
    with transaction() as tx:
        tx.execute(text("UPDATE events SET status = 'cancelled' WHERE id = :id"), {"id": event.id})
    assert problem(request(admin, event)) == (409, "event-cancelled")
    unknown = call("POST", f"/admin/events/{uuid4()}/cancellation", by=admin, json={"reason": "x"})
    assert problem(unknown) == (404, "not-found")


def test_what_waits_and_what_was_decided_is_listed(event: Event):
    first, second = an_admin(), an_admin()
    waiting = requested(first, event)
    with transaction() as tx:
        assert approvals.count_open(tx) >= 1
        found = approvals.find_open(tx, ApprovalAction.EVENT_CANCELLATION, event.id)
        assert found
        assert str(found.id) == waiting["id"]
        assert found.id in {each.id for each in approvals.list_page(tx, ApprovalQuery(page_size=100)).items}
    decide(second, waiting["id"])
    listed = call("GET", "/admin/approvals?status=decided&page_size=100", by=first).get_json()["items"]
    assert waiting["id"] in {each["id"] for each in listed}


@pytest.mark.parametrize("role", ["customer", "organizer", "staff"])
def test_only_admins_see_or_decide(event: Event, role: str):
    waiting = requested(an_admin(), event)
    with transaction() as tx:
        somebody = a_user(tx, role=role, organizer_id=event.organizer_id if role == "staff" else None)
    for method, path in (
        ("GET", "/admin/approvals"),
        ("GET", f"/admin/approvals/{waiting['id']}"),
        ("POST", f"/admin/approvals/{waiting['id']}/approve"),
        ("POST", f"/admin/approvals/{waiting['id']}/decline"),
        ("POST", f"/admin/events/{event.id}/cancellation"),
    ):
        assert problem(call(method, path, by=somebody)) == (403, "forbidden")


def test_an_admin_alone_cancels_nothing_in_the_cloud(event: Event, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CANCELLATION_APPROVAL", "required")
    settings.cache_clear()
    admin = an_admin()
    refused = call("POST", f"/events/{event.id}/cancel", by=admin, json={"reason": "Hujan"})
    assert problem(refused) == (409, "approval-required")
    assert refused.get_json()["request_at"] == f"/api/v1/admin/events/{event.id}/cancellation"
    organizer = Principal(event.organizer_id, "organizer", event.organizer_id)
    assert call("POST", f"/events/{event.id}/cancel", by=organizer, json={"reason": "Hujan"}).status_code == 202
    again = call("POST", f"/events/{event.id}/cancel", by=admin, json={"reason": "Hujan"})
    assert again.status_code == 202  # it is being cancelled: this only tells how far it is


@pytest.fixture(autouse=True)
def _settings_are_read_anew() -> Any:
    yield
    settings.cache_clear()


def test_an_admin_of_a_few_days_approves_nothing(event: Event):
    first = an_admin()
    with transaction() as tx:
        accomplice = a_user(tx, role="customer")
    changed = call("PUT", f"/admin/users/{accomplice.id}/role", by=first, json={"role": "admin"})
    assert changed.status_code == 200
    waiting = requested(first, event)
    newcomer = Principal(accomplice.id, "admin", None)
    assert problem(decide(newcomer, waiting["id"])) == (403, "new-admin")
    assert status_of(event) == "published"
    assert decide(newcomer, waiting["id"], "decline", {"reason": "Belum pasti"}).status_code == 200
