"""The desk's wire: an organizer sees and changes their own events only, and what they type breaks nothing (ISO-1)."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.people import PASSWORD, Person, World
from tests.waiting import PATIENCE_SECONDS, until

PAGES = (
    "",
    "details",
    "tickets",
    "tickets/new",
    "tickets/{tier}",
    "promos",
    "promos/{promo}",
    "goods",
    "orders",
    "orders/{order}",
    "orders/{unpaid}",
    "attendees",
    "attendees/{ticket}",
    "refunds",
    "refunds/decide?refund={refund}",
    "staff",
    "publish",
    "preview",
    "cancel",
)
FORMS = (
    "details",
    "duplicate",
    "publish",
    "unpublish",
    "delete",
    "promos",
    "promos/{promo}",
    "promos/{promo}/switch",
    "orders/{order}/resend",
    "orders/{order}/hand-over-again",
    "attendees/{ticket}",
    "attendees/{ticket}/let-in-again",
    "refunds/decide",
    "refunds/{refund}/retry",
    "cancel",
    "staff",
    "tickets/new",
    "tickets/{tier}",
    "tickets/{tier}/move",
    "tickets/{tier}/delete",
    "goods/{tier}/units",
)
MARKUP = "<script>alert(1)</script>"
_INPUT = re.compile(r'<input[^>]*? name="(?!key|csrf_token|file)(\w+)"[^>]*? value="([^"]*)"')
_SELECT = re.compile(r'<select[^>]*? name="(\w+)"[^>]*>(?:(?!</select>).)*?<option value="([^"]*)" selected')
_TEXT_AREA = re.compile(r'<textarea[^>]*? name="(\w+)"[^>]*>([^<]*)</textarea>')


def browser(world: World, person: Person | None = None) -> Callable[..., requests.Response]:
    """Somebody's browser, signed in or not: call it with a method and a path."""
    session = requests.Session()
    session.headers["Origin"] = world.url

    def ask(method: str, path: str, **more: Any) -> requests.Response:
        return session.request(method, world.url + path, timeout=PATIENCE_SECONDS, allow_redirects=False, **more)

    if person:
        assert ask("POST", "/login", data={"email": person.address, "password": PASSWORD}).status_code == 303
    return ask


@pytest.fixture
def organizer(world: World) -> Person:
    return world.somebody("organizer")


@dataclass
class Sold:
    """An event of which somebody has bought, and what they want back."""

    organizer: Person
    buyer: Person
    event: dict[str, Any]
    ids: dict[str, str]

    def addresses(self) -> list[tuple[str, str]]:
        """Every address of the event at the desk."""
        here = f"/organizer/events/{self.event['id']}"
        shown = [("GET", f"{here}/{page}".rstrip("/")) for page in PAGES]
        return [
            (method, path.format(**self.ids)) for method, path in [*shown, *(("POST", f"{here}/{f}") for f in FORMS)]
        ]

    def state(self) -> list[Any]:
        """All of it, as its owners see it, but for what becomes of its mails."""
        own = [f"events/{self.event['id']}", f"promos/{self.ids['promo']}", f"refunds/{self.ids['refund']}"]
        tickets = [f"orders/{self.ids['order']}", f"tickets/{self.ids['ticket']}"]
        return [self.organizer.api.get(path) for path in own] + [
            {**self.buyer.api.get(path), "tickets": None} for path in tickets
        ]


@pytest.fixture(scope="module")
def sold(world: World) -> Sold:
    """An event with a paid order and one that is not, a refund to decide and a promo code."""
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish(title="Konser <b>Senja</b> & Co")
    promo = organizer.api.post("promos", {"code": "SENJA10", "percent": 10, "event_id": event["id"]}, status=201)
    order = buyer.buy(event, [2])
    asked = {"order_id": order["id"], "ticket_ids": [order["tickets"][1]["id"]], "reason": MARKUP}
    refund = buyer.api.post("refunds/request", asked, status=201)
    named = {"name": f"=HYPERLINK {MARKUP}", "email": buyer.address}
    buyer.api.call("PUT", f"tickets/{order['tickets'][0]['id']}/holder", json=named, status=200)
    unpaid = world.somebody().reserve(event)
    ids = {"tier": event["tiers"][0]["id"], "promo": promo["id"], "refund": refund["id"], "unpaid": unpaid["id"]}
    return Sold(organizer, buyer, event, {**ids, "order": order["id"], "ticket": order["tickets"][0]["id"]})


def test_what_is_another_organizers_is_not_there(world: World, sold: Sold):
    before, ask = sold.state(), browser(world, world.somebody("organizer"))
    form = {"name": "X", "price": "1", "quota": "1", "title": "X", "units": "X", "code": "XXX", "value": "1"}
    more = {"email": "x@example.com", "full_name": "X", "new_start": "2030-01-01T10:00", "reason": "X"}
    chosen = {"decision": "approve", "refund": sold.ids["refund"], "active": "false"}
    for method, path in sold.addresses():
        answer = ask(method, path, data={**form, **more, **chosen} if method == "POST" else None)
        assert (path, answer.status_code) == (path, 404)
        assert "Konser" not in answer.text
    assert sold.state() == before


def test_what_belongs_to_another_event_of_ones_own_is_not_there(world: World, sold: Sold):
    other, before, ask = sold.organizer.publish(), sold.state(), browser(world, sold.organizer)
    form = {"name": "X", "email": "x@example.com", "reason": "X", "value": "1", "active": "false", "units": "X"}
    for method, path in sold.addresses():
        if any(sold.ids[name] in path for name in ("tier", "promo", "order", "ticket")):
            answer = ask(method, path.replace(sold.event["id"], other["id"]), data=form if method == "POST" else None)
            assert (path, answer.status_code) == (path, 404)
    decided = {"decision": "approve", "refund": sold.ids["refund"]}
    ask("POST", f"/organizer/events/{other['id']}/refunds/decide", data=decided)
    assert sold.state() == before


def test_exports_and_payouts_are_ones_own(world: World, sold: Sold):
    stranger = browser(world, world.somebody("organizer"))
    exports = [
        f"/api/v1/analytics/events/{sold.event['id']}/attendees?format={form}" for form in ("csv", "xlsx", "pdf")
    ]
    assert {stranger("GET", path).status_code for path in exports} == {404}
    for path in ("", "/statement.csv"):
        shown = stranger("GET", f"/organizer/payouts{path}", params={"event_id": sold.event["id"]})
        assert sold.ids["order"] not in shown.text
        assert "150.000" not in shown.text
    assert stranger("POST", f"/organizer/payouts/{uuid4()}/retry").status_code == 404


def test_a_guest_signs_in_first_and_who_is_no_organizer_may_not(world: World, sold: Sold):
    guest, customer = browser(world), browser(world, world.somebody())
    for method, path in sold.addresses():
        answer = guest(method, path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/login")
        assert customer(method, path).status_code == 403


def test_nothing_of_the_desk_is_kept_by_anybody_and_no_name_is_markup(world: World, sold: Sold):
    ask = browser(world, sold.organizer)
    for method, path in sold.addresses():
        if method == "GET" and not path.endswith("/preview"):
            answer = ask("GET", path)
            assert (path, answer.status_code) == (path, 200)
            assert "no-store" in answer.headers["Cache-Control"]
            assert MARKUP not in answer.text
            assert "<b>Senja" not in answer.text


def test_no_name_in_an_export_is_a_formula(world: World, sold: Sold):
    ask = browser(world, sold.organizer)
    csv = ask("GET", f"/api/v1/analytics/events/{sold.event['id']}/attendees?format=csv").content.decode("utf-8-sig")
    assert f'"\'=HYPERLINK {MARKUP}"' in csv


def test_a_statement_speaks_the_language_of_its_page(world: World, sold: Sold):
    ask = browser(world, sold.organizer)
    indonesian, english = (ask("GET", f"/organizer/payouts/statement.csv?lang={lang}") for lang in ("id", "en"))
    titles = [answer.content.decode("utf-8-sig").splitlines()[0] for answer in (indonesian, english)]
    assert titles == [
        '"Waktu (WIB)","Mutasi","Acara","Nomor pesanan","Jumlah","Saldo"',
        '"Time (WIB)","Movement","Event","Order number","Amount","Balance"',
    ]
    assert '"Penjualan"' in indonesian.text
    assert "Content-Length" not in indonesian.headers  # Cloud Run takes 32 MiB at most of what tells its length


@pytest.mark.parametrize(
    ("page", "shared", "other"),
    [
        ("details", "title", "description"),
        ("tickets/{tier}", "name", "description"),
        ("promos/{promo}", "value", "budget"),
    ],
)
def test_of_two_who_change_the_same_the_second_is_told_and_loses_nothing(
    world: World, organizer: Person, page: str, shared: str, other: str
):
    event = organizer.publish()
    promo = organizer.api.post("promos", {"code": "SENJA10", "percent": 10, "event_id": event["id"]}, status=201)
    ids = {"tier": event["tiers"][0]["id"], "promo": promo["id"]}
    ask, path = browser(world, organizer), f"/organizer/events/{event['id']}/{page.format(**ids)}"
    first, second = (fields(ask("GET", path).text) for _ in range(2))
    assert ask("POST", path, data={**first, shared: "11", other: "500000"}).status_code == 303
    told = ask("POST", path, data={**second, shared: "12"})
    assert (told.status_code, told.text.count("kini “")) == (200, 2)
    assert fields(ask("GET", path).text)[shared] == "11"
    shown = fields(told.text)
    assert (shown[shared], shown[other]) == ("12", "500000")
    assert ask("POST", path, data=shown).status_code == 303
    saved = fields(ask("GET", path).text)
    assert (saved[shared], saved[other]) == ("12", "500000")


def test_the_oldest_of_many_codes_is_on_the_last_page(world: World, organizer: Person):
    event = organizer.publish()
    for number in range(100, 126):
        organizer.api.post("promos", {"code": f"KODE{number}", "percent": 10, "event_id": event["id"]}, status=201)
    ask = browser(world, organizer)
    for path in (f"/organizer/events/{event['id']}/promos", "/organizer/promos"):
        assert f'href="{path}?page=2"' in ask("GET", path).text
        assert "KODE100" in ask("GET", f"{path}?page=2").text


def test_a_scan_and_a_hand_over_by_mistake_are_taken_back_with_a_reason(world: World, organizer: Person):
    soon, buyer = datetime.now(UTC) + timedelta(hours=1), world.somebody()
    tiers = ({"name": "Festival", "price": 0, "quota": 9}, {"name": "Kaus", "price": 0, "quota": 9, "kind": "product"})
    dates = {"start_date": soon.isoformat(), "end_date": (soon + timedelta(hours=4)).isoformat()}
    event = organizer.publish(*tiers, **dates)
    order = buyer.reserve(event, [1, 1])
    buyer.api.post(f"orders/{order['id']}/checkout", {"payment_method": "ANY"}, status=200)
    order = buyer.until_tickets(order, 1)
    here, ticket_id = f"/organizer/events/{event['id']}", order["tickets"][0]["id"]
    code = {"event_id": event["id"], "code": order["pickup_code"]}
    scanned = {"event_id": event["id"], "qr": buyer.api.get(f"tickets/{ticket_id}")["qr"]}
    ask = browser(world, organizer)
    for scan, given, page, form in (
        ("tickets/scan", scanned, f"{here}/attendees/{ticket_id}", "let-in-again"),
        ("pickups/scan", code, f"{here}/orders/{order['id']}", "hand-over-again"),
    ):
        assert f"{page}/{form}" not in ask("GET", page).text
        assert organizer.api.post(scan, given, status=200)["result"] == "valid"
        assert f"{page}/{form}" in ask("GET", page).text
        assert "reason-error" in ask("POST", f"{page}/{form}").text
        assert ask("POST", f"{page}/{form}", data={"reason": "Salah pindai"}).status_code == 303
        assert organizer.api.post(scan, given, status=200)["result"] == "valid"


def fields(page: str) -> dict[str, str]:
    """The values of a page's forms, each box ticked."""
    inputs = dict(_INPUT.findall(page))
    areas = {name: words.removeprefix("\n") for name, words in _TEXT_AREA.findall(page)}
    chosen = {**inputs, **areas, **dict(_SELECT.findall(page))}
    return {name: html.unescape(value) for name, value in chosen.items()}


def test_another_sites_form_publishes_nothing(world: World, organizer: Person):
    event = organizer.publish()
    ask = browser(world, organizer)
    path = f"/organizer/events/{event['id']}/unpublish"
    assert ask("POST", path, headers={"Origin": "https://evil.example"}).status_code == 403
    assert organizer.api.get(f"events/{event['id']}")["status"] == "published"


def test_an_event_with_sold_tickets_is_not_offered_to_become_a_draft(world: World, organizer: Person):
    event = organizer.publish()
    ask, path = browser(world, organizer), f"/organizer/events/{event['id']}/details"
    before = ask("GET", path).text
    world.somebody().buy(event)
    after = ask("GET", path).text
    assert ["/unpublish" in shown for shown in (before, after)] == [True, False]


def test_a_tier_is_changed_under_its_own_event_only(world: World, organizer: Person):
    event, other = organizer.publish(), organizer.publish()
    path = f"/organizer/events/{event['id']}/tickets/{other['tiers'][0]['id']}"
    ask = browser(world, organizer)
    assert [ask("GET", path).status_code, ask("POST", f"{path}/delete").status_code] == [404, 404]


def test_a_customer_becomes_an_organizer_in_the_session_that_they_have(world: World):
    ask = browser(world, world.somebody())
    assert "accept_organizer_terms" in ask("GET", "/organizer").text
    assert "accept_organizer_terms-error" in ask("POST", "/organizer", data={"full_name": "Senja"}).text
    form = {"full_name": "Senja Muda", "accept_organizer_terms": "true"}
    assert ask("POST", "/organizer", data=form).headers["Location"] == "/organizer"
    assert ask("GET", "/organizer/events/new").status_code == 200


def test_a_file_is_taken_or_told_on_the_page_that_it_came_from(world: World, organizer: Person):
    event = organizer.publish({"name": "Voucer", "price": 1000, "quota": 9, "kind": "digital"})
    here, ask = f"/organizer/events/{event['id']}", browser(world, organizer)
    told = ask("POST", f"{here}/banner", files={"file": ("a.jpg", b"no picture")})
    assert told.status_code == 200
    assert "Berkas ini bukan gambar" in told.text
    codes = {"units": ("codes.csv", b"A-1;x\r\nA-2;y\r\n")}
    taken = ask("POST", f"{here}/goods/{event['tiers'][0]['id']}/file", files=codes)
    assert taken.headers["Location"] == f"{here}/goods?added=2&duplicates=0"


def test_a_digital_good_without_codes_is_not_called_sold_out(world: World, organizer: Person):
    event = organizer.publish({"name": "Voucer", "price": 1000, "quota": 9, "kind": "digital"})
    shown = browser(world, organizer)("GET", f"/organizer/events/{event['id']}/goods").text
    assert ("Belum ada kode untuk dijual" in shown, "Habis" in shown) == (True, False)


def test_why_money_goes_back_is_told_in_the_language_of_the_page(world: World, organizer: Person):
    buyer, admin = world.somebody(), world.somebody("admin")
    event = organizer.publish()
    order = buyer.reserve(event)
    payment = buyer.checkout(order, "midtrans", "QRIS")
    world.gateway("midtrans", payment["gateway_reference"], "pay", amount=5_000)
    until(lambda: buyer.order(order)["payments"][-1]["received_amount"], what="for the money")
    buyer.api.post(f"orders/{order['id']}/cancel", status=200)
    refund = until(lambda: buyer.api.get("refunds")["items"], what="for the refund")[0]
    assert refund["reason"] == "The amount did not fit the order."
    pages = {
        f"/organizer/events/{event['id']}/refunds": organizer,
        "/admin/refunds": admin,
        f"/admin/refunds/{refund['id']}": admin,
        f"/admin/orders/{order['id']}": admin,
    }
    for address, person in pages.items():
        shown = browser(world, person)("GET", address).text
        assert "Jumlahnya tidak sesuai dengan pesanan." in shown
        assert "did not fit" not in re.sub(r"(?s)<pre.*?</pre>", "", shown)  # but for what gateways have sent
