"""The life of orders as a state machine: whatever happens in whatever order, the promises hold after every step.

reserved and sold equal the orders behind them, never over quota
an order is paid if and only if it has exactly its tickets (once issuing has run)
what an ended order held is released once
every posting sums to zero, and clearing equals what the gateways took in and gave back
a paid order has its pickup code and its units once it is issued; no unit is given twice, none is sold again
a registration is active as long as its order is live or paid, and BIB numbers have no gaps
a promo code is used as often as live and paid orders count on it, and no more often than it may be
"""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from shared.cloud.database import Transaction, transaction
from shared.gateways.statuses import KEEPS_MONEY, GatewayPaymentState, GatewayPaymentStatus, PaymentMethod
from shared.identity.tokens import Principal
from shared.payments import records as payment_records
from shared.payments import status_handling
from shared.problems import Problem
from shared.sales import counter_repair, expiry, orders
from shared.sales.schemas import OrderResponse
from shared.tickets import issuing
from tests.factories import Event, a_promo, a_tier, a_user, an_event, make_overdue, reserve, stock_units
from tests.status_handling import handle_one

TIERS = {"ticket": 4, "registration": 3, "product": 3, "digital": 2}
"""The tiers on sale, and how much there is of each."""
BASKETS = [(1,), (0, 1), (2,), (1, 1), (2, 2), (0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 2), (1, 0, 2, 1)]
METHODS = st.sampled_from(list(PaymentMethod))
STATES = st.sampled_from([state for state in GatewayPaymentState if state is not GatewayPaymentState.PAID])


@dataclass
class Known:
    """Rupiah that the test itself has told the product about, by payment."""

    received: dict[UUID, int] = field(default_factory=dict)
    returned: dict[UUID, int] = field(default_factory=dict)

    @property
    def at_gateways(self) -> int:
        return sum(self.received.values()) - sum(self.returned.values())


class OrderLife(RuleBasedStateMachine):
    """Buyers, gateways and clocks doing what they like."""

    live = Bundle("live")
    payments = Bundle("payments")

    def __init__(self) -> None:
        super().__init__()
        self.money = Known()
        with transaction() as tx:
            tiers = [a_tier(quota=most, name=kind, max_per_order=2, kind=kind) for kind, most in TIERS.items()]
            self.event: Event = an_event(tx, tiers=tiers)
            self.buyers: list[Principal] = [a_user(tx) for _ in range(5)]
            self.codes = {
                "none": None,
                "twice": self._code(tx, percent=30, max_uses=2),
                "once each": self._code(tx, percent=None, amount=33_333, organizer_id=None, max_uses_per_user=1),
            }
        stock_units(self.event.tier_ids[-1], *(f"{self.event.id}-{number}" for number in range(3)))

    @rule(
        target=live,
        buyer=st.integers(0, 4),
        quantities=st.sampled_from(BASKETS),
        code=st.sampled_from(["none", "twice", "once each"]),
        number=st.sampled_from([None, "A1111111", "B2222222"]),
    )
    def a_buyer_reserves(self, buyer: int, quantities: tuple[int, ...], code: str, number: str | None) -> Any:
        outcome = reserve(
            self.buyers[buyer], self.event, quantities, promo_code=self.codes[code], identity_number=number
        )
        return outcome.id if isinstance(outcome, OrderResponse) else multiple()

    @rule(target=payments, order_id=live, gateway=st.sampled_from(["xendit", "midtrans"]), method=METHODS)
    def a_buyer_chooses_how_to_pay(self, order_id: UUID, gateway: str, method: PaymentMethod) -> Any:
        payment_id = self._choose(order_id, gateway, method)
        return multiple() if payment_id is None else payment_id

    @rule(target=payments, buyer=st.integers(0, 4), ends=st.sampled_from(["paid", "cancelled", "overdue"]))
    def a_buyer_goes_all_the_way(self, buyer: int, ends: str) -> Any:
        """The way most go, so that what can happen afterwards is reached often."""
        outcome = reserve(self.buyers[buyer], self.event, (1, 0, 0, 1) if buyer % 2 else (1,))
        if not isinstance(outcome, OrderResponse):
            return multiple()
        payment_id = self._choose(outcome.id, "midtrans", PaymentMethod.QRIS)
        assert payment_id
        if ends == "paid":
            self._tell(payment_id, GatewayPaymentState.PAID)
            issuing.issue(outcome.id)
        elif ends == "cancelled":
            self.a_buyer_cancels(outcome.id)
        else:
            make_overdue(outcome.id)
            expiry.expire_all_due()
        return payment_id

    @rule(order_id=live)
    def a_buyer_cancels(self, order_id: UUID) -> None:
        try:
            with transaction() as tx:
                orders.cancel(tx, orders.lock(tx, order_id))
        except Problem:
            return

    @rule(payment_id=payments, difference=st.sampled_from([0, 0, 0, 0, 1, -1]))
    def a_gateway_takes_money(self, payment_id: UUID, difference: int) -> None:
        self._tell(payment_id, GatewayPaymentState.PAID, difference)

    @rule(payment_id=payments, state=STATES)
    def a_gateway_says_something_else(self, payment_id: UUID, state: GatewayPaymentState) -> None:
        self._tell(payment_id, state)

    @rule(payment_id=payments)
    def a_gateway_gives_the_money_back(self, payment_id: UUID) -> None:
        self._tell(payment_id, GatewayPaymentState.REFUNDED)

    @rule(order_id=consumes(live))
    def time_passes_for_an_order(self, order_id: UUID) -> None:
        make_overdue(order_id)

    @rule()
    def the_sweep_runs(self) -> None:
        expiry.expire_all_due()

    @rule()
    def messages_are_delivered(self) -> None:
        with transaction() as tx:
            paid = text("SELECT id FROM orders WHERE event_id = :id AND status = 'paid'")
            ids = tx.execute(paid, {"id": self.event.id}).scalars().all()
        for order_id in ids:
            issuing.issue(order_id)

    def _code(self, tx: Transaction, **terms: Any) -> str:
        code = f"KODE-{uuid4().hex[:10]}".upper()
        a_promo(tx, self.event, code=code, **terms)
        return code

    def _choose(self, order_id: UUID, gateway: str, method: PaymentMethod) -> UUID | None:
        try:
            with transaction() as tx:
                order = orders.lock(tx, order_id)
                deadline = orders.start_payment(tx, order)
                older = payment_records.lock_open(tx, order_id)
                if older:
                    payment_records.expire_and_cancel(tx, older)
                payment = payment_records.add(
                    tx, order, gateway=gateway, method=method, amount=order.total_amount, expires_at=deadline
                )
                tx.execute(
                    text("UPDATE payments SET status = 'pending', gateway_reference = external_id WHERE id = :id"),
                    {"id": payment.id},
                )
        except Problem:
            return None
        return payment.id

    def _tell(self, payment_id: UUID, state: GatewayPaymentState, difference: int = 0) -> None:
        """A gateway answers when it is asked. It gives back only money it has, and takes it once."""
        with transaction() as tx:
            payment = payment_records.read(tx, payment_id)
        has_money = payment.received_amount is not None
        if state in (GatewayPaymentState.REFUNDED, GatewayPaymentState.REVERSED) and not has_money:
            return
        received = payment.amount + difference
        reported = GatewayPaymentStatus(
            gateway=payment.gateway,
            external_id=payment.external_id,
            gateway_reference=payment.external_id,
            state=state,
            amount=payment.amount,
            paid_amount=received if state is GatewayPaymentState.PAID else None,
            currency="IDR",
            channel=None,
            transaction_id=None,
            paid_at=datetime.now(UTC) - timedelta(seconds=1) if state is GatewayPaymentState.PAID else None,
            refunded_amount=0,
            raw_status=state,
        )
        with transaction() as tx:
            outcome = handle_one(tx, payment_id, reported)
        if state in KEEPS_MONEY and not has_money:
            self.money.received[payment_id] = received
        if state is GatewayPaymentState.REFUNDED or outcome is status_handling.StatusOutcome.REVERSED:
            self.money.returned[payment_id] = payment.received_amount or 0

    @invariant()
    def counters_equal_the_orders_behind_them(self) -> None:
        with transaction() as tx:
            rows = tx.execute(
                text("""
                    SELECT LEAST(t.quota, t.units) AS sellable, t.reserved, t.sold,
                        count(i.id) FILTER (WHERE o.status IN ('reserved', 'pending_payment')) AS held,
                        count(i.id) FILTER (WHERE o.status = 'paid') AS bought
                    FROM ticket_tiers t LEFT JOIN order_items i ON i.tier_id = t.id
                    LEFT JOIN orders o ON o.id = i.order_id
                    WHERE t.event_id = :id GROUP BY t.id
                """),
                {"id": self.event.id},
            ).all()
        for row in rows:
            assert (row.reserved, row.sold) == (row.held, row.bought)
            assert row.reserved + row.sold <= row.sellable

    @invariant()
    def codes_are_used_by_the_orders_that_count_on_them(self) -> None:
        with transaction() as tx:
            rows = tx.execute(
                text("""
                    SELECT p.uses, p.max_uses, count(o.id) AS counted,
                        (SELECT COALESCE(sum(u.uses), 0) FROM promo_users u WHERE u.promo_id = p.id) AS by_users
                    FROM promos p LEFT JOIN orders o ON o.promo_id = p.id AND o.promo_counted
                        AND o.status IN ('reserved', 'pending_payment', 'paid')
                    WHERE p.event_id = :id GROUP BY p.id
                """),
                {"id": self.event.id},
            ).all()
        for row in rows:
            assert row.uses == row.counted == row.by_users
            assert row.max_uses is None or row.uses <= row.max_uses

    @invariant()
    def registrations_live_as_long_as_their_orders(self) -> None:
        with transaction() as tx:
            rows = tx.execute(
                text("""
                    SELECT r.is_active, o.status FROM registrations r JOIN orders o ON o.id = r.order_id
                    WHERE o.event_id = :id
                """),
                {"id": self.event.id},
            ).all()
        for row in rows:
            assert row.is_active == (row.status in (*orders.LIVE, "paid"))

    @invariant()
    def bib_numbers_have_no_gaps(self) -> None:
        with transaction() as tx:
            given = text("SELECT number FROM bib_numbers WHERE tier_id = ANY(:ids) ORDER BY number")
            numbers = tx.execute(given, {"ids": self.event.tier_ids}).scalars().all()
        assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def goods_are_given_to_paid_orders_and_units_once(self) -> None:
        with transaction() as tx:
            rows = tx.execute(
                text("""
                    SELECT o.status = 'paid' AND o.tickets_issued_at IS NOT NULL AS is_due, c.kind,
                        p.status AS pickup, u.id IS NOT NULL AS has_unit, u.burned_at IS NOT NULL AS is_burned
                    FROM orders o JOIN order_items i ON i.order_id = o.id JOIN ticket_tiers c ON c.id = i.tier_id
                        LEFT JOIN pickups p ON p.order_id = o.id LEFT JOIN digital_units u ON u.item_id = i.id
                    WHERE o.event_id = :id AND c.kind IN ('product', 'digital')
                """),
                {"id": self.event.id},
            ).all()
            left = tx.execute(
                text("""
                    SELECT t.units, count(u.id) AS there FROM ticket_tiers t
                        LEFT JOIN digital_units u ON u.tier_id = t.id AND u.burned_at IS NULL
                    WHERE t.event_id = :id AND t.kind = 'digital' GROUP BY t.id
                """),
                {"id": self.event.id},
            ).one()
        for row in rows:
            if row.kind == "product":
                assert row.pickup == ("waiting" if row.is_due else None) or (not row.is_due and row.pickup == "void")
            else:
                assert row.has_unit == (row.is_due or row.is_burned)
                assert not (row.is_due and row.is_burned)
        assert left.units == left.there

    @invariant()
    def only_paid_orders_have_valid_tickets_and_then_exactly_theirs(self) -> None:
        with transaction() as tx:
            rows = tx.execute(
                text("""
                    SELECT o.status, o.tickets_issued_at IS NOT NULL AS issued,
                        count(i.id) FILTER (WHERE c.kind IN ('ticket', 'registration')) AS seats,
                        count(t.id) FILTER (WHERE t.status <> 'void') AS valid
                    FROM orders o JOIN order_items i ON i.order_id = o.id JOIN ticket_tiers c ON c.id = i.tier_id
                    LEFT JOIN tickets t ON t.order_item_id = i.id
                    WHERE o.event_id = :id GROUP BY o.id
                """),
                {"id": self.event.id},
            ).all()
        for row in rows:
            assert row.valid == (row.seats if row.status == "paid" and row.issued else 0)

    @invariant()
    def the_books_add_up_to_what_the_gateways_moved(self) -> None:
        with transaction() as tx:
            rows = tx.execute(
                text("""
                    SELECT sum(e.amount) AS total,
                        COALESCE(sum(e.amount) FILTER (WHERE e.account LIKE 'gateway_clearing:%'), 0) AS clearing
                    FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id WHERE p.event_id = :id
                """),
                {"id": self.event.id},
            ).one()
        assert (rows.total or 0) == 0
        assert rows.clearing == self.money.at_gateways

    def teardown(self) -> None:
        """Nothing was left for a stocktaking to find."""
        assert counter_repair.correct_counters() == 0


EXAMPLES = int(os.environ.get("ORDER_LIVES", "20"))


@pytest.mark.usefixtures("database", "files")
@pytest.mark.slow("1,800 steps, all promises checked after each")
def test_the_order_life_keeps_its_promises():
    run_state_machine_as_test(OrderLife, settings=settings(max_examples=EXAMPLES, stateful_step_count=30))
