"""Manual tasks are listed for admins until one of them has done them (PS-023)."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.cloud import manual_tasks
from shared.cloud.database import transaction
from shared.cloud.manual_tasks import Done
from shared.identity.tokens import Principal
from tests import endpoints
from tests.factories import a_user
from tests.threads import behind


@pytest.fixture(scope="module")
def admin(database: str) -> Principal:
    with transaction() as tx:
        return a_user(tx, role="admin")


@pytest.fixture
def subject(database: str) -> str:
    """Something whose mail could not be sent."""
    subject = str(uuid4())
    with transaction() as tx:
        manual_tasks.add(tx, "mail_failed", subject="email", subject_id=subject, template="e_ticket")
    return subject


def listed(admin: Principal, subject: str) -> list[dict[str, Any]]:
    answer = endpoints.call("GET", "/admin/manual-tasks?page_size=100", by=admin).get_json()
    assert answer["total"] == len(answer["items"])
    return [task for task in answer["items"] if task["subject_id"] == subject]


def finish(admin: Principal, task_id: str) -> Any:
    return endpoints.call("POST", f"/admin/manual-tasks/{task_id}/done", by=admin, json={"note": "Sent by hand"})


def test_what_is_asked_for_twice_is_listed_once(admin: Principal, subject: str):
    with transaction() as tx:
        manual_tasks.add(tx, "mail_failed", subject="email", subject_id=subject, template="e_ticket")
    [task] = listed(admin, subject)
    assert (task["kind"], task["subject"], task["details"]) == ("mail_failed", "email", {"template": "e_ticket"})


def test_what_is_done_is_listed_no_more_and_the_audit_trail_says_what_was_done(admin: Principal, subject: str):
    [task] = listed(admin, subject)
    finished = finish(admin, task["id"]).get_json()
    assert finished["done_by"] == str(admin.id)
    assert listed(admin, subject) == []
    with transaction() as tx:
        kept = tx.execute(text("SELECT actor_id, details FROM audit_log WHERE subject_id = :id"), {"id": subject}).one()
    assert kept == (admin.id, {"kind": "mail_failed", "note": "Sent by hand"})


def test_it_is_done_once(admin: Principal, subject: str):
    [task] = listed(admin, subject)
    finish(admin, task["id"])
    assert endpoints.problem(finish(admin, task["id"])) == (409, "manual-task-done")


def test_of_two_admins_who_finish_it_at_the_same_moment_one_has_done_it(admin: Principal, subject: str):
    [task] = listed(admin, subject)
    with transaction() as tx:
        manual_tasks.finish(tx, UUID(task["id"]), Done(note="Sent by hand"), by=admin.id)
        finishing = behind(tx, lambda: finish(admin, task["id"]))
    assert endpoints.problem(finishing.result()) == (409, "manual-task-done")


def test_what_nobody_asked_for_can_not_be_done(admin: Principal):
    assert endpoints.problem(finish(admin, str(uuid4()))) == (404, "not-found")


def test_it_may_be_asked_for_again_once_it_is_done(admin: Principal, subject: str):
    [first] = listed(admin, subject)
    finish(admin, first["id"])
    with transaction() as tx:
        manual_tasks.add(tx, "mail_failed", subject="email", subject_id=subject)
    [second] = listed(admin, subject)
    assert second["id"] != first["id"]
