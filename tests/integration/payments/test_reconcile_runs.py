"""An admin sees the runs of reconcile with their repairs, and requests one: beside the request, one at a time (MON)."""

import json
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from sqlalchemy import text

from functions.reconcile.main import RequestedRun, light, run_requested
from shared.cloud import logs
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import reconcile_runs
from shared.site.admin import reconcile_pages
from shared.web.pages import PageRequest
from tests.doubles import Published, Scheduled
from tests.endpoints import call, problem
from tests.factories import a_user, an_order
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

LONG_AGO = "created_at - interval '20 minutes'"


@pytest.fixture
def admin() -> Principal:
    with transaction() as tx:
        tx.execute(text("DELETE FROM reconcile_runs"))
        return a_user(tx, role="admin")


def request(admin: Principal, *, thorough: bool = False) -> Any:
    return call("POST", "/admin/reconcile-runs", by=admin, json={"thorough": thorough})


def shown(admin: Principal, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = call("GET", f"/admin/reconcile-runs/{run_id}", by=admin).get_json()
    return found


def runs(admin: Principal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call("GET", "/admin/reconcile-runs", by=admin).get_json()["items"]
    return found


def deliver(task: Any) -> None:
    """Run a task as the reconcile function receives it, in a request of its own."""
    logs.begin_request()
    assert task.http_request.url.endswith("/functions/reconcile/tasks/run")
    run_requested(RequestedRun(**json.loads(task.http_request.body)))


def a_paid_order_without_tickets() -> UUID:
    order = an_order(paid=True)
    with transaction() as tx:
        paid_before = text("UPDATE orders SET paid_at = paid_at - interval '5 minutes' WHERE id = :id")
        tx.execute(paid_before, {"id": order.id})
    return order.id


def test_a_requested_run_waits_for_its_task_and_then_tells_its_repairs(
    admin: Principal, scheduled: Scheduled, published: Published
):
    order_id = a_paid_order_without_tickets()
    answer = request(admin)
    assert answer.status_code == 202
    waiting = answer.get_json()
    assert (waiting["requested_by"], waiting["started_at"], waiting["finished_at"]) == (str(admin.id), None, None)
    assert {"order_id": str(order_id)} not in published.of("payment.success"), "nothing runs inside the request"
    [task] = scheduled.tasks
    deliver(task)
    done = shown(admin, waiting["id"])
    assert done["finished_at"]
    assert done["totals"]["reconcile_fix_ticket_issued"] >= 1
    assert done["repairs"] >= 1
    assert ("reconcile_fix_ticket_issued", str(order_id)) in {
        (repair["action"], repair["subject_id"]) for repair in done["items"]
    }
    assert {"order_id": str(order_id)} in published.of("payment.success")


def test_requested_twice_at_once_it_runs_once(admin: Principal, scheduled: Scheduled):
    answers = at_the_same_time([lambda: request(admin)] * 4)
    assert {answer.status_code for answer in answers} == {202}
    [run_id] = {answer.get_json()["id"] for answer in answers}
    [task] = scheduled.tasks
    deliver(task)
    deliver(task)  # and so does a task that comes twice
    assert [run["id"] for run in runs(admin)] == [run_id]


def test_requested_while_the_one_that_waits_begins_it_is_another_run(admin: Principal, scheduled: Scheduled):
    first = UUID(request(admin).get_json()["id"])
    with transaction() as tx:
        execute = tx.execute

        def begin_after(*statement: Any) -> Any:
            result = execute(*statement)
            reconcile_runs.run_requested(first)
            return result

        with mock.patch.object(tx, "execute", side_effect=begin_after):
            second = reconcile_runs.request(tx, reconcile_runs.RunRequest(thorough=True), by=admin.id)
    assert (second.id != first, second.thorough, second.started_at) == (True, True, None)


def test_a_run_of_the_other_kind_has_to_wait_its_turn(admin: Principal, scheduled: Scheduled):
    request(admin)
    assert problem(request(admin, thorough=True)) == (409, "reconcile-run-waiting")
    deliver(scheduled.tasks[0])
    assert request(admin, thorough=True).status_code == 202


def test_scheduled_runs_are_listed_too(admin: Principal):
    for thorough in (True, False):
        reconcile_runs.run_scheduled(thorough=thorough)
    assert {(run["thorough"], run["requested_by"]) for run in runs(admin)} == {(True, None), (False, None)}
    assert all(run["finished_at"] for run in runs(admin))
    page = reconcile_pages.listing(PageRequest("/admin/reconcile", language="en"), admin)
    assert page.html.count("Done:") == 2


@pytest.mark.parametrize(
    "set_back",
    [
        f"created_at = {LONG_AGO}",
        f"created_at = {LONG_AGO}, started_at = {LONG_AGO}",
        "created_at = created_at - interval '3 days'",  # as a backup that is restored brings it back
    ],
)
def test_what_did_not_begin_or_was_cut_off_is_run_by_the_schedule(admin: Principal, set_back: str):
    run_id = request(admin).get_json()["id"]
    with transaction() as tx:
        tx.execute(text(f"UPDATE reconcile_runs SET {set_back} WHERE id = :id"), {"id": run_id})
    light()
    assert shown(admin, run_id)["finished_at"]


def test_routine_work_and_a_difference_of_the_books_are_no_repairs(admin: Principal):
    with transaction() as tx:
        run_id: UUID = tx.execute(
            text("""
                INSERT INTO reconcile_runs (thorough, started_at, finished_at, totals)
                VALUES (true, now(), now(), CAST(:totals AS jsonb)) RETURNING id
            """),
            {"totals": json.dumps({"reconcile_fix_mail": 2, "reconcile_release_stock": 5, "ledger_difference": 1})},
        ).scalar_one()
    assert [run["repairs"] for run in runs(admin)] == [2]
    page = reconcile_pages.one(PageRequest(f"/admin/reconcile/{run_id}", language="en"), run_id, admin)
    assert "Done: 2 repaired" in page.html
    assert "Postings that do not balance: 1" in page.html


def test_a_run_that_nobody_knows_is_not_found(admin: Principal):
    assert problem(call("GET", f"/admin/reconcile-runs/{UUID(int=4)}", by=admin)) == (404, "not-found")


@pytest.mark.parametrize("role", ["customer", "organizer"])
def test_only_admins_see_or_request_one(role: str):
    with transaction() as tx:
        somebody = a_user(tx, role=role)
    assert problem(call("GET", "/admin/reconcile-runs", by=somebody)) == (403, "forbidden")
    assert problem(request(somebody)) == (403, "forbidden")
