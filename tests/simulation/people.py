"""The people of a seed, and what each of them knows: only what they were told."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.cloud import clock
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from tests.factories import Event, a_gate_staff, a_promo, a_tier, a_user, an_event, bearer

_NUMBERS = ("Satu", "Dua", "Tiga", "Empat", "Lima", "Enam", "Tujuh", "Delapan")
GATEWAY_NAMES = ("xendit", "midtrans")
METHODS = ("QRIS", "BCA", "MANDIRI", "GOPAY", "OVO", "DANA", "ANY")


@dataclass
class Request:
    """A request that somebody sent: the same again if no answer came."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]


@dataclass
class KnownPayment:
    """A payment that its buyer was shown."""

    id: str
    gateway: str
    reference: str
    amount: int


@dataclass
class Buyer:
    """Somebody who buys, with the orders they know of as they last saw them."""

    name: str
    principal: Principal
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    unanswered: Request | None = None
    place_token: str | None = None
    queue_pass: str | None = None
    """The last pass of the waiting room that they got."""

    def headers(self) -> dict[str, str]:
        """How they sign their requests."""
        return bearer(self.principal)

    def saw(self, order: dict[str, Any]) -> None:
        """They are shown an order."""
        self.orders[order["id"]] = order

    def in_status(self, *statuses: str) -> list[dict[str, Any]]:
        """The orders that they believe to be in one of these states."""
        return [order for order in self.orders.values() if order["status"] in statuses]

    def payments(
        self, gateways: Collection[str] = GATEWAY_NAMES, *, statuses: Collection[str] | None = None
    ) -> list[KnownPayment]:
        """Every payment of some gateways that they were shown, in some states or any, and can go and pay."""
        return [
            KnownPayment(payment["id"], payment["gateway"], payment["gateway_reference"], payment["amount"])
            for order in self.orders.values()
            for payment in order["payments"]
            if any(payment[how] for how in ("redirect_url", "qr_string", "va_number"))
            and not payment["is_opening"]
            and payment["gateway"] in gateways
            and (statuses is None or payment["status"] in statuses)
        ]


@dataclass
class People:
    """Everybody, and the events around which they meet."""

    events: list[Event]
    codes: list[str]
    buyers: list[Buyer]
    organizers: list[Principal]
    admins: list[Principal]
    gate_staff: list[Principal]
    codes_shown: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The tickets that holders have opened, each with its event and its QR code."""
    inside: dict[str, str] = field(default_factory=dict)
    """The tickets with which somebody was let in, each by its scan."""
    offline_scans: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Scans that devices have decided without network, and not sent yet, each with its event and its ticket."""
    edited_at: float = 0.0
    """When somebody last changed what is for sale, or tried to; virtual seconds."""
    rush: Event | None = None
    """The event that is sold to whoever was called in its waiting room."""
    drafts: list[Event] = field(default_factory=list)
    """Events that organizers have written themselves, published or not."""

    @classmethod
    def gather(
        cls, tx: Transaction, chance: random.Random, days: Sequence[Sequence[int]], *, is_rush: bool
    ) -> "People":
        """People, events that sell out soon (each begins after some of its `days`), and promo codes.

        In a rush the last event has a waiting room.
        """
        organizers = [a_user(tx, role="organizer", full_name=_organizer_name(number)) for number in (0, 1)]
        events = [
            _an_event(tx, chance, organizers[number % 2].id, number, chance.choice(each), is_rush and number == 2)
            for number, each in enumerate(days)
        ]
        codes = [code for number, event in enumerate(events) for code in _codes(tx, event, number)]
        return cls(
            events,
            codes,
            [_a_buyer(tx, number) for number in range(1, 9)],
            organizers,
            [a_user(tx, role="admin", full_name=f"Admin {number}") for number in (1, 2)],
            [a_gate_staff(tx, event) for event in events],
            rush=events[-1] if is_rush else None,
        )

    def name_of(self, organizer: Principal) -> str:
        """An organizer's name."""
        return _organizer_name(self.organizers.index(organizer))

    def headers(self, who: Principal) -> dict[str, str]:
        """How somebody signs their requests, who has just proved who they are."""
        return bearer(who)

    def organizer(self, organizer_id: UUID) -> dict[str, str]:
        """How an organizer signs their requests."""
        return bearer(next(each for each in self.organizers if each.id == organizer_id))

    def an_admin(self, chance: random.Random) -> dict[str, str]:
        """How one of the admins signs their requests."""
        return bearer(chance.choice(self.admins))


def _organizer_name(number: int) -> str:
    return f"Penyelenggara {('Satu', 'Dua')[number]}"


def _a_buyer(tx: Transaction, number: int) -> Buyer:
    name = f"Pembeli {_NUMBERS[number - 1]}"
    return Buyer(name, a_user(tx, full_name=name, email=f"pembeli{number}@example.com"))


def _an_event(
    tx: Transaction, chance: random.Random, organizer_id: UUID, number: int, days: int, is_rush: bool
) -> Event:
    tiers = [
        a_tier(name="Murah", price=40_000, quota=chance.choice((4, 8, 30))),
        a_tier(name="Mahal", price=123_457, quota=chance.choice((2, 6, 12))),
        a_tier(name="Gratis", price=0, quota=3),
        a_tier(name="Kaus", price=99_999, quota=5, kind="product"),
    ]
    return an_event(
        tx,
        tiers=tiers,
        organizer_id=organizer_id,
        starts_at=clock.now() + timedelta(days=days, hours=3 + chance.randrange(20)),
        title=f"Konser {number + 1}",
        gates_open=days < 3 or number < 2,  # two let people in long before they begin
        allows_reentry=chance.random() < 0.5,
        waiting_room_opens_at=clock.now() + timedelta(seconds=chance.choice((10, 60))) if is_rush else None,
    )


def _codes(tx: Transaction, event: Event, number: int) -> list[str]:
    terms: tuple[dict[str, Any], ...] = (
        {"percent": 15, "max_uses": 3},
        {"organizer_id": None, "amount": 15_000},
        {"percent": 100, "waives_fee": True, "max_uses": 2},
        {"organizer_id": None, "amount": 40_000, "applies_to": "ticket", "waives_fee": True},
    )
    codes = [f"KODE{number}{each}" for each in range(len(terms))]
    for code, term in zip(codes, terms, strict=True):
        a_promo(tx, event, code=code, **term)
    return codes
