"""An admin ends each kind of manual task of the runbook in the browser (PS-023, MON)."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.looking import look
from tests.browser.visitors import Visitor
from tests.people import Person, World
from tests.stack import Stack
from tests.unit.docs.test_runbook import KINDS
from tests.waiting import until

PRICE = 150_000


def change(stack: Stack, statement: str, **values: Any) -> Any:
    """Change the product's database by one statement; the first column of its first row, if it returns any."""
    with stack.database() as database, database.begin() as tx:
        done = tx.execute(text(statement), values)
        return done.scalar() if done.returns_rows else None


@dataclass
class Desk:
    """An admin at the desk, and the world around them."""

    page: Page
    world: World
    stack: Stack

    def add_task(self, kind: str, subject: str, subject_id: str, **details: Any) -> str:
        """Open a task, as the product does where what it is about goes wrong."""
        add = """
            INSERT INTO manual_tasks (kind, subject, subject_id, details)
            VALUES (:kind, :subject, :subject_id, CAST(:details AS jsonb))
        """
        values = {"kind": kind, "subject": subject, "subject_id": subject_id, "details": json.dumps(details)}
        change(self.stack, add, **values)
        return subject_id

    def open_task(self, kind: str, subject_id: str) -> None:
        """From the list of the tasks to one of them."""
        self.page.goto("/admin/tasks")
        row = self.page.locator("li", has_text=subject_id).filter(has_text=kind)
        row.get_by_role("link").click()
        expect(self.page.locator("main")).to_contain_text(subject_id)
        look(self.page, f"en-admin-task-{kind}")

    def step(self, words: str, **typed: str) -> None:
        """Follow a step of the task, and confirm what it says; back at the tasks it is done."""
        self.page.locator("main .actions").get_by_role("link", name=words, exact=True).click()
        expect(self.page.get_by_role("heading", name="What happens")).to_be_visible()
        step = words.lower().replace(" ", "-")[:30]
        look(self.page, f"en-admin-{step}")
        self.confirm(**typed)
        expect(self.page.locator(".alert.good")).to_contain_text("Done")

    def confirm(self, **typed: str) -> None:
        """Fill in what the confirmation asks for, and press its button."""
        for name, value in typed.items():
            field = self.page.locator(f"[name={name}]")
            if field.first.get_attribute("type") == "radio":
                self.page.locator(f"[name={name}][value={value}]").check()
            else:
                field.fill(value)
        self.page.locator("form.panel button").click()

    def close(self, kind: str, subject_id: str) -> None:
        """Close a task with a note."""
        self.open_task(kind, subject_id)
        self.step("Close it with a note", note="Decided at the gateway's dashboard")

    def is_ended(self, kind: str, subject_id: str) -> bool:
        return kind not in self.stack.open_tasks(subject_id)


@pytest.fixture
def desk(new_visitor: Callable[..., Visitor], world: World, stack: Stack) -> Desk:
    """An admin at a phone, in English."""
    visitor = new_visitor(locale="en-GB")
    visitor.sign_in(world.somebody("admin"))
    return Desk(visitor.page, world, stack)


def test_every_kind_of_the_runbook_is_ended_here():
    assert set(ENDED_BY) == KINDS


def mismatched(desk: Desk, amount: int) -> tuple[Person, dict[str, Any], dict[str, Any]]:
    """A buyer whose payment was of another amount, with its order and payment, once it is in review."""
    buyer = desk.world.somebody()
    order = buyer.reserve(desk.world.publish())
    payment = buyer.checkout(order, method="BCA")
    desk.world.gateway("xendit", payment["gateway_reference"], "pay", amount=amount)
    until(lambda: desk.stack.open_tasks(payment["id"]), what="for the task about the amount")
    return buyer, order, payment


def underpaid(desk: Desk, kind: str) -> str:
    buyer, order, payment = mismatched(desk, 100_000)
    desk.page.goto(f"/admin/orders/{order['id']}")
    expect(desk.page.locator("#payments + ul")).to_contain_text(re.compile(r"Rp.100,000 came in; asked for was"))
    desk.open_task(kind, payment["id"])
    desk.step("Accept the amount")
    buyer.until_tickets(order, 1)
    return str(payment["id"])


def overpaid(desk: Desk, kind: str) -> str:
    buyer, order, payment = mismatched(desk, 500_000)
    desk.open_task(kind, payment["id"])
    desk.step("Refund all of it")
    buyer.until_order(order, "cancelled")
    return str(payment["id"])


def decided_elsewhere(desk: Desk, kind: str) -> str:
    """The tasks that are ended at a gateway's dashboard or in code, and then closed here."""
    subject_id = desk.add_task(kind, "payment", str(uuid4()), gateway="xendit", order_id=str(uuid4()), expected=PRICE)
    desk.close(kind, subject_id)
    return subject_id


def refunded_at_dashboard(desk: Desk, kind: str) -> str:
    buyer = desk.world.somebody()
    order = buyer.buy(desk.world.publish(), [2])
    payment = order["payments"][-1]
    amount = 100_000 if kind == "payment_partially_refunded" else 150_000
    desk.world.gateway(payment["gateway"], payment["gateway_reference"], "refund", amount=amount)
    noted = until(lambda: desk.stack.open_tasks(payment["id"]), what="for the task about the refund")
    if kind not in noted:  # the gateway's own word for it decides between the two kinds
        desk.add_task(kind, "payment", payment["id"], order_id=order["id"])
    desk.open_task(kind, payment["id"])
    desk.step("Say what it was for")
    return str(payment["id"])


def disputed(desk: Desk, kind: str) -> str:
    buyer = desk.world.somebody()
    order = buyer.buy(desk.world.publish())
    payment = order["payments"][-1]
    desk.add_task(kind, "payment", payment["id"], order_id=order["id"])
    desk.open_task(kind, payment["id"])
    desk.step("Book it as lost", amount=f"Rp {payment['amount']:,}".replace(",", "."), note="Letter of 3 May")
    buyer.until_order(order, "refunded")
    return str(payment["id"])


def an_owed_refund(desk: Desk) -> tuple[Person, dict[str, Any]]:
    """A refund that is approved and waits for its buyer's bank account."""
    organizer, buyer = desk.world.somebody("organizer"), desk.world.somebody()
    order = buyer.buy(organizer.publish(), method="BCA")
    refund = buyer.api.post("refunds/request", {"order_id": order["id"], "reason": "Saya sakit"}, status=201)
    organizer.api.call("PUT", f"refunds/{refund['id']}/approve", status=200)

    def waits() -> bool:
        return bool(buyer.api.get(f"refunds/{refund['id']}")["needs_bank_account"])

    until(waits, what="for the refund to wait for a bank account")
    return buyer, refund


def paid_by_hand(desk: Desk, kind: str) -> str:
    buyer, refund = an_owed_refund(desk)
    desk.add_task(kind, "refund", refund["id"], amount=refund["amount"])
    desk.open_task(kind, refund["id"])
    desk.step("Book it as paid by hand", through="xendit", note="payout of 14 May")
    assert buyer.api.get(f"refunds/{refund['id']}")["status"] == "completed"
    return str(refund["id"])


def undecided(desk: Desk, kind: str) -> str:
    buyer = desk.world.somebody()
    order = buyer.buy(desk.world.publish())
    refund = buyer.api.post("refunds/request", {"order_id": order["id"], "reason": "Saya sakit"}, status=201)
    desk.add_task(kind, "refund", refund["id"], kept_back=refund["amount"])
    desk.open_task(kind, refund["id"])
    desk.step("Approve it")
    assert buyer.api.get(f"refunds/{refund['id']}")["status"] != "requested"
    return str(refund["id"])


def self_dealing(desk: Desk, kind: str) -> str:
    event = desk.world.publish()
    desk.add_task(kind, "event", event["id"], signs={"same_phone": 2})
    desk.close(kind, event["id"])
    return str(event["id"])


def failed_payout(desk: Desk, kind: str) -> str:
    organizer = desk.world.somebody("organizer")
    event = organizer.publish()
    desk.world.somebody().buy(event)
    ended = (
        "UPDATE events SET start_date = now() - interval '9 days', end_date = now() - interval '8 days' WHERE id = :id"
    )
    change(desk.stack, ended, id=event["id"])
    organizer.set_bank_account()
    change(
        desk.stack,
        "UPDATE bank_accounts SET is_frozen = true WHERE user_id = :id AND replaced_at IS NULL",
        id=organizer.api.get("account")["id"],
    )
    desk.stack.run_job("payout-execution-daily")
    [payout] = until(lambda: organizer.api.get("payouts")["items"], what="for the payout")
    change(
        desk.stack,
        "UPDATE bank_accounts SET is_frozen = false WHERE user_id = :id AND replaced_at IS NULL",
        id=organizer.api.get("account")["id"],
    )
    desk.add_task(kind, "payout", payout["id"], failure="the bank was away", amount=payout["amount"])
    desk.open_task(kind, payout["id"])
    desk.step("Send it again")
    return str(payout["id"])


def an_account(desk: Desk, **columns: str) -> str:
    """A bank account about which something is to be decided."""
    person = desk.world.somebody("organizer")
    account_id = person.set_bank_account()["id"]
    for name, value in columns.items():
        change(desk.stack, f"UPDATE bank_accounts SET {name} = {value} WHERE id = :id", id=account_id)
    return str(account_id)


def unanswered(desk: Desk, kind: str) -> str:
    account_id = desk.add_task(kind, "bank_account", an_account(desk, status="'checking'"))
    desk.open_task(kind, account_id)
    desk.step("It is theirs")
    return account_id


def other_name(desk: Desk, kind: str) -> str:
    account_id = desk.add_task(kind, "bank_account", an_account(desk, has_payee_name="false"))
    desk.open_task(kind, account_id)
    desk.step("It is not theirs")
    return account_id


def frozen(desk: Desk, kind: str) -> str:
    account_id = desk.add_task(kind, "bank_account", an_account(desk, is_frozen="true"))
    desk.open_task(kind, account_id)
    desk.step("It was a mistake: release it", reason="Called the number that we had")
    return account_id


def unknown_money(desk: Desk, kind: str) -> str:
    subject_id = desk.add_task(kind, "webhook_event", str(uuid4()), gateway="xendit", reference=str(uuid4()))
    desk.close(kind, subject_id)
    return subject_id


def webhook(desk: Desk, kind: str) -> str:
    """Replayed from the dead letters; the product closes the task once the event is processed."""
    subject_id = desk.add_task(kind, "webhook_event", str(uuid4()))
    add = """
        INSERT INTO dead_letters (kind, source, target, payload, message_id, error)
        VALUES ('message', 'email.requested', 'send_email', CAST(:payload AS jsonb), :message_id, 'HTTP 503: gateway')
    """
    change(desk.stack, add, payload=json.dumps({"email_id": str(uuid4())}), message_id=uuid4().hex)
    desk.open_task(kind, subject_id)
    desk.page.get_by_role("link", name="The dead letters").click()
    letter = desk.page.locator("li", has_text="HTTP 503: gateway").first
    look(desk.page, "en-admin-dead-letters")
    letter.get_by_role("checkbox").check()
    desk.page.get_by_role("button", name="Decide about the chosen").click()
    desk.page.fill("#reason", "the gateway is back")
    look(desk.page, "en-admin-dead-letter-decision")
    desk.page.get_by_role("button", name="Replay").click()
    expect(desk.page.locator(".alert.good")).to_contain_text("Done")
    desk.close(kind, subject_id)
    return subject_id


def unissued(desk: Desk, kind: str) -> str:
    order = desk.world.somebody().buy(desk.world.publish())
    desk.stack.until_issued(order["id"])
    late = "UPDATE orders SET tickets_issued_at = NULL, paid_at = now() - interval '10 minutes' WHERE id = :id"
    change(desk.stack, late, id=order["id"])
    desk.add_task(kind, "order", order["id"], error="TimeoutError")
    desk.open_task(kind, order["id"])
    desk.page.get_by_role("link", name="Run reconcile").click()
    desk.page.get_by_role("button", name="Run now").click()
    until(lambda: desk.is_ended(kind, order["id"]), what="for reconcile to have the tickets issued")
    expect(desk.page.locator("#requested p")).to_have_count(0)
    look(desk.page, "en-admin-reconcile")
    return str(order["id"])


def unsent_mail(desk: Desk, kind: str) -> str:
    order = desk.world.somebody().buy(desk.world.publish())
    desk.stack.until_delivered(order["id"], "e_ticket")
    failed = """
        UPDATE emails SET status = 'failed', error_message = 'HTTP 500' WHERE order_id = :id
            AND template = 'e_ticket' RETURNING CAST(id AS text)
    """
    mail_id = desk.add_task(kind, "email", change(desk.stack, failed, id=order["id"]), error="HTTP 500")
    desk.page.goto("/admin/mails")
    look(desk.page, "en-admin-mails")
    desk.open_task(kind, mail_id)
    desk.step("Send it again")
    return mail_id


def asked_for_a_person(desk: Desk, kind: str) -> str:
    subject_id = desk.add_task(kind, "chat_sender", str(uuid4()))
    desk.close(kind, subject_id)
    return subject_id


def not_arrived(desk: Desk, kind: str) -> str:
    subject_id = desk.add_task(kind, "order", str(uuid4()), error="131026")
    desk.close(kind, subject_id)
    return subject_id


def settled_otherwise(desk: Desk, kind: str) -> str:
    """A difference that its gateway has put right: what the reports say stays, and the task ends with a note."""
    subject_id = desk.add_task(kind, "settlement_difference", str(uuid4()), gateway="xendit", amount=-1_000)
    desk.close(kind, subject_id)
    return subject_id


ENDED_BY: dict[str, Callable[[Desk, str], str]] = {
    "payment_underpaid": underpaid,
    "payment_overpaid": overpaid,
    "payment_wrong_currency": decided_elsewhere,
    "payment_reversed": decided_elsewhere,
    "payment_refunded_out_of_order": decided_elsewhere,
    "payment_reversed_out_of_order": decided_elsewhere,
    "payment_refunded": refunded_at_dashboard,
    "payment_partially_refunded": refunded_at_dashboard,
    "payment_charged_back": disputed,
    "payment_unknown": decided_elsewhere,
    "refund_by_hand": paid_by_hand,
    "refund_failed": paid_by_hand,
    "refund_undecided": undecided,
    "refund_disputed": paid_by_hand,
    "payout_self_dealing": self_dealing,
    "payout_failed": failed_payout,
    "bank_account_unanswered": unanswered,
    "bank_account_name_differs": other_name,
    "bank_account_frozen": frozen,
    "clearing_difference": decided_elsewhere,
    "settlement_difference": settled_otherwise,
    "unknown_refund": unknown_money,
    "unknown_payout": unknown_money,
    "webhook_failed": webhook,
    "ticket_issue_failed": unissued,
    "mail_failed": unsent_mail,
    "chat_delivery_failed": not_arrived,
    "chat_undelivered": not_arrived,
    "chat_handover": asked_for_a_person,
}


@pytest.mark.parametrize("kind", ENDED_BY)
def test_an_admin_ends_it(desk: Desk, kind: str):
    subject_id = ENDED_BY[kind](desk, kind)
    until(lambda: desk.is_ended(kind, subject_id), what=f"for the task {kind} to end")
    desk.page.goto("/admin/tasks")
    expect(desk.page.locator("li", has_text=subject_id).filter(has_text=kind)).to_have_count(0)
