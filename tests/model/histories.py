"""Random lives of an event, each by its seed: sales, discounts, odd amounts, expiries, refunds, cancellations.

Everything is done by the product's own operations; what a gateway would say is handled directly.
"""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud.database import Transaction, transaction
from shared.gateways.statuses import GatewayPaymentState
from shared.payments import cancellation, reviews, status_handling
from shared.payments import records as payment_records
from shared.payments.cancellation import Cancellation
from shared.problems import Problem
from shared.refunds import approval, dashboard_decisions
from shared.refunds import records as refund_records
from shared.refunds import requests as refund_requests
from shared.refunds.dashboard_decisions import DashboardRefundRequest
from shared.reports import daily_figures
from shared.sales import expiry, orders
from shared.sales.schemas import OrderResponse
from tests.factories import Event, a_promo, a_tier, a_user, add_tickets, an_event, make_overdue, reserve
from tests.integration.refunds.sales import a_status
from tests.status_handling import handle_one

BASKETS = ((1,), (2, 0, 0, 1), (0, 1), (1, 2), (0, 0, 1), (0, 0, 0, 2), (3,))
ZONES = ("Asia/Jakarta", "Asia/Jayapura", "America/New_York", "Pacific/Kiritimati")
WAYS = (("xendit", "QRIS"), ("xendit", "BCA"), ("midtrans", "GOPAY"))
MOST_DAYS = 40
"""Payments were made on any of so many days before now."""

LIVE = """
    SELECT id, created_at AS place FROM orders
    WHERE event_id = :event_id AND status IN ('reserved', 'pending_payment')
"""


class History:
    """An event with four tiers and four promo codes, six buyers, an admin, and what they do."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.is_cancelled = False
        self.refunded: dict[UUID, int] = {}
        """The amounts that went back at a dashboard, by payment."""
        tiers = [
            a_tier(name="Murah", price=40_000, quota=30),
            a_tier(name="Mahal", price=123_457, quota=8),
            a_tier(name="Gratis", price=0, quota=5),
            a_tier(name="Kaus", price=99_999, quota=12, kind="product"),
        ]
        with transaction() as tx:
            self.event: Event = an_event(tx, tiers=tiers, timezone=self.chance.choice(ZONES))
            self.buyers = [a_user(tx) for _ in range(6)]
            self.admin = a_user(tx, role="admin")
            self.codes = [None, None, *self._add_codes(tx)]

    def run(self, steps: int) -> None:
        """Do so many things; the refused ones change nothing."""
        acts: dict[Callable[[], None], int] = {
            self.somebody_buys: 40,
            self.somebody_reserves: 6,
            self.somebody_pays_an_odd_amount: 5,
            self.somebody_tops_up: 5,
            self.somebody_pays_too_late: 5,
            self.time_runs_out: 4,
            self.somebody_cancels: 3,
            self.somebody_wants_money_back: 14,
            self.a_refund_arrives: 6,
            self.a_gateway_gives_back: 5,
            self.an_admin_decides_about_a_mismatch: 5,
            self.an_admin_decides_about_a_dashboard_refund: 4,
            self.somebody_comes: 4,
            daily_figures.compact: 2,
            self.the_event_is_cancelled: 1,
        }
        for act in self.chance.choices(list(acts), list(acts.values()), k=steps):
            act()

    # What happens

    def somebody_buys(self) -> None:
        order = self._reserve()
        if order and order.status == "reserved":
            self._pay(order.id)

    def somebody_reserves(self) -> None:
        self._reserve()

    def somebody_pays_an_odd_amount(self) -> None:
        order = self._reserve()
        if order and order.status == "reserved":
            self._pay(order.id, difference=self.chance.choice((-30_000, -1, 1, 25_000)))

    def somebody_tops_up(self) -> None:
        order_id = self._one(
            "SELECT id, created_at AS place FROM orders WHERE event_id = :event_id AND review_reason = 'top_up'"
        )
        if order_id:
            with transaction() as tx:
                missing = orders.lock(tx, order_id).total_amount - ledger.unallocated_amount(tx, order_id)
            self._pay(order_id, amount=missing)

    def somebody_pays_too_late(self) -> None:
        order = self._reserve()
        payment_id = self._open(order.id) if order and order.status == "reserved" else None
        if order and payment_id:
            if self.chance.random() < 0.7:
                make_overdue(order.id)
                expiry.expire_all_due()
            else:
                self._do(lambda tx: orders.cancel(tx, orders.lock(tx, order.id)))
            self._tell(payment_id, GatewayPaymentState.PAID, order.total_amount)

    def time_runs_out(self) -> None:
        order_id = self._one(LIVE)
        if order_id:
            make_overdue(order_id)
            expiry.expire_all_due()

    def somebody_cancels(self) -> None:
        order_id = self._one(LIVE)
        if order_id:
            self._do(lambda tx: orders.cancel(tx, orders.lock(tx, order_id)))

    def somebody_wants_money_back(self) -> None:
        order_id = self._one(
            "SELECT id, created_at AS place FROM orders WHERE event_id = :event_id AND status = 'paid'"
        )
        if not order_id:
            return
        tickets = self._ids(
            """
            SELECT k.id, i.position AS place FROM tickets k JOIN order_items i ON i.id = k.order_item_id
            WHERE k.order_id = :order_id AND k.status = 'issued'
            """,
            order_id=order_id,
        )
        some = tickets[: self.chance.randrange(len(tickets) + 1)]
        [buyer_id] = self._ids("SELECT user_id AS id, 0 AS place FROM orders WHERE id = :order_id", order_id=order_id)
        wanted = refund_requests.RefundRequest(order_id=order_id, ticket_ids=some or None, reason="Sakit")
        self._do(lambda tx: refund_requests.request(tx, buyer_id, wanted))
        self._decide(order_id)

    def _decide(self, order_id: UUID) -> None:
        asked = "SELECT id, created_at AS place FROM refunds WHERE order_id = :order_id AND status = 'requested'"
        refund_id = self._one(asked, order_id=order_id)
        if refund_id and self.chance.random() < 0.8:
            self._do(lambda tx: approval.approve(tx, self.admin, refund_id))
        elif refund_id:
            self._do(lambda tx: approval.reject(tx, self.admin, refund_id, approval.Rejection(reason="Tidak")))

    def a_refund_arrives(self) -> None:
        refund_id = self._one("""
            SELECT r.id, r.created_at AS place FROM refunds r JOIN orders o ON o.id = r.order_id
            WHERE o.event_id = :event_id AND r.status = 'approved'
        """)
        if refund_id:
            self._do(lambda tx: self._complete(tx, refund_id))

    def a_gateway_gives_back(self) -> None:
        payment_id = self._one("""
            SELECT p.id, p.created_at AS place FROM payments p JOIN orders o ON o.id = p.order_id
            WHERE o.event_id = :event_id AND p.received_amount > 0 AND p.status = 'paid'
        """)
        if not payment_id:
            return
        with transaction() as tx:
            received = payment_records.read(tx, payment_id).received_amount or 0
        before = self.refunded.get(payment_id, 0)
        total = received if self.chance.random() < 0.4 else min(before + self.chance.choice((5_000, 40_000)), received)
        self.refunded[payment_id] = total
        state = GatewayPaymentState.REFUNDED if total == received else GatewayPaymentState.PARTIALLY_REFUNDED
        self._tell(payment_id, state, received, refunded_amount=total)

    def an_admin_decides_about_a_mismatch(self) -> None:
        payment_id = self._one("""
            SELECT p.id, p.created_at AS place FROM payments p JOIN orders o ON o.id = p.order_id
            WHERE o.event_id = :event_id AND p.received_amount <> p.amount
        """)
        decision = self.chance.choice((reviews.accept, reviews.accept, reviews.refund, reviews.top_up))
        if payment_id:
            self._do(lambda tx: decision(tx, self.admin.id, payment_id))

    def an_admin_decides_about_a_dashboard_refund(self) -> None:
        if not self.refunded:
            return
        payment_id = self.chance.choice(list(self.refunded))
        items = self._ids(
            """
            SELECT i.id, i.position AS place FROM order_items i JOIN payments p ON p.order_id = i.order_id
            WHERE p.id = :payment_id
            """,
            payment_id=payment_id,
        )
        wanted = DashboardRefundRequest(item_ids=items[: self.chance.randrange(3)])
        self._do(lambda tx: dashboard_decisions.decide(tx, self.admin.id, payment_id, wanted))

    def somebody_comes(self) -> None:
        ticket_id = self._one("""
            SELECT k.id, (k.created_at, i.position) AS place FROM tickets k JOIN order_items i ON i.id = k.order_item_id
            WHERE k.event_id = :event_id AND k.status = 'issued'
        """)
        used = text("UPDATE tickets SET status = 'used', validated_at = now() WHERE id = :id")
        self._do(lambda tx: tx.execute(used, {"id": ticket_id}))

    def the_event_is_cancelled(self) -> None:
        if not self.is_cancelled:
            self.is_cancelled = True
            waived = self.chance.random() < 0.3
            wanted = Cancellation(reason="Hujan", waive_penalty=waived)
            self._do(lambda tx: cancellation.start(tx, self.admin, self.event.id, wanted))
            cancellation.run_batch(self.event.id)

    # How

    def _add_codes(self, tx: Transaction) -> list[str]:
        terms: Sequence[dict[str, Any]] = (
            {"percent": 15, "max_uses": 6},
            {"organizer_id": None, "amount": 15_000},
            {"percent": 100, "waives_fee": True, "max_uses": 2},
            {"organizer_id": None, "amount": 40_000, "applies_to": "ticket", "waives_fee": True},
        )
        codes = [f"KODE{number}-{uuid4().hex[:10]}".upper() for number in range(len(terms))]
        for code, term in zip(codes, terms, strict=True):
            a_promo(tx, self.event, code=code, **term)
        return codes

    def _reserve(self) -> OrderResponse | None:
        buyer, basket, code = (self.chance.choice(each) for each in (self.buyers, BASKETS, self.codes))
        order = reserve(buyer, self.event, basket, promo_code=code)
        if not isinstance(order, OrderResponse):
            return None
        if order.total_amount == 0:
            self._do(lambda tx: status_handling.complete_free_order(tx, orders.lock(tx, order.id)))
            add_tickets(order.id)
            with transaction() as tx:
                return OrderResponse.read(tx, order.id)
        return order

    def _open(self, order_id: UUID, amount: int | None = None) -> UUID | None:
        gateway, method = self.chance.choice(WAYS)
        reference = text("UPDATE payments SET status = 'pending', gateway_reference = :ref WHERE id = :id")
        try:
            with transaction() as tx:
                order = orders.lock(tx, order_id)
                deadline = orders.start_payment(tx, order)
                payment = payment_records.add(
                    tx, order, gateway=gateway, method=method, amount=amount or order.total_amount, expires_at=deadline
                )
                tx.execute(reference, {"id": payment.id, "ref": f"gw-{payment.external_id}"})
        except Problem:
            return None
        return payment.id

    def _pay(self, order_id: UUID, *, amount: int | None = None, difference: int = 0) -> None:
        payment_id = self._open(order_id, amount)
        if payment_id:
            with transaction() as tx:
                asked = payment_records.read(tx, payment_id).amount
            self._tell(payment_id, GatewayPaymentState.PAID, asked, paid_amount=max(asked + difference, 1))
            add_tickets(order_id)

    def _tell(self, payment_id: UUID, state: GatewayPaymentState, amount: int, **said: Any) -> None:
        paid_at = datetime.now(UTC) - timedelta(seconds=self.chance.randrange(MOST_DAYS * 86_400))
        with transaction() as tx:
            reference = payment_records.read(tx, payment_id).gateway_reference
        told = a_status(amount, state=state, gateway_reference=reference, paid_at=paid_at, **said)
        self._do(lambda tx: handle_one(tx, payment_id, told))

    def _complete(self, tx: Transaction, refund_id: UUID) -> None:
        orders.lock(tx, refund_records.read(tx, refund_id).order_id)
        refund_records.complete_by_gateway(tx, refund_records.read(tx, refund_id))

    def _do(self, act: Callable[[Transaction], object]) -> None:
        """One transaction, refused or not."""
        try:
            with transaction() as tx:
                act(tx)
        except Problem:
            return

    def _one(self, query: str, **values: Any) -> UUID | None:
        found = self._ids(query, **values)
        return self.chance.choice(found) if found else None

    def _ids(self, query: str, **values: Any) -> list[UUID]:
        """In an order that the seed decides, and not the ids, which are random."""
        with transaction() as tx:
            rows = tx.execute(text(f"{query} ORDER BY place"), {"event_id": self.event.id, **values})
            return [row.id for row in rows]
