"""An order with everything that can hang on one, put there as rows where no gateway takes part."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud.database import Transaction, transaction
from shared.identity.tokens import Principal
from shared.sales.schemas import OrderResponse
from tests.factories import Event, a_user, an_event, an_order


def run(tx: Transaction, statement: str, **values: Any) -> Any:
    """Run a statement of the test's own."""
    return tx.execute(text(statement), values)


def an_admin() -> Principal:
    """An admin."""
    with transaction() as tx:
        return a_user(tx, role="admin")


@dataclass
class Case:
    """A paid order, its buyer and event, and what its gateway and its bank call things. `mailed` is an attendee."""

    buyer: Principal
    email: str
    event: Event
    order: OrderResponse
    payment_id: UUID
    refund_id: UUID
    transfer_id: UUID
    payout_id: UUID
    webhook_id: UUID
    references: dict[str, str]
    mailed: str


PAYLOAD = """{"status": "PAID", "payer_email": "sari@example.com", "signature_key": "a1b2c3d4e5f6",
    "customer_details": {"first_name": "Sari"}, "va": {"account_number": "880812345678"}, "amount": 102500}"""


def a_case(title: str = "Konser Rembulan") -> Case:
    """One of these."""
    unique = uuid4().hex[:10]
    email = f"sari.{unique}@example.com"
    with transaction() as tx:
        buyer = a_user(tx, email=email, full_name="Sari Dewi")
        event = an_event(tx, title=title)
    order = an_order(event, buyer=buyer, paid=True)
    references = {
        "external id": f"order-{unique}-1",
        "gateway's id": f"inv-{unique}",
        "VA number": f"8808{int(unique, 16) % 10**10:010}",
        "transaction": f"trx-{unique}",
        "refund at its gateway": f"rfd-{unique}",
        "transfer at its bank": f"disb-{unique}",
        "webhook": f"evt-{unique}",
        "mail at its service": f"msg-{unique}",
    }
    mailed = f"tamu.{unique}@example.com"
    with transaction() as tx:
        payment_id = run(
            tx,
            """INSERT INTO payments (order_id, attempt, gateway, external_id, gateway_reference, payment_method, status,
                amount, received_amount, va_number, transaction_id, paid_at, expires_at)
            VALUES (:order_id, 1, 'xendit', :external, :reference, 'BCA', 'paid', :amount, :amount, :va, :transaction,
                now(), now()) RETURNING id""",
            order_id=order.id,
            amount=order.total_amount,
            external=references["external id"],
            reference=references["gateway's id"],
            va=references["VA number"],
            transaction=references["transaction"],
        ).scalar_one()
        refund_id = run(
            tx,
            """INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status, gateway_refund_id)
            VALUES (:order_id, :payment_id, :user_id, 'requested', 5000, 'Sakit', 'failed', :reference)
            RETURNING id""",
            order_id=order.id,
            payment_id=payment_id,
            user_id=buyer.id,
            reference=references["refund at its gateway"],
        ).scalar_one()
        account_id = run(
            tx,
            """INSERT INTO bank_accounts (user_id, bank_code, account_number_sealed, account_number_ending,
                account_holder_name, status)
            VALUES (:id, 'BCA', 'encrypted', '1234', 'Sari Dewi', 'verified') RETURNING id""",
            id=buyer.id,
        ).scalar_one()
        transfer_id = run(
            tx,
            """INSERT INTO disbursements (refund_id, attempt, bank_account_id, amount, status, gateway_reference,
                failure)
            VALUES (:refund_id, 1, :account_id, 5000, 'failed', :reference, 'INVALID_DESTINATION') RETURNING id""",
            refund_id=refund_id,
            account_id=account_id,
            reference=references["transfer at its bank"],
        ).scalar_one()
        payout_id = run(
            tx,
            """INSERT INTO payouts (organizer_id, event_id, amount, status) VALUES (:organizer, :event, 7000, 'failed')
            RETURNING id""",
            organizer=event.organizer_id,
            event=event.id,
        ).scalar_one()
        webhook_id = run(
            tx,
            """INSERT INTO webhook_events (gateway, webhook_id, event_type, payment_id, payload, processed, outcome)
            VALUES ('xendit', :reference, 'payment.PAID', :payment_id, CAST(:payload AS jsonb), true, 'paid')
            RETURNING id""",
            reference=references["webhook"],
            payment_id=payment_id,
            payload=PAYLOAD,
        ).scalar_one()
        run(
            tx,
            """INSERT INTO emails (template, once_key, to_address, language, context, order_id, status, error_message,
                provider_message_id)
            VALUES ('e_ticket', :key, :to, 'id', '{"a": 1}', :order_id, 'bounced', '550 no such user', :reference)""",
            key=unique,
            to=mailed,
            order_id=order.id,
            reference=references["mail at its service"],
        )
    return Case(
        buyer, email, event, order, payment_id, refund_id, transfer_id, payout_id, webhook_id, references, mailed
    )
