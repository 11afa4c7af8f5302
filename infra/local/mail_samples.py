"""Every mail with a made-up context, as the preview page and the tests show it: each kind of content once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared import local_time
from shared.messages.template_data import (
    BankAccount,
    Change,
    Event,
    Goods,
    GoodsLine,
    Line,
    Order,
    Payment,
    Payout,
    Refund,
    SoldEvent,
    Ticket,
)

_ZONE = "Asia/Jakarta"
_ORDER_ID = UUID("0d9c8b7a-1122-4333-8444-55667788990a")
_START, _END = datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 21, 15, tzinfo=UTC)
_DEADLINE = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Names:
    """Names as people type them."""

    buyer: str
    attendee: str
    title: str
    place: str
    tier: str
    other_tier: str


SHORT = Names("Siti Rahma", "Budi", "Konser Senja", "Istora, Jakarta", "VIP", "Reguler")
LONG = Names(
    "Raden Ayu Kusumaningtyas Prawirodirdjo Hadiningrat-Soemardjo",
    "Muhammad Fadhlurrahman Al-Banjari bin Abdurrahman Wahid",
    "Festival Musik Tradisional dan Kontemporer Nusantara Sepanjang Malam: Dua Puluh Panggung, Seratus Penampil",
    "Lapangan Parkir Timur Senayan (masuk dari Jalan Gerbang Pemuda), Gelora Bung Karno, Jakarta Pusat",
    "Early Bird Platinum dengan Tempat Duduk, Makan Malam, dan Temu Penampil",
    "Festival Berdiri Hari Pertama dan Hari Kedua untuk Pelajar dan Mahasiswa",
)


@dataclass(frozen=True)
class Sample:
    """A mail to show: its template, what is special about its content, and its context."""

    template: str
    variant: str
    context: Mapping[str, Any]

    @property
    def slug(self) -> str:
        """Its name in an address."""
        return f"{self.template}-{self.variant}" if self.variant else self.template


def samples(language: str, names: Names = SHORT) -> list[Sample]:
    """Every mail, in the order in which people meet them; those of one template stand together."""
    made = _Samples(language, names)
    return [*made.of_accounts(), *made.of_orders(), *made.of_tickets(), *made.of_money(), *made.of_organizers()]


class _Samples:
    """The samples in one language, with these names."""

    def __init__(self, language: str, names: Names) -> None:
        self._language = language
        self._names = names
        when = local_time.date_and_time(_START, _END, _ZONE, language)
        self._event = Event(names.title, when, names.place)
        self._deadline = local_time.long_moment(_DEADLINE, _ZONE, language)
        self._lines = [Line(names.tier, 2, 150_000, 10_000), Line(names.other_tier, 1, 100_000, 7_500)]
        self._paid = self._order("paid", None)
        self._tickets = [
            Ticket(UUID(int=1), names.tier, names.buyer, "a.pdf"),
            Ticket(UUID(int=2), names.other_tier, names.attendee, "b.pdf"),
        ]

    def of_accounts(self) -> Iterator[Sample]:
        """Codes, and what happens to accounts."""
        name = {"full_name": self._names.buyer}
        code = {**name, "code": "123456", "valid_minutes": 10}
        yield Sample("verify_email", "", code)
        yield Sample("sign_in", "", {**code, "code": "12345678"})
        yield Sample("link_chat", "", {**code, "full_name": "", "code": "12345678"})
        yield Sample("confirm_identity", "", code)
        yield Sample("reset_password", "", code)
        yield Sample("already_registered", "", name)
        factor = {**name, "recovery_codes_left": 0, "due_at": ""}
        for occasion in ("enabled", "disabled", "new_recovery_codes", "reset_cancelled", "reset"):
            yield Sample("second_factor", occasion, {**factor, "occasion": occasion})
        used = {**factor, "occasion": "recovery_code_used"}
        yield Sample("second_factor", "recovery_code_used", {**used, "recovery_codes_left": 2})
        yield Sample("second_factor", "last_recovery_code_used", used)
        asked = {**factor, "occasion": "reset_requested", "due_at": self._deadline}
        yield Sample("second_factor", "reset_requested", asked)
        yield Sample("account_deleted", "", name)
        yield Sample("staff_invitation", "", {**name, "code": "123456", "valid_days": 3})
        yield Sample("staff_address_taken", "", name)

    def of_orders(self) -> Iterator[Sample]:
        """Orders on their way to be paid."""
        for variant, payment in self._payments().items():
            yield Sample("order_confirmation", variant, {"order": self._order("pending_payment", payment)})
        yield Sample("order_confirmation", "paid", {"order": self._paid})
        payments = self._payments()
        for variant in ("qris", "account"):
            yield Sample("payment_reminder", variant, {"order": self._order("pending_payment", payments[variant])})
        waiting = {"order": self._order("pending_payment", None)}
        yield Sample("top_up_needed", "", {**waiting, "amount": 10_000, "received": 397_500})
        yield Sample("payment_in_review", "", {**waiting, "received": 477_500, "asked": 407_500})
        yield Sample("payment_unusable", "", {"order": self._order("expired", None), "amount": 407_500})

    def of_tickets(self) -> Iterator[Sample]:
        """Tickets and goods, and what becomes of them."""
        tickets = {"order": self._paid, "tickets": self._tickets, "are_attached": True, "occasion": "paid", "untold": 0}
        yield Sample("e_ticket", "buyer", {**tickets, "to_buyer": True})
        yield Sample("e_ticket", "many", {**tickets, "to_buyer": True, "are_attached": False, "untold": 4})
        yield Sample("e_ticket", "resent", {**tickets, "to_buyer": True, "occasion": "resent"})
        attendee = {**tickets, "to_buyer": False, "tickets": self._tickets[1:]}
        yield Sample("e_ticket", "attendee", attendee)
        yield Sample("e_ticket", "changed", {**attendee, "occasion": "changed"})
        goods = Goods("K7QM-3XPD", [GoodsLine(self._names.tier, 2)], [GoodsLine(self._names.other_tier, 1)])
        yield Sample("goods_ready", "", {"order": self._paid, "goods": goods})
        held = [GoodsLine(self._names.tier, 2)]
        for is_today, to_buyer in ((False, True), (True, True), (False, False)):
            variant = "today" if is_today else "buyer" if to_buyer else "attendee"
            context = {"order": self._paid, "held": held, "to_buyer": to_buyer, "is_today": is_today}
            yield Sample("event_reminder", variant, context)
        for variant, to_buyer in (("buyer", True), ("attendee", False)):
            yield Sample("ticket_delayed", variant, {"order": self._paid, "to_buyer": to_buyer})
            yield Sample("event_changed", variant, {**self._changed(), "to_buyer": to_buyer})
        for reason in ("event_cancelled", "refunded", "replaced"):
            yield Sample("ticket_void", reason, {"order": self._paid, "held": held, "reason": reason})
        for variant, amount in (("paid", 407_500), ("free", 0)):
            yield Sample("event_cancelled", variant, {"order": self._paid, "amount": amount})

    def of_money(self) -> Iterator[Sample]:
        """Money on its way back to buyers."""
        words = "Maaf, acara ini tidak mengembalikan dana setelah daftar peserta dikirim ke percetakan."
        refund = Refund(135_000, "Sakit", None, "gateway", "completed")
        yield Sample("refund_completed", "gateway", self._refund(refund))
        yield Sample("refund_completed", "bank", self._refund(replace(refund, method="disbursement")))
        yield Sample("refund_completed", "free", self._refund(replace(refund, amount=0)))
        rejected = replace(refund, rejection_reason=words, status="rejected")
        yield Sample("refund_rejected", "", self._refund(rejected))
        for variant, is_refused in (("", False), ("refused", True)):
            asked = {**self._refund(replace(refund, status="approved")), "is_refused": is_refused}
            yield Sample("refund_account_needed", variant, asked)

    def of_organizers(self) -> Iterator[Sample]:
        """Sales, payouts and bank accounts."""
        way_out = {"unsubscribe_url": "https://karcis.example/u?token=0", "unsubscribe_kind": "sales"}
        told = {"full_name": self._names.buyer, **way_out}
        event = SoldEvent(UUID(int=7), self._names.title, 1, 2, 300_000, 12, 500)
        yield Sample("sale_made", "", {**told, "event": event, "lines": [GoodsLine(self._names.tier, 2)]})
        day = replace(event, orders=34, items=51, amount=7_650_000, sold=263)
        yield Sample("sale_digest", "event", {**told, "events": [day]})
        second = SoldEvent(UUID(int=8), "Lari Pagi", 1, 1, 150_000, 1, 2_000)
        yield Sample("sale_digest", "events", {**told, "events": [day, second]})
        payout = Payout(6_885_000, "completed", self._names.title, self._names.buyer, "BCA", "6789")
        yield Sample("payout_completed", "", {"payout": payout})
        for variant, status in (("failed", "failed"), ("pending", "pending"), ("refused", "pending")):
            asked = {"payout": replace(payout, status=status), "is_refused": variant == "refused"}
            yield Sample("payout_account_needed", variant, asked)
        for variant, waits in (("first", None), ("replaced", self._deadline)):
            yield Sample("bank_account_set", variant, self._bank_account(waits))
        promo = {"code": "HEMAT", "event_title": self._names.title, "discount": 50_000}
        yield Sample("promo_used_late", "", {"promo": promo})

    def _order(self, status: str, payment: Payment | None) -> Order:
        return Order(
            _ORDER_ID, status, self._names.buyer, self._event, self._lines, 20_000, 407_500, self._deadline, payment
        )

    def _payments(self) -> dict[str, Payment | None]:
        bill = Payment("MANDIRI", 407_500, "992326882473", "70012", None, self._deadline)
        page = "https://pay.example/inv-1"
        return {
            "qris": Payment("QRIS", 407_500, None, None, page, self._deadline),
            "account": Payment("BCA", 407_500, "8808123456789012", None, None, self._deadline),
            "bill": bill,
            "wallet": Payment("OVO", 407_500, None, None, page, self._deadline),
            "any": None,
        }

    def _changed(self) -> dict[str, Any]:
        before = ", ".join(local_time.date_and_time(_START, _END, _ZONE, self._language))
        after = ", ".join(self._event.when)
        changes = [
            Change("when", before, after),
            Change("where", "Istora, Jakarta", self._names.place),
            Change("tier", self._names.tier, self._names.other_tier),
        ]
        return {"order": self._paid, "changes": changes, "allows_refund": True, "is_partial": False}

    def _refund(self, refund: Refund) -> dict[str, Any]:
        return {"order": self._paid, "refund": refund}

    def _bank_account(self, waits_until: str | None) -> dict[str, Any]:
        stop = "https://karcis.example/stop"
        account = BankAccount("BCA", "6789", self._names.buyer, self._deadline, waits_until, stop)
        return {"full_name": self._names.buyer, "account": account}
