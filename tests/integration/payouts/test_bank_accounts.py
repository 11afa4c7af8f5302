"""A bank account that was changed gets no money until its owner could stop it; another's name gets no payout."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Response
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from infra.local.postgres import Postgres
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.gateways import registry
from shared.gateways.statuses import AccountCheck, AccountName
from shared.identity.tokens import Principal, access_token
from shared.messages.template_context import QueuedEmail
from shared.payments import reconcile
from shared.payouts import bank_account_checks, creation
from shared.payouts import execution as payout_execution
from shared.refunds import approval
from shared.refunds import execution as refund_execution
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from tests.endpoints import call, problem
from tests.factories import a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.refunds.steps import let_it_be_over, open_tasks, rows
from tests.mail_sending import compose_mail
from tests.model.gateways import Gateways, gateways
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database", "at", "a_day_s_wait")

OLD, NEW, THIRD = "1234567890", "1234567891", "1234567892"
AWAY = "0000123456"


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    """Both gateways."""
    with gateways(postgres, "changed_accounts_gateways") as served:
        yield served


@pytest.fixture
def a_day_s_wait(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A new account waits for a day, as in production."""
    monkeypatch.setenv("BANK_ACCOUNT_WAIT_SECONDS", "86400")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def put(caller: Principal, number: str = OLD, holder: str = "Siti Rahma", *, bank: str = "BCA") -> dict[str, Any]:
    account = {"bank_code": bank, "account_number": number, "account_holder_name": holder}
    answer = call("PUT", "/account/bank-account", by=caller, json=account)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    shown: dict[str, Any] = answer.get_json()
    return shown


def admin() -> Principal:
    with transaction() as tx:
        return a_user(tx, role="admin")


def release(account_id: str) -> Response:
    body = {"reason": "Called them at the number we had"}
    return call("POST", f"/admin/bank-accounts/{account_id}/release", by=admin(), json=body)


def decide(account_id: str, status: str) -> None:
    answer = call("PUT", f"/admin/bank-accounts/{account_id}", by=admin(), json={"status": status})
    assert answer.status_code == 200, answer.get_data(as_text=True)


def an_organizer(**columns: Any) -> Principal:
    with transaction() as tx:
        return a_user(tx, role="organizer", **columns)


def a_payout(organizer: Principal) -> UUID:
    """A payout that is due to an organizer."""
    with transaction() as tx:
        event = an_event(tx, organizer_id=organizer.id)
    a_paid_order(event)
    let_it_be_over(event.id)
    creation.create_all_due()
    [payout] = rows("SELECT id FROM payouts WHERE event_id = :id", id=event.id)
    return UUID(str(payout.id))


def shown(caller: Principal, kind: str, row_id: UUID) -> tuple[str, str | None]:
    """The state of a payout or a refund as its receiver sees it, and what it waits for."""
    answer = call("GET", f"/{kind}/{row_id}", by=caller).get_json()
    return answer["status"], answer.get("waits_for")


def an_approved_refund(buyer: Principal) -> UUID:
    """A refund that can go to a bank account only."""
    with transaction() as tx:
        event, decider = an_event(tx), a_user(tx, role="admin")
    order = a_paid_order(event, buyer=buyer, method="BCA")
    with transaction() as tx:
        asked = refund_requests.request(tx, buyer.id, RefundRequest(order_id=order.id, reason="Sakit"))
        approval.approve(tx, decider, asked.id)
    return asked.id


def a_buyer() -> Principal:
    with transaction() as tx:
        return a_user(tx)


def wait_for(account_id: str) -> None:
    """A day goes by."""
    with transaction() as tx:
        query = "UPDATE bank_accounts SET waits_until = clock_timestamp() - interval '1 second' WHERE id = :id"
        tx.execute(text(query), {"id": account_id})


def reconcile_later() -> None:
    for table in ("payouts", "refunds"):
        with transaction() as tx:
            tx.execute(text(f"UPDATE {table} SET updated_at = updated_at - interval '10 minutes'"))
    reconcile.run(thorough=False)


def sent_to(debt: UUID) -> list[str]:
    """The end of the account that each transfer went to, the oldest first."""
    query = """SELECT b.account_number_ending AS ending FROM disbursements d
        JOIN bank_accounts b ON b.id = d.bank_account_id
        WHERE d.payout_id = :id OR d.refund_id = :id ORDER BY d.attempt"""
    return [row.ending for row in rows(query, id=debt)]


def mail_about(account_id: str) -> Any:
    """The mail about an account, as it goes out."""
    query = "SELECT * FROM emails WHERE template = 'bank_account_set' AND context ->> 'account_id' = :id"
    [row] = rows(query, id=account_id)
    fields = ("id", "template", "to_address", "language", "context", "order_id", "attempts")
    return compose_mail(QueuedEmail(**{name: getattr(row, name) for name in fields}))


def freeze_link(account_id: str) -> str:
    [path] = set(re.findall(r"/api/v1(/account/bank-account/freeze\?token=[0-9a-f]+)", mail_about(account_id).text))
    return str(path)


def test_a_payout_goes_to_a_changed_account_after_a_day_and_without_a_person():
    organizer = an_organizer()
    put(organizer, OLD)
    changed = put(organizer, NEW)
    payout_id = a_payout(organizer)
    payout_execution.execute(payout_id)
    reconcile_later()
    assert sent_to(payout_id) == []
    assert shown(organizer, "payouts", payout_id) == ("pending", "bank_account_wait")
    assert changed["usable_from"] is not None

    wait_for(changed["id"])
    reconcile_later()
    assert sent_to(payout_id) == ["7891"]
    assert shown(organizer, "payouts", payout_id) == ("completed", None)


def test_a_refund_approved_during_the_wait_is_sent_after_it():
    buyer = a_buyer()
    put(buyer, OLD)
    changed = put(buyer, NEW)
    refund_id = an_approved_refund(buyer)
    refund_execution.execute(refund_id)
    reconcile_later()
    assert sent_to(refund_id) == []
    assert shown(buyer, "refunds", refund_id) == ("approved", "bank_account_wait")

    wait_for(changed["id"])
    reconcile_later()
    assert sent_to(refund_id) == ["7891"]
    assert shown(buyer, "refunds", refund_id) == ("completed", None)


def test_a_first_account_and_the_same_one_again_need_not_wait():
    organizer = an_organizer()
    first, again = put(organizer, OLD), put(organizer, OLD)
    assert (first["id"], first["usable_from"]) == (again["id"], None)
    payout_id = a_payout(organizer)
    payout_execution.execute(payout_id)
    assert sent_to(payout_id) == ["7890"]


def test_setting_the_changed_account_again_does_not_shorten_its_wait():
    organizer = an_organizer()
    put(organizer, OLD)
    changed = put(organizer, NEW)
    assert put(organizer, NEW) == changed
    assert put(organizer, OLD)["usable_from"] is not None, "who goes back to the old one changes it too"


def test_an_account_that_is_being_checked_is_replaced_with_a_wait():
    organizer = an_organizer()
    with transaction() as tx:
        put(organizer, OLD)
        tx.execute(text("UPDATE bank_accounts SET status = 'checking' WHERE user_id = :id"), {"id": organizer.id})
    assert put(organizer, NEW)["usable_from"] is not None


def test_the_same_account_again_while_it_is_being_checked_is_no_change():
    organizer = an_organizer()
    silent = put(organizer, "0000131313")
    assert silent["status"] == "checking"
    assert put(organizer, "0000131313") == silent
    other = put(organizer, OLD)
    with transaction() as tx:
        tx.execute(text("UPDATE bank_accounts SET status = 'checking' WHERE id = :id"), {"id": other["id"]})
    assert put(organizer, OLD) == other
    with transaction() as tx:
        tx.execute(text("UPDATE bank_accounts SET status = 'checking' WHERE id = :id"), {"id": other["id"]})
    renamed = put(organizer, OLD, "Fira Diyanka")
    assert renamed["id"] != other["id"], "the bank has not confirmed the other name"


def test_an_admin_releases_a_changed_account_with_a_fresh_proof_and_a_reason():
    organizer = an_organizer()
    put(organizer, OLD)
    changed = put(organizer, NEW)
    payout_id = a_payout(organizer)
    payout_execution.execute(payout_id)
    who = admin()
    stale = {"Authorization": f"Bearer {access_token(who.id, who.role, None, None, auth_time=1)}"}
    path = f"/admin/bank-accounts/{changed['id']}/release"
    assert problem(call("POST", path, headers=stale, json={"reason": "x"})) == (403, "fresh-proof-required")
    assert problem(call("POST", path, by=organizer, json={"reason": "x"})) == (403, "forbidden")
    assert call("POST", path, by=who, json={}).status_code == 422

    assert release(changed["id"]).get_json()["usable_from"] is None
    payout_execution.execute(payout_id)
    assert sent_to(payout_id) == ["7891"]
    [line] = rows(
        "SELECT details FROM audit_log WHERE action = 'bank_account.released' AND subject_id = :id",
        id=str(organizer.id),
    )
    assert line.details["reason"] == "Called them at the number we had"


@pytest.mark.slow("a race of two, twenty times")
def test_two_changes_at_once_leave_one_account_which_waits():
    for _ in range(20):
        organizer = an_organizer()
        at_the_same_time([lambda about=organizer: put(about, OLD), lambda about=organizer: put(about, NEW)])
        accounts = rows(
            "SELECT waits_until, replaced_at FROM bank_accounts WHERE user_id = :id ORDER BY replaced_at NULLS LAST",
            id=organizer.id,
        )
        assert [(each.waits_until is None, each.replaced_at is None) for each in accounts] == [
            (True, False),
            (False, True),
        ]


def test_a_transfer_under_way_is_not_touched(at: Gateways):
    organizer = an_organizer()
    put(organizer, OLD)
    payout_id = a_payout(organizer)
    at.fails("xendit", status=503, count=1000)
    with pytest.raises(Exception, match="503"):
        payout_execution.execute(payout_id)
    at.behaves("xendit")
    put(organizer, NEW)
    payout_execution.execute(payout_id)
    assert sent_to(payout_id) == ["7890"]
    assert shown(organizer, "payouts", payout_id)[0] == "completed"


def test_what_failed_is_not_sent_to_a_changed_account_before_its_time():
    buyer = a_buyer()
    put(buyer, "0000999999")
    refund_id = an_approved_refund(buyer)
    refund_execution.execute(refund_id)
    changed = put(buyer, NEW)
    refund_execution.execute(refund_id)
    assert shown(buyer, "refunds", refund_id) == ("approved", "bank_account_wait")
    wait_for(changed["id"])
    reconcile_later()
    assert sent_to(refund_id) == ["9999", "7891"]


def test_the_owner_is_mailed_about_the_first_account_and_each_change():
    organizer = an_organizer()
    first, changed = put(organizer, OLD), put(organizer, NEW)
    mail = mail_about(first["id"])
    assert "BCA" in mail.subject
    assert "7890" in mail.subject
    assert "menggantikan yang lama" not in mail.text
    assert "menggantikan yang lama" in mail_about(changed["id"]).text
    for written in (mail.text, mail.html):
        assert OLD not in written
        assert "/account/bank-account/freeze?token=" in written
    with transaction() as tx:
        tx.execute(text("UPDATE users SET language = 'en' WHERE id = :id"), {"id": organizer.id})
    assert "replaces another account" in mail_about(put(organizer, THIRD)["id"]).text


def test_the_link_in_the_mail_stops_an_account_and_looking_at_it_does_nothing():
    organizer = an_organizer()
    account = put(organizer, OLD)
    payout_id = a_payout(organizer)
    link = freeze_link(account["id"])
    for _ in range(3):  # a mail scanner
        page = call("GET", link)
        assert page.status_code == 200
        assert '<form method="post">' in page.get_data(as_text=True)
        assert call("HEAD", link).status_code in (200, 405)
    assert not call("GET", "/account/bank-account", by=organizer).get_json()["is_frozen"]

    for _ in range(2):
        assert "Selesai" in call("POST", link).get_data(as_text=True)
    payout_execution.execute(payout_id)
    reconcile_later()
    assert sent_to(payout_id) == []
    assert shown(organizer, "payouts", payout_id) == ("pending", "bank_account_frozen")
    assert open_tasks(UUID(account["id"])) == ["bank_account_frozen"]
    assert (
        len(
            rows(
                "SELECT 1 FROM audit_log WHERE action = 'bank_account.frozen' AND subject_id = :id",
                id=str(organizer.id),
            )
        )
        == 1
    )

    again = put(organizer, OLD)
    assert (again["is_frozen"], again["usable_from"] is not None) == (False, True)
    assert open_tasks(UUID(account["id"])) == []
    assert shown(organizer, "payouts", payout_id) == ("pending", "bank_account_wait")
    wait_for(again["id"])
    reconcile_later()
    assert sent_to(payout_id) == ["7890"]


def test_a_refund_waits_for_a_frozen_account_and_an_admin_may_release_it():
    buyer = a_buyer()
    account = put(buyer, OLD)
    refund_id = an_approved_refund(buyer)
    assert call("POST", freeze_link(account["id"])).status_code == 200
    refund_execution.execute(refund_id)
    assert shown(buyer, "refunds", refund_id) == ("approved", "bank_account_frozen")
    assert release(account["id"]).status_code == 200
    assert open_tasks(UUID(account["id"])) == []
    refund_execution.execute(refund_id)
    assert sent_to(refund_id) == ["7890"]


def never_arrives(at: Gateways, execute: Callable[[UUID], str], debt: UUID) -> None:
    """A transfer begins, and its gateway is away."""
    at.fails("xendit", status=503, count=1000)
    with pytest.raises(Exception, match="503"):
        execute(debt)
    at.behaves("xendit")


def let_an_hour_go_by(account_id: str) -> None:
    """An hour goes by since the account was replaced."""
    with transaction() as tx:
        query = "UPDATE bank_accounts SET replaced_at = replaced_at - interval '61 minutes' WHERE id = :id"
        tx.execute(text(query), {"id": account_id})


def sync_later(debt: UUID) -> None:
    with transaction() as tx:
        query = """UPDATE disbursements SET updated_at = updated_at - interval '10 minutes'
            WHERE :id IN (payout_id, refund_id)"""
        tx.execute(text(query), {"id": debt})
    reconcile.run(thorough=False)


@pytest.mark.parametrize("kind", ["payouts", "refunds"])
def test_a_transfer_that_never_arrived_is_not_sent_again_to_an_account_that_was_frozen(at: Gateways, kind: str):
    owner = an_organizer() if kind == "payouts" else a_buyer()
    account = put(owner, OLD)
    debt, execute = (
        (a_payout(owner), payout_execution.execute)
        if kind == "payouts"
        else (an_approved_refund(owner), refund_execution.execute)
    )
    never_arrives(at, execute, debt)
    assert call("POST", freeze_link(account["id"])).status_code == 200
    execute(debt)
    sync_later(debt)
    assert shown(owner, kind, debt)[0] == "processing"
    [transfer] = rows("SELECT id, status FROM disbursements WHERE :id IN (payout_id, refund_id)", id=debt)
    assert transfer.status == "sending"
    assert str(transfer.id) not in at.moved("xendit")

    assert release(account["id"]).status_code == 200
    sync_later(debt)
    assert shown(owner, kind, debt)[0] == "completed"
    assert sent_to(debt) == ["7890"]


@pytest.mark.parametrize("kind", ["payouts", "refunds"])
def test_what_never_arrived_at_a_frozen_account_waits_for_the_check_of_the_next_one(at: Gateways, kind: str):
    owner = an_organizer() if kind == "payouts" else a_buyer()
    account = put(owner, OLD)
    debt, execute = (
        (a_payout(owner), payout_execution.execute)
        if kind == "payouts"
        else (an_approved_refund(owner), refund_execution.execute)
    )
    never_arrives(at, execute, debt)
    assert call("POST", freeze_link(account["id"])).status_code == 200
    assert put(owner, "0000131313")["status"] == "checking"
    let_an_hour_go_by(account["id"])
    sync_later(debt)
    execute(debt)  # as the message says
    assert shown(owner, kind, debt)[0] == ("pending" if kind == "payouts" else "approved")
    assert open_tasks(debt) == []
    [mail] = asked_for_an_account(debt)
    assert "menolak" not in mail


@pytest.mark.parametrize("kind", ["payouts", "refunds"])
def test_what_never_arrived_at_a_frozen_account_goes_to_the_one_that_is_set_instead(at: Gateways, kind: str):
    owner = an_organizer() if kind == "payouts" else a_buyer()
    account = put(owner, OLD)
    debt, execute = (
        (a_payout(owner), payout_execution.execute)
        if kind == "payouts"
        else (an_approved_refund(owner), refund_execution.execute)
    )
    never_arrives(at, execute, debt)
    assert call("POST", freeze_link(account["id"])).status_code == 200
    other = put(owner, NEW)
    sync_later(debt)
    assert shown(owner, kind, debt)[0] == "processing", "a call that began before may be under way"
    let_an_hour_go_by(account["id"])
    sync_later(debt)
    execute(debt)  # as the message says
    assert shown(owner, kind, debt)[1] == "bank_account_wait"
    wait_for(other["id"])
    reconcile_later()
    assert shown(owner, kind, debt)[0] == "completed"
    assert sent_to(debt) == ["7890", "7891"]
    assert open_tasks(debt) == []
    sent = rows("SELECT id FROM disbursements WHERE :id IN (payout_id, refund_id) ORDER BY attempt", id=debt)
    assert [str(each.id) in at.moved("xendit") for each in sent] == [False, True]


@pytest.mark.slow("a race of two, twenty times")
def test_a_frozen_account_is_frozen_for_whoever_sends_at_that_moment():
    for _ in range(20):
        organizer = an_organizer()
        account = put(organizer, OLD)
        payout_id = a_payout(organizer)
        link = freeze_link(account["id"])
        at_the_same_time([lambda about=payout_id: payout_execution.execute(about), lambda to=link: call("POST", to)])
        status, _ = shown(organizer, "payouts", payout_id)
        assert (status, len(sent_to(payout_id))) in (("completed", 1), ("pending", 0))


def test_links_that_are_forged_old_or_of_a_replaced_account_stop_nothing(monkeypatch: pytest.MonkeyPatch):
    organizer = an_organizer()
    account = put(organizer, OLD)
    link = freeze_link(account["id"])
    forged = link[:-1] + ("0" if link[-1] != "0" else "1")
    for method in ("GET", "POST"):
        assert problem(call(method, forged)) == (404, "link-invalid")
    later = clock.now() + timedelta(days=15)
    with monkeypatch.context() as then:
        then.setattr(clock, "now", lambda: later)
        assert problem(call("POST", link)) == (404, "link-invalid")
    put(organizer, NEW)
    assert call("POST", link).status_code == 200
    assert not call("GET", "/account/bank-account", by=organizer).get_json()["is_frozen"]


def test_the_database_refuses_a_transfer_to_an_account_that_waits():
    organizer = an_organizer()
    put(organizer, OLD)
    changed = put(organizer, NEW)
    payout_id = a_payout(organizer)
    insert = "INSERT INTO disbursements (payout_id, attempt, bank_account_id, amount) VALUES (:payout, 1, :account, 1)"
    with pytest.raises(DatabaseError, match="disbursements_account_usable"), transaction() as tx:
        tx.execute(text(insert), {"payout": payout_id, "account": changed["id"]})


def test_a_holder_of_another_name_is_paid_once_an_admin_has_decided():
    organizer = an_organizer(full_name="Budi Santoso")
    account = put(organizer, OLD, "Fira Diyanka")
    payout_id = a_payout(organizer)
    payout_execution.execute(payout_id)
    reconcile_later()
    assert sent_to(payout_id) == []
    assert shown(organizer, "payouts", payout_id) == ("pending", "bank_account_name")
    assert open_tasks(UUID(account["id"])) == ["bank_account_name_differs"]

    decide(account["id"], "verified")
    assert open_tasks(UUID(account["id"])) == []
    payout_execution.execute(payout_id)
    assert sent_to(payout_id) == ["7890"]
    assert open_tasks(UUID(put(organizer, NEW, "Fira Diyanka")["id"])) == [], "the name is known from now on"


def test_a_holder_whom_an_admin_refuses_is_not_paid():
    organizer = an_organizer(full_name="Budi Santoso")
    account = put(organizer, OLD, "Fira Diyanka")
    payout_id = a_payout(organizer)
    decide(account["id"], "refused")
    payout_execution.execute(payout_id)
    assert sent_to(payout_id) == []
    assert shown(organizer, "payouts", payout_id) == ("pending", "bank_account")


def asked_for_an_account(debt: UUID) -> list[str]:
    """The texts of the mails that ask whom a refund or a payout belongs to for a bank account."""
    query = """SELECT id, template, to_address, language, context, order_id, attempts FROM emails
        WHERE template IN ('refund_account_needed', 'payout_account_needed')
          AND :id IN (context ->> 'refund_id', context ->> 'payout_id') ORDER BY created_at"""
    return [compose_mail(QueuedEmail(**row._mapping)).text for row in rows(query, id=str(debt))]


def unknown_account(_gateway: Any, request_id: str) -> AccountName:
    return AccountName(request_id, AccountCheck.NOT_FOUND, None, is_virtual_account=False)


@pytest.mark.parametrize("by", ["the bank", "an admin"])
def test_who_has_set_an_account_that_is_refused_later_is_asked_for_another(by: str, monkeypatch: pytest.MonkeyPatch):
    organizer, buyer = an_organizer(), a_buyer()
    payout_id, refund_id = a_payout(organizer), an_approved_refund(buyer)
    for caller, execute, debt in (
        (organizer, payout_execution.execute, payout_id),
        (buyer, refund_execution.execute, refund_id),
    ):
        execute(debt)
        assert len(asked_for_an_account(debt)) == 1
        account = put(caller, "0000131313")
        assert account["status"] == "checking"
        if by == "an admin":
            decide(account["id"], "refused")
        else:
            monkeypatch.setattr(type(registry.transfer_gateway()), "account_name", unknown_account)
            assert bank_account_checks.recheck(UUID(account["id"])) == "refused"
        for _ in range(2):
            execute(debt)
        first, second = asked_for_an_account(debt)
        assert "tidak bisa dipakai" in second
        assert "tidak bisa dipakai" not in first


def test_a_buyer_whose_next_account_fails_for_the_same_reason_is_asked_again():
    buyer = a_buyer()
    put(buyer, "0000999999")
    refund_id = an_approved_refund(buyer)
    refund_execution.execute(refund_id)
    assert len(asked_for_an_account(refund_id)) == 1
    wait_for(put(buyer, "0000999999", bank="PERMATA")["id"])
    refund_execution.execute(refund_id)
    assert sent_to(refund_id) == ["9999", "9999"]
    assert shown(buyer, "refunds", refund_id)[0] == "failed"
    assert len(asked_for_an_account(refund_id)) == 2


def test_a_refund_goes_to_a_holder_of_another_name():
    organizer = an_organizer(full_name="Budi Santoso")
    put(organizer, OLD, "Fira Diyanka")
    refund_id = an_approved_refund(organizer)
    refund_execution.execute(refund_id)
    assert sent_to(refund_id) == ["7890"]


@pytest.mark.parametrize("holder", ["PT Senja Kreatif", "KREATIF SENJA", "Senja Kreatif Nusanta"])
def test_titles_order_and_cut_names_are_the_same_holder(holder: str):
    organizer = an_organizer(full_name="Senja Kreatif" if "Nusanta" not in holder else "Senja Kreatif Nusantara")
    assert open_tasks(UUID(put(organizer, OLD, holder)["id"])) == []


def change_profile(caller: Principal, **changes: Any) -> Response:
    return call("PUT", "/account", by=caller, json=changes)


def test_a_legal_name_is_compared_and_needs_a_fresh_proof():
    organizer = an_organizer(full_name="Konser Senja")
    stale = access_token(organizer.id, "organizer", organizer.id, None, auth_time=1)
    refused = call("PUT", "/account", headers={"Authorization": f"Bearer {stale}"}, json={"legal_name": "Budi Santoso"})
    assert problem(refused) == (403, "fresh-proof-required")
    assert change_profile(organizer, legal_name="Budi Santoso").get_json()["legal_name"] == "Budi Santoso"
    assert open_tasks(UUID(put(organizer, OLD, "Budi Santoso")["id"])) == []


def test_no_change_of_name_gets_a_payout_by_itself_once_an_account_is_set():
    organizer = an_organizer(full_name="Budi Santoso")
    put(organizer, OLD, "Budi Santoso")
    assert change_profile(organizer, full_name="Fira Diyanka", legal_name="Fira Diyanka").status_code == 200
    account = put(organizer, NEW, "Fira Diyanka")
    wait_for(account["id"])
    payout_id = a_payout(organizer)
    payout_execution.execute(payout_id)
    assert shown(organizer, "payouts", payout_id) == ("pending", "bank_account_name")
    assert open_tasks(UUID(account["id"])) == ["bank_account_name_differs"]


def test_an_account_from_before_is_compared_when_it_is_paid():
    organizer = an_organizer(full_name="Budi Santoso")
    account = put(organizer, OLD, "Fira Diyanka")
    with transaction() as tx:
        tx.execute(text("UPDATE bank_accounts SET has_payee_name = NULL WHERE id = :id"), {"id": account["id"]})
        tx.execute(text("UPDATE manual_tasks SET done_at = now() WHERE subject_id = :id"), {"id": account["id"]})
    payout_id = a_payout(organizer)
    payout_execution.execute(payout_id)
    assert sent_to(payout_id) == []
    assert open_tasks(UUID(account["id"])) == ["bank_account_name_differs"]
