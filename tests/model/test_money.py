"""All the money there is, pushed around at random: sales, refunds, cancellations, payouts, faults, replays.

After every step all is kept that a sale always promises (infra/checks/invariants.py), and no order gives back
more than it took in, but for what somebody gave back at a dashboard. Whenever the product comes to rest, clearing
equals what the gateways say they moved, to the payment; nobody got more than they were owed; nothing is left
hanging.

    MONEY_STEPS (200) says how many steps to take: `MONEY_STEPS=30000 pytest tests/model/test_money.py`
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar
from unittest import mock
from uuid import UUID, uuid4

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from infra.checks import invariants
from infra.local.postgres import Postgres
from shared.chat import work
from shared.cloud.database import transaction
from shared.cloud.settings import settings as product_settings
from shared.gateways.errors import GatewayError
from shared.identity.tokens import Principal
from shared.payments import cancellation, checkout, payment_expiry, reconcile, reviews, sync
from shared.payments.cancellation import Cancellation
from shared.payouts import bank_account_changes, creation
from shared.payouts import execution as payout_execution
from shared.payouts.bank_accounts import BankAccountBody
from shared.problems import Problem
from shared.refunds import approval
from shared.refunds import execution as refund_execution
from shared.refunds import requests as refund_requests
from shared.sales import expiry, orders
from shared.sales.schemas import OrderResponse
from shared.tickets import issuing
from tests.conftest import migrated
from tests.factories import Event, a_promo, a_tier, a_user, an_event, make_overdue, reserve
from tests.integration.chat.phones import NUMBER_ID
from tests.model import money_promises
from tests.model.chat_buyers import WORDS, ChatBuyers
from tests.model.gateways import Gateways, gateways

STEPS = int(os.environ.get("MONEY_STEPS", "200"))
STEPS_AT_A_TIME = 50
GATEWAYS = ("xendit", "midtrans")
METHODS = ("QRIS", "GOPAY", "BCA", "OVO")
ACCOUNTS = ("1234567890", "1234567890", "0000999999", "0000123456", "0000654321")
"""Good, good, refused by the bank, refused for now, sent back by the bank after it had arrived."""

pick = st.integers(0, 10_000)


class Money(RuleBasedStateMachine):
    """Two organizers with three events, six buyers and three more in chats, two gateways, and whatever can go wrong."""

    postgres: ClassVar[Postgres]

    def __init__(self) -> None:
        super().__init__()
        self.world = ExitStack()
        self.world.enter_context(migrated(self.postgres))  # what runs on schedule looks at all there is
        self.at: Gateways = self.world.enter_context(gateways(self.postgres, f"money_{uuid4().hex[:12]}"))
        self.paid_at_any_time: set[UUID] = set()
        """Payments that may have been paid long after their end, when nobody asks about them any more."""
        self.refunded_at_any_time: set[UUID] = set()
        """Payments of which somebody gave back at the dashboard."""
        self.transfers: set[UUID] = set()
        """Those whose beginning was looked at."""
        self.heard = 0
        """The last message that was delivered, or lost."""
        with transaction() as tx:
            tiers = [a_tier(name="Murah", price=40_000, quota=8), a_tier(name="Mahal", price=123_457, quota=5)]
            organizers = [a_user(tx, role="organizer") for _ in range(2)]
            self.events: list[Event] = [
                an_event(tx, tiers=tiers, organizer_id=organizers[number % 2].id) for number in range(3)
            ]
            for event in self.events:
                a_promo(tx, event, code=f"HEMAT{event.id.hex[:12].upper()}", max_uses=5)
                a_promo(tx, event, code=f"KARCIS{event.id.hex[:12].upper()}", organizer_id=None, amount=15_000)
                a_promo(tx, event, code=f"BEBAS{event.id.hex[:12].upper()}", percent=100, waives_fee=True)
                a_promo(
                    tx, event, code=f"TAMU{event.id.hex[:12].upper()}", organizer_id=None, amount=40_000,
                    applies_to="ticket", waives_fee=True,
                )  # fmt: skip
            self.organizers: list[Principal] = organizers
            self.buyers: list[Principal] = [a_user(tx) for _ in range(6)]
            self.admin = a_user(tx, role="admin")
        self.tier_codes = [row.code for row in self._rows("SELECT code FROM ticket_tiers ORDER BY event_id, position")]
        self.chats = ChatBuyers(3)
        self.world.enter_context(self.chats.answered())

    @initialize(unique_codes=st.sampled_from(["off", "off", "on"]))
    def amounts_are_told_apart_or_not(self, unique_codes: str) -> None:
        os.environ["UNIQUE_CODES"] = unique_codes
        os.environ["WHATSAPP_PHONE_NUMBER_ID"] = NUMBER_ID
        product_settings.cache_clear()

    # What people do

    @rule(
        buyer=pick, event=pick, quantities=st.sampled_from([(1, 0), (0, 1), (2, 1)]), gateway=pick, method=pick,
        code=st.sampled_from([None, None, "HEMAT", "KARCIS", "BEBAS", "TAMU"]),
    )  # fmt: skip
    def somebody_buys(
        self, buyer: int, event: int, quantities: tuple[int, int], gateway: int, method: int, code: str | None
    ) -> None:
        payment = self._open(buyer, event, quantities, gateway, method, code)
        if payment and payment.gateway != "none":
            self.at.does(payment.gateway, payment.gateway_reference, "pay")
            self._try(sync.sync_payment, payment.id)

    @rule(buyer=pick, event=pick, gateway=pick, method=pick, difference=st.sampled_from([-7_000, -1, 1, 50_000]))
    def somebody_pays_the_wrong_amount(
        self, buyer: int, event: int, gateway: int, method: int, difference: int
    ) -> None:
        payment = self._open(buyer, event, (1, 0), gateway, method)
        if payment:
            amount = payment.amount + difference
            self.at.does(payment.gateway, payment.gateway_reference, "pay", amount=amount)
            self._try(sync.sync_payment, payment.id)

    @rule(phone=pick, tier=pick, quantity=st.integers(1, 2), code=st.sampled_from(["", "HEMAT", "BEBAS"]))
    def somebody_buys_in_a_chat(self, phone: int, tier: int, quantity: int, code: str) -> None:
        event = self.events[0]
        promo = f"{code}{event.id.hex[:12].upper()}" if code else ""
        for words in (f"beli {self._one(self.tier_codes, tier)} {quantity} {promo}", *["Siti Rahma"] * quantity):
            self.chats.write(phone, words)
            self._try(work.work, self.chats.sender_id(phone), 1)
        payment = self.chats.open_payment(phone)
        if payment:
            self.at.does(payment.gateway, payment.gateway_reference, "pay")
            self._try(sync.sync_payment, payment.id)

    @rule(phone=pick, tier=pick, words=st.sampled_from(WORDS))
    def somebody_writes_in_a_chat(self, phone: int, tier: int, words: str) -> None:
        self.chats.write(phone, words.format(code=self._one(self.tier_codes, tier)))

    @rule(count=st.integers(1, 3))
    def messages_to_phones_are_lost(self, count: int) -> None:
        self.chats.lose_messages(count)

    @rule(order=pick, gateway=pick, method=pick)
    def somebody_wants_to_pay_by_another_way(self, order: int, gateway: int, method: int) -> None:
        row = self._row("SELECT id, user_id FROM orders WHERE status = 'pending_payment'", order)
        if row:
            self._try(checkout.checkout, row.user_id, row.id, self._way(gateway, method))

    @rule(payment=pick, difference=st.sampled_from([0, 0, 0, -7_000]))
    def somebody_pays_what_is_open_or_was(self, payment: int, difference: int) -> None:
        # Midtrans does not say whether it has a payment whose payer has chosen nothing; nobody can pay one never shown.
        row = self._row(
            """
            SELECT * FROM payments WHERE gateway_reference IS NOT NULL AND received_amount IS NULL
                AND (gateway <> 'midtrans' OR redirect_url IS NOT NULL OR qr_string IS NOT NULL)
            """,
            payment,
        )
        if row:
            self.at.does(row.gateway, row.gateway_reference, "pay", amount=max(row.amount + difference, 1))
            self.paid_at_any_time.add(row.id)
            self._try(sync.sync_payment, row.id)

    @rule(buyer=pick, event=pick, gateway=pick, method=pick, ends=st.sampled_from(["overdue", "cancelled"]))
    def somebody_pays_too_late(self, buyer: int, event: int, gateway: int, method: int, ends: str) -> None:
        payment = self._open(buyer, event, (1, 1), gateway, method)
        if not payment:
            return
        if ends == "overdue":
            make_overdue(payment.order_id)
            expiry.expire_all_due()
        else:
            with transaction() as tx:
                orders.cancel(tx, orders.lock(tx, payment.order_id))
        self.at.does(payment.gateway, payment.gateway_reference, "pay")
        self._try(sync.sync_payment, payment.id)

    @rule(buyer=pick, event=pick)
    def somebody_reserves_and_forgets(self, buyer: int, event: int) -> None:
        order = reserve(self._one(self.buyers, buyer), self._one(self.events, event), (1, 1))
        if isinstance(order, OrderResponse):
            make_overdue(order.id)

    @rule(order=pick, tickets=st.integers(0, 3))
    def somebody_wants_money_back(self, order: int, tickets: int) -> None:
        row = self._row("SELECT id, user_id FROM orders WHERE status = 'paid'", order)
        if row:
            ids = self._ids("SELECT id FROM tickets WHERE order_id = :id AND status = 'issued'", id=row.id)
            wanted = refund_requests.RefundRequest(order_id=row.id, ticket_ids=ids[:tickets] or None, reason="Sakit")
            self._do(lambda tx: refund_requests.request(tx, row.user_id, wanted))

    @rule(refund=pick, approved=st.booleans())
    def an_organizer_decides(self, refund: int, approved: bool) -> None:
        row = self._row("SELECT id FROM refunds WHERE kind = 'requested'", refund)
        if row and approved:
            self._do(lambda tx: approval.approve(tx, self.admin, row.id))
        elif row:
            self._do(lambda tx: approval.reject(tx, self.admin, row.id, approval.Rejection(reason="Tidak")))

    @rule(person=pick, number=st.sampled_from(ACCOUNTS))
    def somebody_sets_a_bank_account(self, person: int, number: str) -> None:
        who = self._one([*self.buyers, *self.organizers], person)
        account = BankAccountBody(bank_code="BCA", account_number=number, account_holder_name="Siti Rahma")
        self._try(bank_account_changes.set_account, who.id, account)

    @rule(payment=pick, amount=st.sampled_from([None, 5_000, 40_000]))
    def somebody_refunds_at_the_dashboard(self, payment: int, amount: int | None) -> None:
        row = self._row("SELECT * FROM payments WHERE received_amount > 0 AND gateway_reference IS NOT NULL", payment)
        if not row:
            return
        self.at.does(row.gateway, row.gateway_reference, "refund", **({"amount": amount} if amount else {}))
        self.refunded_at_any_time.add(row.id)
        self._try(sync.sync_refunds, row.id)

    @rule(payment=pick, decision=st.sampled_from([reviews.accept, reviews.refund, reviews.top_up]))
    def an_admin_decides_about_a_mismatch(self, payment: int, decision: Callable[..., Any]) -> None:
        row = self._row("SELECT id FROM payments WHERE received_amount <> amount", payment)
        if row:
            self._do(lambda tx: decision(tx, self.admin.id, row.id))

    @rule(event=pick)
    def an_event_is_cancelled(self, event: int) -> None:
        chosen = self._one(self.events, event)
        self._do(lambda tx: cancellation.start(tx, self.admin, chosen.id, Cancellation(reason="Hujan")))

    @rule(event=pick, steps=st.integers(1, 4))
    def a_cancellation_goes_on_for_some_orders(self, event: int, steps: int) -> None:
        """Run a cancellation for some orders, as if it had been killed after them."""
        chosen = self._one(self.events, event)
        if self._ids("SELECT event_id FROM event_cancellations WHERE event_id = :id", id=chosen.id):
            for order_id in self._ids(cancellation.ORDERS_LEFT, event_id=chosen.id)[:steps]:
                self._do(lambda tx, order_id=order_id: cancellation.cancel_order(tx, order_id))

    @rule(event=pick, days=st.sampled_from([8, 20]))
    def an_event_ends_and_payouts_are_due(self, event: int, days: int) -> None:
        chosen = self._one(self.events, event)
        ended = text("UPDATE events SET start_date = now() - make_interval(days => :days + 1),"
                     " end_date = now() - make_interval(days => :days)"
                     " WHERE id = :id AND status = 'published'")  # fmt: skip
        self._do(lambda tx: tx.execute(ended, {"id": chosen.id, "days": days}))
        creation.create_all_due()
        self._check_nothing_payable_is_forgotten()

    # What machines do

    @rule(messages=st.integers(1, 10))
    def messages_are_delivered(self, messages: int) -> None:
        for row in self._waiting()[:messages]:
            self._deliver(row)
            self.heard = row.id

    @rule(back=st.integers(1, 20))
    def messages_are_delivered_again(self, back: int) -> None:
        for row in self._waiting(since=max(self.heard - back, 0))[:back]:
            if row.id <= self.heard:
                self._deliver(row)

    @rule()
    def messages_are_lost(self) -> None:
        waiting = self._waiting()
        if waiting:
            self.heard = waiting[-1].id

    @rule(gateway=st.sampled_from(GATEWAYS), count=st.integers(1, 6), takes_effect=st.booleans())
    def a_gateway_fails(self, gateway: str, count: int, takes_effect: bool) -> None:
        self.at.fails(gateway, status=503, count=count, takes_effect=takes_effect)

    @rule(payment=pick)
    def a_webhook_is_told_again(self, payment: int) -> None:
        row = self._row("SELECT id FROM payments WHERE gateway <> 'none'", payment)
        if row:
            self._try(sync.sync_payment, row.id)

    @rule()
    def the_clock_strikes(self) -> None:
        reconcile.run(thorough=True, older_than_seconds=0)

    @rule()
    def everything_comes_to_rest(self) -> None:
        """No more faults; whatever was lost is repaired. Then the books must tell the whole truth."""
        for gateway in GATEWAYS:
            self.at.behaves(gateway)
        for payment_id in self.paid_at_any_time:  # webhooks come again until they are taken
            self._try(sync.sync_payment, payment_id)
        self.paid_at_any_time.clear()
        for payment_id in self.refunded_at_any_time:
            self._try(sync.sync_refunds, payment_id)
        self.refunded_at_any_time.clear()
        for _ in range(6):
            self.chats.come_to_rest()
            for row in self._waiting():
                self._deliver(row)
                self.heard = row.id
            self._do(lambda tx: tx.execute(text("UPDATE disbursements SET updated_at = now() - interval '2 hours'")))
            reconcile.run(thorough=True, older_than_seconds=0)
            if not self._waiting():
                break
        self.chats.check_rest()
        self._check_clearing()
        self._check_nothing_hangs()
        self._check_nobody_got_more_than_owed()

    # What must hold

    @invariant()
    def what_is_always_promised_is_kept(self) -> None:
        with transaction() as tx:
            assert invariants.broken(tx, invariants.ALWAYS) == {}

    @invariant()
    def no_organizer_is_sent_more_than_they_are_owed_in_all(self) -> None:
        """When a transfer begins, its sum is off the organizer's account already: that must not be overdrawn."""
        begun = self._rows("""
            SELECT d.id, p.organizer_id FROM disbursements d JOIN payouts p ON p.id = d.payout_id ORDER BY d.id
        """)
        new = {row.organizer_id for row in begun if row.id not in self.transfers}
        self.transfers.update(row.id for row in begun)
        for organizer_id in new:
            [row] = self._rows(
                "SELECT -COALESCE(sum(amount), 0) AS left FROM ledger_entries WHERE account = :account",
                account=f"organizer_payable:{organizer_id}",
            )
            assert row.left >= 0, organizer_id

    @invariant()
    def buyers_in_chats_share_nothing(self) -> None:
        self.chats.check()

    @invariant()
    def what_goes_back_was_paid(self) -> None:
        wrong = self._rows(money_promises.GIVEN_BACK_BEYOND_WHAT_WAS_PAID)
        assert wrong == []

    @invariant()
    def nobody_enters_with_a_ticket_that_was_given_back(self) -> None:
        wrong = self._rows("""
            SELECT t.id FROM tickets t JOIN order_items i ON i.id = t.order_item_id JOIN orders o ON o.id = t.order_id
            WHERE t.status = 'issued' AND (i.returned_at IS NOT NULL OR o.status <> 'paid')
        """)
        assert wrong == []

    def _check_clearing(self) -> None:
        assert money_promises.clearing_differences(self._rows, self._moved()) == []

    def _check_nothing_payable_is_forgotten(self) -> None:
        """After a run of the payouts too little is left for another: of events that are paid out, less all debts.

        The organizer's share of what waits for a decision is kept back: of refunds, and of money in suspense.
        """
        left = self._rows("""
            WITH balances AS (
                SELECT l.organizer_id, l.event_id, -sum(e.amount) AS balance
                FROM ledger_entries e JOIN ledger_postings l ON l.id = e.posting_id
                WHERE e.account LIKE 'organizer_payable:%' GROUP BY 1, 2),
            suspended AS (
                SELECT l.organizer_id, LEAST(
                    sum(e.amount) FILTER (WHERE e.account = 'dashboard_refunds'),
                    -sum(e.amount) FILTER (WHERE e.account LIKE 'organizer_payable:%')) AS share
                FROM ledger_entries e JOIN ledger_postings l ON l.id = e.posting_id
                WHERE l.event_id IN (SELECT event_id FROM payouts) AND l.order_id IN (
                    SELECT p.order_id FROM manual_tasks t JOIN payments p ON CAST(p.id AS text) = t.subject_id
                    WHERE t.kind IN ('payment_partially_refunded', 'payment_refunded') AND t.done_at IS NULL)
                GROUP BY l.organizer_id, l.order_id
                HAVING sum(e.amount) FILTER (WHERE e.account = 'dashboard_refunds') > 0)
            SELECT b.organizer_id, sum(b.balance) AS owed FROM balances b
            WHERE b.balance < 0 OR b.event_id IN (SELECT event_id FROM payouts)
            GROUP BY 1 HAVING sum(b.balance) - (
                SELECT COALESCE(sum(i.unit_price - i.discount + i.platform_discount - i.commission), 0)
                FROM refunds r JOIN orders o ON o.id = r.order_id JOIN refund_items n ON n.refund_id = r.id
                JOIN order_items i ON i.id = n.order_item_id
                WHERE r.status = 'requested' AND o.organizer_id = b.organizer_id
                  AND o.event_id IN (SELECT event_id FROM payouts))
                - COALESCE((SELECT sum(GREATEST(share, 0)) FROM suspended s
                    WHERE s.organizer_id = b.organizer_id), 0) >= 10000
                AND NOT EXISTS (SELECT 1 FROM payouts p WHERE p.organizer_id = b.organizer_id AND p.is_remainder
                    AND p.status IN ('pending', 'processing', 'failed'))
                AND NOT EXISTS (SELECT 1 FROM manual_tasks t JOIN events e ON CAST(e.id AS text) = t.subject_id
                    WHERE t.kind = 'payout_self_dealing' AND t.done_at IS NULL AND e.organizer_id = b.organizer_id)
        """)
        assert left == []

    def _check_nothing_hangs(self) -> None:
        assert money_promises.hanging(self._rows) == []

    def _check_nobody_got_more_than_owed(self) -> None:
        assert money_promises.overpaid(self._rows, self._moved()) == []
        assert money_promises.miscounted_debts(self._rows) == []

    def teardown(self) -> None:
        """It always comes to rest in the end."""
        with self.world:
            self.everything_comes_to_rest()

    # How

    def _moved(self) -> dict[tuple[str, str], int]:
        """The money that each gateway has moved, by its name and our id."""
        return {(gateway, name): amount for gateway in GATEWAYS for name, amount in self.at.moved(gateway).items()}

    def _way(self, gateway: int, method: int) -> checkout.CheckoutRequest:
        return checkout.CheckoutRequest(payment_method=self._one(METHODS, method), gateway=self._one(GATEWAYS, gateway))

    def _open(
        self, buyer: int, event: int, quantities: tuple[int, int], gateway: int, method: int, code: str | None = None
    ) -> Any:
        who = self._one(self.buyers, buyer)
        chosen = self._one(self.events, event)
        order = reserve(who, chosen, quantities, promo_code=f"{code}{chosen.id.hex[:12].upper()}" if code else None)
        if not isinstance(order, OrderResponse):
            return None
        try:
            return checkout.checkout(who.id, order.id, self._way(gateway, method)).payments[-1]
        except Problem:  # the gateway failed; the reservation runs out
            make_overdue(order.id)
            return None

    def _deliver(self, row: Any) -> None:
        """One message to whom it is for. A mail is only marked as sent: else every run on schedule asks for it anew."""
        acts: dict[str, Callable[[], object]] = {
            "payment.success": lambda: issuing.issue(UUID(row.payload["order_id"])),
            "ticket.created": lambda: self._do(lambda tx: work.hand_over(tx, UUID(row.payload["order_id"]))),
            "order.ended": lambda: self._end(UUID(row.payload["order_id"])),
            "chat.waiting": lambda: work.work(UUID(row.payload["sender_id"]), 1),
            "payment.closing": lambda: payment_expiry.cancel_at_gateway(UUID(row.payload["payment_id"])),
            "refund.approved": lambda: refund_execution.execute(UUID(row.payload["refund_id"])),
            "payout.requested": lambda: payout_execution.execute(UUID(row.payload["payout_id"])),
            "email.requested": lambda: self._send(row.payload["email_id"]),
        }
        if row.topic in acts:
            self._try(acts[row.topic])
            self.no_organizer_is_sent_more_than_they_are_owed_in_all()

    def _end(self, order_id: UUID) -> None:
        payment_expiry.expire_payments(order_id)
        self._do(lambda tx: work.notify_expiry(tx, order_id))

    def _send(self, email_id: str) -> None:
        sent = text("UPDATE emails SET status = 'sent', sent_at = now() WHERE id = :id")
        self._do(lambda tx: tx.execute(sent, {"id": email_id}))

    def _waiting(self, since: int | None = None) -> list[Any]:
        after = self.heard if since is None else since
        return self._rows("SELECT id, topic, payload FROM outbox WHERE id > :after ORDER BY id", after=after)

    def _try(self, act: Callable[..., object], *arguments: Any) -> None:
        """A gateway may fail, and the product may refuse: both are told to whoever asked."""
        try:
            act(*arguments)
        except (GatewayError, Problem):
            return

    def _do(self, act: Callable[[Any], object]) -> None:
        """One transaction, refused or not."""
        try:
            with transaction() as tx:
                act(tx)
        except Problem:
            return

    def _row(self, query: str, number: int) -> Any:
        rows = self._rows(f"{query} ORDER BY id")
        return rows[number % len(rows)] if rows else None

    def _ids(self, query: str, **values: Any) -> list[UUID]:
        return [row[0] for row in self._rows(query, **values)]

    @staticmethod
    def _rows(query: str, **values: Any) -> list[Any]:
        with transaction() as tx:
            return list(tx.execute(text(query), values).all())

    @staticmethod
    def _one(things: Any, number: int) -> Any:
        return things[number % len(things)]


@pytest.mark.usefixtures("files")
@pytest.mark.slow("two hundred steps, all promises checked after each")
def test_every_rupiah_is_where_the_books_say(postgres: Postgres):
    Money.postgres = postgres
    with mock.patch.dict(os.environ):
        run_state_machine_as_test(
            Money,
            settings=settings(
                max_examples=max(STEPS // STEPS_AT_A_TIME, 1),
                stateful_step_count=STEPS_AT_A_TIME,
                phases=[Phase.explicit, Phase.generate, Phase.shrink],
            ),
        )
