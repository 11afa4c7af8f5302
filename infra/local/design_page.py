"""Every component of the pages in every state, on one page: to look at, in both themes. Of a local run only."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from flask import Request

from shared.site import charts, rendering
from shared.site.offers import State
from shared.site.order_view import Line
from shared.states import OrderStatus
from shared.web import pages
from shared.web.pages import PageRequest

_STATES: tuple[State, ...] = ("on_sale", "held", "sold_out", "not_yet", "ended", "cancelled")
_LONG = "Festival Musik, Kuliner, dan Kerajinan Nusantara Terpanjang Sepanjang Masa di Tepi Laut " * 3


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The page, as the site would answer it."""
    request = Request(environ)
    asked = pages.read_briefly(request)
    page = rendering.page("design.html", PageRequest("/design", language=asked.language), **_samples())
    return pages.respond(page, request)(environ, start_response)


def _samples() -> dict[str, Any]:
    event = _event("Konser Senja di Istora", 3)
    ticket = {"tier_name": "Festival", "bib_number": 1207, "id": UUID(int=1), "download_url": "#", "qr": "K1.SAMPLE"}
    return {
        "states": _STATES,
        "event": event,
        "offers": [_offer(state, index) for index, state in enumerate(_STATES)],
        "long": SimpleNamespace(
            event=_event(_LONG[:255], 9), state="on_sale", lowest_price=0, highest_price=999_999_999
        ),
        "lines": [Line("Festival", 2, 150_000), Line("Kaus panitia", 1, 999_999_999)],
        "tickets": [
            SimpleNamespace(**ticket, status=status, attendee_name=name)
            for status, name in (("valid", "Siti Rahma"), ("used", "Budi"), ("void", "Ayu"))
        ],
        "view": SimpleNamespace(seconds_left=754),
        "held_until": "20.15 WIB",
        "key": "",
        "csrf": "",
        "desk": _desk(),
        "share": charts.share,
    }


def _desk() -> SimpleNamespace:
    """The components of the organizer's desk."""
    now = datetime.now(UTC)
    moment = {"at": now, "amount": 150_000, "about": "QRIS", "whom": "xendit", "state": None}
    mail = {**moment, "about": "e_ticket", "whom": "siti@example.com", "step": "mail"}
    slots = {"total_slots": 100, "percentage": 95.0, "warning": True}
    return SimpleNamespace(
        steps=[
            SimpleNamespace(name=name, is_done=name == "sale", address="#main", is_required=name == "tickets")
            for name in ("tickets", "banner", "sale")
        ],
        events=[
            SimpleNamespace(status=status, end_date=now + timedelta(days=days))
            for status, days in (("draft", 1), ("published", 1), ("published", -1), ("cancelled", 1))
        ],
        order_states=list(OrderStatus),
        card=SimpleNamespace(
            total_slots=200,
            sold=95,
            available=105,
            percentage=47.5,
            categories=[
                SimpleNamespace(name=_LONG[:100], sold=95, available=5, **slots),
                SimpleNamespace(
                    **slots | {"name": "Tribun", "sold": 0, "available": 100, "percentage": 0.0, "warning": 0}
                ),
            ],
        ),
        columns=charts.columns([3, 0, 12, 7, 1]),
        listing=SimpleNamespace(page=2, page_size=25, total=60),
        moments=[
            SimpleNamespace(**{**moment, "step": step})
            for step in ("reserved", "payment_opened", "payment_failed", "paid", "refund_requested")
        ]
        + [SimpleNamespace(**{**mail, "state": state}) for state in ("delivered", "bounced")],
    )


def _tier(number: int, **fields: Any) -> SimpleNamespace:
    usual = {
        "id": UUID(int=number),
        "name": "Festival",
        "kind": "ticket",
        "price": 150_000,
        "current_price": 150_000,
        "quota": 100,
        "code": "SENJA1",
    }
    return SimpleNamespace(**{**usual, "sold": 95, "reserved": 2, **fields})


def _offer(state: State, index: int) -> SimpleNamespace:
    prices = (
        {"lowest_price": 150_000, "highest_price": 450_000}
        if state == "on_sale"
        else {"lowest_price": None, "highest_price": None}
    )
    tier = _tier(index, current_price=120_000 if index == 1 else 150_000)
    event = _event("Konser Senja di Istora", index)
    return SimpleNamespace(event=event, tier=tier, is_early_bird=index == 1, state=state, **prices)


def _event(title: str, number: int) -> SimpleNamespace:
    start = datetime.now(UTC) + timedelta(days=20)
    return SimpleNamespace(
        id=UUID(int=number),
        slug="contoh",
        title=title,
        status="published",
        banner=None,
        start_date=start,
        end_date=start + timedelta(hours=4),
        timezone="Asia/Makassar",
        tiers=[_tier(number)],
        venue="Istora Senayan",
        location="Jakarta",
    )
