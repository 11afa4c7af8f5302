"""Deleting an account: everything that names the person goes, every number stays (UM-009, DP-002, DP-003).

Orders, payments, refunds, the ledger and the audit trail are kept whole for the tax law's seven years;
they name a person by id only. A person who still has something coming is asked to wait for it:

    live-reservation    an order that is reserved or being paid
    upcoming-tickets    tickets of an event that is not over: the gate needs the name on them
    refund-under-way    money on its way back, or soon: a cancelled event returns it order after order
    event-not-over      as organizer: a published event
    not-settled         as organizer: money that we owe for their events, or that they owe
    last-admin          as admin: there is no other one
"""

from sqlalchemy import text

from shared.accounting.accounts import organizer_payable
from shared.chat import erasure as chat_erasure
from shared.cloud import audit
from shared.cloud.database import Transaction, transaction
from shared.identity import erasure, gate_assignments, people, reauthentication, roles
from shared.identity.codes import CodeInvalid
from shared.identity.people import Person
from shared.identity.reauthentication import Confirmation
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.payments import webhooks
from shared.payouts import bank_accounts
from shared.privacy import cookie_consents, held_tickets
from shared.problems import Problem
from shared.sales import attendees, purchase_limits, registrations
from shared.tickets import ticket_rendering
from shared.web import idempotency


class Deletion(Confirmation):
    """A proof of who asks, so that nobody who finds an open browser can do this: the password, or a mailed code."""


class AccountInUse(Problem):
    """This account can't be deleted yet; `reasons` tells what has to end first.

    Cancel or pay what is reserved, and wait until your events are over and all money has arrived.
    """

    status, slug = 409, "account-in-use"


_OBSTACLES = text("""
    SELECT
        EXISTS (SELECT 1 FROM orders WHERE user_id = :id AND status IN ('reserved', 'pending_payment'))
            AS "live-reservation",
        EXISTS (SELECT 1 FROM orders o JOIN events e ON e.id = o.event_id
            WHERE o.user_id = :id AND o.status = 'paid' AND e.status <> 'cancelled' AND e.end_date > now())
            AS "upcoming-tickets",
        EXISTS (SELECT 1 FROM refunds r JOIN orders o ON o.id = r.order_id
            WHERE o.user_id = :id AND r.status IN ('requested', 'approved', 'processing', 'failed'))
        OR EXISTS (SELECT 1 FROM orders o JOIN events e ON e.id = o.event_id
                JOIN order_items i ON i.order_id = o.id AND i.returned_at IS NULL
            WHERE o.user_id = :id AND o.status = 'paid' AND e.status = 'cancelled')
            AS "refund-under-way",
        EXISTS (SELECT 1 FROM events WHERE organizer_id = :id AND status = 'published' AND end_date > now())
            AS "event-not-over",
        EXISTS (SELECT 1 FROM events e JOIN orders o ON o.event_id = e.id
                LEFT JOIN refunds r ON r.order_id = o.id AND r.status IN ('requested', 'approved', 'processing')
            WHERE e.organizer_id = :id AND (o.status IN ('reserved', 'pending_payment') OR r.id IS NOT NULL))
        OR EXISTS (SELECT 1 FROM payouts WHERE organizer_id = :id AND status IN ('pending', 'processing', 'failed'))
        OR (SELECT COALESCE(sum(amount), 0) <> 0 FROM ledger_entries WHERE account = :payable)
            AS "not-settled",
        EXISTS (SELECT 1 FROM users WHERE id = :id AND role = 'admin')
        AND NOT EXISTS (SELECT 1 FROM users WHERE id <> :id AND role = 'admin' AND NOT is_deleted)
            AS "last-admin"
""")


def delete(caller: Principal, deletion: Deletion) -> None:
    """Delete the caller's account, in one transaction, and mail its last address that it is done.

    Raises AccountInUse, which spends no code; CodeInvalid, and what reauthentication.check and accept raise.
    """
    proof = reauthentication.check(caller, deletion)
    with transaction() as tx:
        if caller.role == "admin":
            roles.lock_admins(tx)  # two who leave at once see each other
        people.lock_for_deletion(tx, caller.id)  # no order may slip in between the check and the commit
        person = reauthentication.accept(tx, caller, proof, mails.enqueue_for_account)
        if person:
            _delete(tx, person)
    if person is None:
        raise CodeInvalid


def _delete(tx: Transaction, person: Person) -> None:
    _refuse_if_in_use(tx, person)
    _anonymise(tx, person)
    mails.enqueue(
        tx,
        "account_deleted",
        dedupe_key=f"account_deleted:{person.id}",
        to=person.email,
        language=person.language,
        context={"full_name": person.full_name},
    )
    erasure.erase(tx, person)
    audit.record(tx, "user.deleted", subject="user", subject_id=person.id, actor_id=person.id)


def _refuse_if_in_use(tx: Transaction, person: Person) -> None:
    names = {"id": person.id, "payable": organizer_payable(person.id)}
    found = tx.execute(_OBSTACLES, names).mappings().one()
    reasons = [reason for reason, stands in found.items() if stands]
    if reasons:
        raise AccountInUse(reasons=reasons)


def _anonymise(tx: Transaction, person: Person) -> None:
    """Anonymise the person outside of identity's own tables."""
    purchase_limits.detach_account(tx, person.id)
    attendees.anonymise(tx, person.id, erasure.NAME)
    registrations.erase(tx, person.id)
    held_tickets.forget_address(tx, person.id)
    mails.anonymise(tx, person.id, person.email, erasure.marker_address(person))
    webhooks.erase_payer(tx, person.id)
    bank_accounts.erase(tx, person.id, erasure.NAME)
    idempotency.delete_responses(tx, person.id)
    cookie_consents.anonymise(tx, person.id)
    chat_erasure.erase(tx, person.id)
    gate_assignments.erase(tx, person.id, person.email)
    ticket_rendering.delete_pdfs(tx, person.id)
