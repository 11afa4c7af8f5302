"""The gate: what codes are worth by camera, hand scanner and typing, with a network and without (GATE, OFFLINE-1)."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.conftest import SWITCHES
from tests.browser.gate_devices import Device, film
from tests.browser.looking import is_readable_in_the_sun, look
from tests.browser.visitors import Visitor
from tests.browser.watching import TOO_WIDE, Watch
from tests.conftest import EXPLORES
from tests.people import Person, World
from tests.waiting import PATIENCE_SECONDS, until

NO_NETWORK = "ERR_INTERNET_DISCONNECTED"
SCAN = "**/api/v1/tickets/scan"
BATCH = "**/api/v1/gate/events/*/scans"


def open_gates() -> dict[str, str]:
    hours = {"gates_open_at": -1, "start_date": 2, "end_date": 6}
    return {name: (datetime.now(UTC) + timedelta(hours=after)).isoformat() for name, after in hours.items()}


@pytest.fixture
def organizer(world: World) -> Person:
    return world.somebody("organizer")


@pytest.fixture
def event(organizer: Person) -> dict[str, Any]:
    """An event whose gates are open."""
    tiers = [{"name": name, "price": 0, "quota": 500, "max_per_order": 50} for name in ("Festival", "VIP")]
    return organizer.publish(*tiers, title="Konser Gerbang", capacity=1000, **open_gates())


@pytest.fixture
def codes(world: World) -> Callable[..., list[str]]:
    """Codes of new tickets."""

    def bought(event: dict[str, Any], *quantities: int) -> list[str]:
        buyer = world.somebody()
        order = buyer.reserve(event, quantities)
        buyer.api.post(f"orders/{order['id']}/checkout", {"payment_method": "ANY"}, status=200)
        issued = buyer.until_tickets(order, sum(quantities))["tickets"]
        tickets = [buyer.api.get(f"tickets/{each['id']}") for each in issued]
        return [each["qr"] for each in sorted(tickets, key=lambda each: (each["tier_name"], each["attendee_name"]))]

    return bought


@pytest.fixture
def device(
    event: dict[str, Any], organizer: Person, new_visitor: Callable[..., Visitor], watch: Watch
) -> Callable[..., Device]:
    """A phone at the event's gate, signed in. No service worker answers for the network."""

    def signed_in(**options: Any) -> Device:
        visitor = new_visitor(**options)
        visitor.sign_in(organizer)
        return Device(visitor.page, event)

    return signed_in


@pytest.fixture
def offline_device(device: Callable[..., Device]) -> Callable[..., Device]:
    """A phone whose service worker keeps the gate's pages for when there is no network."""
    return partial(device, service_workers="allow")


@pytest.fixture
def cameras(
    browser: Browser,
    chromium: str,
    world: World,
    watch: Watch,
    event: dict[str, Any],
    organizer: Person,
    tmp_path: Path,
) -> Iterator[Callable[..., Device]]:
    """A phone whose camera sees a film of codes."""
    opened = []

    def filming(*codes: str) -> Device:
        switches = [*SWITCHES, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        film(tmp_path / "codes.mjpeg", codes)
        started = browser.browser_type.launch(
            executable_path=chromium, args=[*switches, f"--use-file-for-fake-video-capture={tmp_path / 'codes.mjpeg'}"]
        )
        opened.append(started)
        context = started.new_context(
            base_url=world.url, viewport={"width": 360, "height": 740}, locale="id-ID", permissions=["camera"]
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        context.add_init_script(TOO_WIDE)
        watch.over(context)
        page = context.new_page()
        Visitor(page, world).sign_in(organizer)
        return Device(page, event)

    yield filming
    for each in opened:
        each.close()


def test_the_camera_tells_valid_used_another_event_and_another_code(
    cameras: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], organizer: Person
):
    [good] = codes(event, 1)
    [elsewhere] = codes(organizer.publish({"name": "Lain", "price": 0, "quota": 5}, **open_gates()), 1)
    device = cameras(good, "HTTPS://EXAMPLE.COM/", elsewhere)
    device.open()
    expected = {"valid", "not_a_ticket", "wrong_event", "already_used"}
    until(lambda: expected <= set(device.answers), what="for each code, and the first to come round again")
    assert device.answers.count("valid") == 1
    assert [350, 120, 350] in device.page.evaluate("felt")


def test_a_code_that_is_held_before_the_camera_is_scanned_once(
    cameras: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any]
):
    [good] = codes(event, 1)
    device = cameras(good, good, good)  # out of sight for a moment only
    device.page.add_init_script(
        "window.looks = 0; const draw = CanvasRenderingContext2D.prototype.drawImage;"
        "CanvasRenderingContext2D.prototype.drawImage = function (...all) { looks++; return draw.apply(this, all); };"
    )
    device.open()
    until(lambda: device.answers, what="for the answer")
    seen = device.page.evaluate("looks")
    until(lambda: device.page.evaluate("looks") > seen + 60, what="for the camera to look on")
    assert device.answers == ["valid"]


def test_a_hand_scanner_is_read_wherever_the_focus_is(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any]
):
    first, second, third = codes(event, 3)
    phone = device().open()
    assert phone.scan(first) == "valid"
    phone.page.locator("[data-open-settings]").focus()
    assert phone.scan(second) == "valid"
    phone.page.locator("#code").focus()
    assert phone.scan(third) == "valid"
    assert phone.scan(first) == "already_used"
    expect(phone.page.locator("dialog[open]")).to_have_count(0)
    card = phone.page.locator("[data-answer] .answer")
    expect(card.locator(".answer-name")).to_have_text("Peserta 1")
    expect(card.locator(".answer-when")).to_contain_text(".")
    look(phone.page, "gate-used")
    expect(phone.page.locator("[data-last]")).to_contain_text("SUDAH DIPAKAI")
    phone.page.locator("[data-answer]").click()
    expect(card).to_have_count(0)


def test_the_gate_goes_on_by_itself(
    event: dict[str, Any], organizer: Person, codes: Callable[..., list[str]], new_visitor: Callable[..., Visitor]
):
    [code] = codes(event, 1)
    visitor = new_visitor()
    visitor.sign_in(organizer)
    phone = Device(visitor.page, event, stays=False).open()
    assert phone.scan(code) == "valid"
    expect(phone.page.locator("[data-answer] .answer")).to_have_count(0)
    expect(phone.page.locator("[data-last]")).to_contain_text("BOLEH MASUK")
    assert phone.scan(code) == "already_used"


def test_the_answer_says_when_and_at_which_gate_a_ticket_was_used(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any]
):
    [code] = codes(event, 1)
    north, south = device().open(), device().open()
    north.page.locator("[data-open-settings]").click()
    north.page.fill("#own_gate", "Utara")
    look(north.page, "gate-settings")
    north.page.get_by_role("button", name="Selesai").click()
    expect(north.page.locator("[data-gate]")).to_have_text("Utara")
    assert north.scan(code) == "valid"
    assert south.scan(code) == "already_used"
    expect(south.page.locator("[data-answer] .answer-when")).to_contain_text("Utara")


def test_nothing_is_green_before_the_server_says_so(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any]
):
    [code] = codes(event, 1)
    phone = device().open()
    phone.page.route(SCAN, lambda route: None)  # the server takes its time
    phone.page.locator("#code").fill(code)
    phone.page.keyboard.press("Enter")
    until(lambda: phone.answers, what="for the device to decide")
    assert phone.shown == ["checking", "accepted"]
    phone.page.unroute_all()
    phone.until_online()
    assert phone.scan(code) == "already_used"


def lose(route: Route) -> None:
    """The server finds a code valid, and its answer is lost."""
    assert route.fetch().json()["result"] == "valid"
    route.abort()


def test_an_answer_that_was_lost_is_given_again(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], watch: Watch
):
    [code] = codes(event, 1)
    phone = device().open()
    watch.expect("ERR_FAILED")
    phone.page.route(SCAN, lose, times=1)
    assert phone.scan(code) == "valid"


def test_a_ticket_that_a_device_refused_as_the_answer_was_lost_stays_unused(
    offline_device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], watch: Watch
):
    """The device's clock is wrong, so that it takes the gate for closed."""
    [code] = codes(event, 1)
    phone = offline_device()  # its context is no other test's, as a clock can't be given back
    phone.page.clock.set_fixed_time(datetime.now(UTC) - timedelta(hours=3))
    phone.open()
    watch.expect("ERR_FAILED")
    phone.page.route(SCAN, lose)
    assert phone.scan(code) == "not_open"
    phone.page.unroute_all()
    phone.until_online()
    assert offline_device().open().scan(code) == "valid"


def test_a_gate_that_is_told_to_wait_waits_and_does_not_decide_by_itself(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], watch: Watch
):
    first, second = codes(event, 2)
    north, south = device().open(), device().open()

    def wait(route: Route) -> None:
        problem = {"type": "/problems/too-many-requests", "title": "Too Many Requests", "status": 429}
        headers = {"Retry-After": "1"}
        route.fulfill(status=429, content_type="application/problem+json", headers=headers, body=json.dumps(problem))

    watch.expect("429")
    for calls in (SCAN, "**/api/v1/gate/**"):
        north.page.route(calls, wait)
    north.type(first)
    north.type(second)
    with north.page.expect_response("**/snapshot*"):
        north.page.evaluate("dispatchEvent(new Event('focus'))")
    for _ in range(2):  # it is asked about again
        north.page.wait_for_event("response", lambda response: response.url.endswith("/tickets/scan"))
    assert south.scan(first) == "valid"
    assert (north.answers, north.waiting) == ([], 0)
    north.page.unroute_all()
    until(lambda: len(north.answers) == 2, what="for both answers")
    assert north.answers == ["already_used", "valid"]
    north.until_online()


def test_a_gate_for_vip_sends_others_on_and_their_tickets_stay_unused(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any]
):
    festival, vip = codes(event, 1, 1)
    phone, other = device().open(), device().open()
    phone.page.locator("[data-open-settings]").click()
    phone.page.get_by_label("Festival").uncheck()
    phone.page.get_by_role("button", name="Selesai").click()
    expect(phone.page.locator("[data-admits]")).to_contain_text("VIP")
    assert phone.scan(festival) == "wrong_gate"
    assert phone.scan(vip) == "valid"
    assert other.scan(festival) == "valid"


@dataclass
class Counter:
    """A phone at a counter, and the code that two shirts wait for there."""

    phone: Device
    code: str


@pytest.fixture
def counter(organizer: Person, world: World, new_visitor: Callable[..., Visitor], watch: Watch) -> Counter:
    event = organizer.publish({"name": "Kaos", "price": 0, "quota": 5, "kind": "product"}, **open_gates())
    buyer = world.somebody()
    order = buyer.reserve(event, [2])
    buyer.api.post(f"orders/{order['id']}/checkout", {"payment_method": "ANY"}, status=200)
    code = str(until(lambda: buyer.order(order)["pickup_code"], what="for the pickup code"))
    visitor = new_visitor(service_workers="allow")
    visitor.sign_in(organizer)
    return Counter(Device(visitor.page, event).open(), code)


def test_goods_are_handed_over_by_their_pickup_code(counter: Counter, watch: Watch):
    phone, code = counter.phone, counter.code
    watch.expect(NO_NETWORK)
    with phone.without_network():
        assert phone.scan(code) == "no_network"
    phone.until_online()
    assert phone.scan(code) == "pickup_valid"
    expect(phone.page.locator("[data-answer] .answer-tier")).to_have_text("2 × Kaos")
    look(phone.page, "gate-pickup")
    assert phone.scan(code.replace("-", "").lower()) == "pickup_already_used"
    assert phone.scan("ABCD-1234") == "pickup_unknown"


def test_goods_whose_answer_was_lost_are_handed_over_by_the_next_scan_of_their_code(counter: Counter, watch: Watch):
    phone, code = counter.phone, counter.code
    watch.expect("ERR_FAILED")
    phone.page.route("**/api/v1/pickups/scan", lose)
    assert phone.scan(code) == "no_network"
    phone.page.unroute_all()
    phone.page.reload()
    phone.until_online()
    assert phone.scan(code.replace("-", "").lower()) == "pickup_valid"
    assert phone.scan(code) == "pickup_already_used"


def test_without_a_network_the_device_decides_and_never_green(
    offline_device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], watch: Watch
):
    used, first, second = codes(event, 3)
    phone = offline_device().open()
    assert phone.scan(used) == "valid"
    watch.expect(NO_NETWORK)
    with phone.without_network():
        look(phone.page, "gate-offline")
        assert [phone.scan(code) for code in (first, first, used, "K3.PALSU", second)] == [
            "accepted",
            "already_used",
            "already_used",
            "forged",
            "accepted",
        ]
        look(phone.page, "gate-accepted-offline")
        assert phone.waiting == 5
    phone.until_online()
    assert phone.scan(first) == "already_used"
    expect(phone.page.locator("[data-doubles]")).to_be_hidden()


def test_a_reload_without_a_network_keeps_the_queue_and_decides_on(
    offline_device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], watch: Watch
):
    first, second = codes(event, 2)
    phone = offline_device().open()
    phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(lambda: phone.page.evaluate("caches.match(location.pathname).then(Boolean)"), what="for the page to be kept")
    watch.expect(NO_NETWORK)
    with phone.without_network():
        assert phone.scan(first) == "accepted"
        phone.page.reload()
        expect(phone.page.locator("[data-ready]")).to_be_visible()
        assert phone.waiting == 1
        assert phone.scan(first) == "already_used"
        assert phone.scan(second) == "accepted"
        assert phone.waiting == 3
    phone.until_online()
    assert phone.scan(second) == "already_used"


def test_a_session_that_ended_meanwhile_asks_to_sign_in_and_then_sends(
    offline_device: Callable[..., Device],
    codes: Callable[..., list[str]],
    event: dict[str, Any],
    organizer: Person,
    world: World,
    watch: Watch,
):
    [code] = codes(event, 1)
    phone = offline_device().open()
    watch.expect(f"{NO_NETWORK}|refresh-token|401")
    with phone.without_network():
        assert phone.scan(code) == "accepted"
        organizer.api.post("auth/logout-everywhere", {}, status=204)
    sign_in = phone.page.locator("[data-sign-in]")
    expect(sign_in).to_be_visible()
    look(phone.page, "gate-signed-out")
    assert phone.waiting == 1
    sign_in.click()
    phone.page.wait_for_url(re.compile("/login"))
    Visitor(phone.page, world).sign_in(organizer)
    phone.open()
    assert phone.scan(code) == "already_used"


def test_two_gates_at_once_one_without_a_network_let_each_ticket_in_once_or_list_it(
    offline_device: Callable[..., Device],
    codes: Callable[..., list[str]],
    event: dict[str, Any],
    organizer: Person,
    watch: Watch,
):
    tickets = codes(event, 12)
    north, south = offline_device().open(), offline_device().open()
    let_in: dict[str, int] = dict.fromkeys(tickets, 0)

    def scan(gate: Device, code: str) -> None:
        let_in[code] += gate.scan(code) in ("valid", "accepted")

    watch.expect(NO_NETWORK)
    with south.without_network():
        for number, code in enumerate(tickets):
            scan(north if number % 2 else south, code)
        for number, code in enumerate(tickets[:6]):  # copies, shown at the other gate
            scan(south if number % 2 else north, code)
    south.until_online()
    assert set(let_in.values()) == {1, 2}
    doubles = organizer.api.get(f"gate/events/{event['id']}/double-entries")["items"]
    assert len(doubles) == sum(times - 1 for times in let_in.values())
    assert organizer.api.get(f"gate/events/{event['id']}/counts")["used"] == len(tickets)
    expect(south.page.locator("[data-doubles]")).to_contain_text(str(len(doubles)))
    look(south.page, "gate-doubles")
    south.page.get_by_role("link", name="Lihat yang mana").click()
    expect(south.page.locator("section", has_text="Diterima offline").locator("li")).to_have_count(len(doubles))
    look(south.page, "gate-double-entries")


@pytest.mark.parametrize(
    ("error", "cause"), [("NotAllowedError", "refused"), ("NotFoundError", "none"), ("NotReadableError", "busy")]
)
def test_a_camera_that_fails_says_what_to_do(device: Callable[..., Device], error: str, cause: str):
    phone = device()
    phone.page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{error}'); }}"
    )
    phone.open().page.locator("[data-start]").click()
    expect(phone.page.locator(f"[data-cause={cause}]")).to_be_visible()
    look(phone.page, f"gate-camera-{cause}")
    expect(phone.page.locator("#code")).to_be_visible()


def test_a_code_is_typed_without_scripts_and_a_form_sent_again_says_the_same(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], watch: Watch
):
    [code] = codes(event, 1)
    page = device(java_script_enabled=False).page
    page.goto(f"/gate/{event['id']}")
    page.fill("#code", code)
    page.fill("#gate", "Utara")
    page.get_by_role("button", name="Periksa").click()
    expect(page.locator("[data-kind=valid]")).to_contain_text("Peserta 1")
    watch.check_width(page)
    page.reload()
    expect(page.locator("[data-kind=valid]")).to_be_visible()
    page.goto(f"/gate/{event['id']}")
    page.fill("#code", code)
    page.get_by_role("button", name="Periksa").click()
    expect(page.locator("[data-kind=already_used]")).to_contain_text("Utara")


@pytest.mark.parametrize("size", [(360, 740), (360, 640), (740, 360), (1280, 800)], ids=str)
def test_nothing_scrolls(device: Callable[..., Device], size: tuple[int, int]):
    page = device(viewport={"width": size[0], "height": size[1]}).open().page
    overflow = (
        "[document.documentElement.scrollHeight - innerHeight, document.documentElement.scrollWidth - innerWidth]"
    )
    assert all(each <= 0 for each in page.evaluate(overflow))
    for button in page.locator(".gate-tools .gate-button:visible, .gate-head a").all():
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 48


def test_the_camera_and_webassembly_are_for_the_scanner_alone(device: Callable[..., Device], event: dict[str, Any]):
    page = device().page
    for address, is_scanner in ((f"/gate/{event['id']}", True), ("/gate", False), ("/account", False)):
        headers = page.goto(address).headers  # type: ignore[union-attr]
        assert ("camera=(self)" in headers["permissions-policy"]) is is_scanner
        assert ("'wasm-unsafe-eval'" in headers["content-security-policy"]) is is_scanner
        assert "unsafe-inline" not in headers["content-security-policy"]


@pytest.mark.parametrize("language", ["id-ID", "en-GB"])
def test_every_answer_can_be_read_in_the_sun(device: Callable[..., Device], language: str):
    """At 7:1 or more, light and dark."""
    phone = device(locale=language).open().page
    kinds = phone.evaluate("[...document.querySelectorAll('template[id^=answer-]')].map((each) => each.id)")
    assert len(kinds) >= 20
    for scheme in ("light", "dark"):
        phone.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        is_readable_in_the_sun(phone)
        for kind in kinds:
            phone.evaluate(
                """kind => document.querySelector("[data-answer]").replaceChildren(
                    document.getElementById(kind).content.cloneNode(true))""",
                kind,
            )
            is_readable_in_the_sun(phone, "[data-answer]")


def test_the_screen_stays_on(cameras: Callable[..., Device]):
    phone = cameras("PALSU")
    phone.page.add_init_script("window.kept = []; navigator.wakeLock.request = async (kind) => window.kept.push(kind)")
    phone.open()
    until(lambda: phone.page.evaluate("window.kept.includes('screen')"), what="for the screen to be kept on")


def test_who_lost_the_phone_is_found_by_name_and_let_in(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any]
):
    code, _ = codes(event, 2)
    phone = device().open()
    phone.page.locator("[data-open-settings]").click()
    phone.page.fill("#own_gate", "Utara")
    phone.page.get_by_role("button", name="Selesai").click()
    page = phone.page
    page.get_by_role("link", name="Cari").click()
    look(page, "gate-list")
    page.fill("#q", "peserta 1")
    page.get_by_role("button", name="Cari").click()
    look(page, "gate-search")
    page.get_by_role("button", name="Izinkan masuk: Peserta 1").click()
    expect(page.locator("[data-kind=valid]")).to_contain_text("Peserta 1")
    expect(page.locator(".panel-row .badge")).to_have_text("di dalam")
    look(page, "gate-admitted")
    assert phone.open().scan(code) == "already_used"
    expect(page.locator("[data-answer] .answer-when")).to_contain_text("Utara")


def test_a_scan_by_mistake_is_taken_back_and_the_ticket_lets_in_again(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any]
):
    [code] = codes(event, 1)
    phone, page = device().open(), device().page
    assert phone.scan(code) == "valid"
    page.goto(f"/gate/{event['id']}/list?q=Peserta")
    page.get_by_text("Keliru dipindai?").click()
    page.fill("#reason-1", "Salah orang")
    page.get_by_role("button", name="Batalkan pemindaian").click()
    expect(page.locator(".alert.good")).to_be_visible()
    expect(page.locator(".panel-row .badge")).to_have_text("berlaku")  # the search is still there
    assert phone.scan(code) == "valid"


def test_a_search_without_a_network_says_so_and_the_scanner_stays(
    offline_device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], watch: Watch
):
    [code] = codes(event, 1)
    phone = offline_device().open()
    watch.expect(NO_NETWORK)
    with phone.without_network():
        phone.page.get_by_role("link", name="Cari").click()
        expect(phone.page.locator("[data-kind=search_offline]")).to_contain_text("TANPA JARINGAN")
        assert phone.scan(code) == "accepted"
    phone.until_online()


def test_a_search_that_finds_nobody_or_is_too_short_says_so(device: Callable[..., Device], event: dict[str, Any]):
    page = device().page
    page.goto(f"/gate/{event['id']}/list?q=tidakada")
    expect(page.locator(".empty")).to_be_visible()
    look(page, "gate-search-none")
    page.goto(f"/gate/{event['id']}/list?q=ab")
    expect(page.locator("#errors")).to_be_focused()
    look(page, "gate-search-short")


def test_gate_staff_come_to_the_gate_when_they_have_signed_in(
    organizer: Person, event: dict[str, Any], codes: Callable[..., list[str]], new_visitor: Callable[..., Visitor]
):
    [code] = codes(event, 1)
    visitor = new_visitor()
    visitor.sign_in(organizer.invite(event))
    visitor.page.goto("/orders")
    expect(visitor.page).to_have_url(re.compile("/gate$"))
    look(visitor.page, "gate-events")
    phone = Device(visitor.page, event)
    visitor.follow(visitor.page.get_by_role("link", name=event["title"]))
    assert phone.open().scan(code) == "valid"
    visitor.page.get_by_role("link", name="Cari").click()
    expect(visitor.page.locator("#doubles")).to_have_count(0)  # for the organizer


def test_what_somebody_else_scanned_is_sent_when_it_is_asked_for(
    organizer: Person,
    event: dict[str, Any],
    codes: Callable[..., list[str]],
    new_visitor: Callable[..., Visitor],
    watch: Watch,
):
    [code] = codes(event, 1)
    visitor = new_visitor(service_workers="allow")
    visitor.sign_in(organizer.invite(event))
    phone = Device(visitor.page, event).open()
    watch.expect(f"{NO_NETWORK}|ERR_FAILED")
    phone.page.route(BATCH, lambda route: route.abort())
    with phone.without_network():
        assert phone.scan(code) == "accepted"
    visitor.sign_in(organizer)
    phone.page.reload()
    phone.page.unroute_all()
    ask = phone.page.get_by_role("button", name="Kirim pindaian orang lain")
    expect(ask).to_be_visible()
    assert phone.waiting == 1
    look(phone.page, "gate-strangers")
    ask.click()
    phone.until_online()
    expect(ask).to_be_hidden()
    assert phone.scan(code) == "already_used"


def assign(organizer: Person, helper: Person, event: dict[str, Any]) -> None:
    """Let somebody of the gate staff scan at this event, and at no other any more."""
    assignment = {"email": helper.address, "full_name": "Dewi Lestari", "event_ids": [event["id"]]}
    organizer.api.post("organizer/staff", assignment, status=201)


def test_scans_of_an_event_that_somebody_may_no_longer_scan_at_wait_and_hold_up_no_other_gate(
    organizer: Person,
    event: dict[str, Any],
    codes: Callable[..., list[str]],
    new_visitor: Callable[..., Visitor],
    watch: Watch,
):
    tomorrow = organizer.publish({"name": "Festival", "price": 0, "quota": 5}, title="Konser Kedua", **open_gates())
    [code], [next_code] = codes(event, 1), codes(tomorrow, 1)
    helper = organizer.invite(event)
    visitor = new_visitor(service_workers="allow")
    visitor.sign_in(helper)
    phone = Device(visitor.page, event).open()
    watch.expect(f"{NO_NETWORK}|ERR_FAILED|404.*{event['id']}|{event['id']}.*404")
    phone.page.route(BATCH, lambda route: route.abort())
    with phone.without_network():
        assert phone.scan(code) == "accepted"
    assign(organizer, helper, tomorrow)
    phone.page.unroute_all()
    later = Device(visitor.page, tomorrow)
    later.page.goto(later.address)
    expect(later.page.locator("[data-age]")).to_contain_text(re.compile(r"\d\d[.:]\d\d"))
    expect(later.page.locator("[data-network=online]")).to_be_visible()
    assert later.scan(next_code) == "valid"
    assert later.waiting == 1
    assign(organizer, helper, event)
    phone.open()
    assert phone.scan(code) == "already_used"


def test_who_signs_out_is_told_that_scans_wait_and_loses_none(
    offline_device: Callable[..., Device],
    codes: Callable[..., list[str]],
    event: dict[str, Any],
    organizer: Person,
    world: World,
    watch: Watch,
):
    [code] = codes(event, 1)
    phone = offline_device().open()
    page = phone.page
    watch.expect(f"{NO_NETWORK}|ERR_FAILED")
    page.route(BATCH, lambda route: route.abort())
    with phone.without_network():
        assert phone.scan(code) == "accepted"
    page.goto("/account")
    expect(page.locator("[data-scans]")).to_be_visible()
    look(page, "account-scans-wait")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Keluar", exact=True).click()
    expect(page).to_have_url(re.compile("/account$"))
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Keluar", exact=True).click()
    expect(page).not_to_have_url(re.compile("/account$"))
    page.unroute_all()
    Visitor(page, world).sign_in(organizer)
    assert phone.open().scan(code) == "already_used"


def test_a_queue_is_answered_in_order_on_a_slow_phone(
    device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any]
):
    """Many codes, each scanned before the one before has its answer."""
    queue = codes(event, 30 if EXPLORES else 10)
    phone = device().open()
    phone.page.context.new_cdp_session(phone.page).send("Emulation.setCPUThrottlingRate", {"rate": 6})
    for code in queue:
        phone.type(code)
    until(lambda: len(phone.answers) == len(queue), what="for all answers")
    assert set(phone.answers) == {"valid"}
    assert phone.waiting == 0


def test_who_goes_out_comes_back_where_the_organizer_allows_it(
    organizer: Person, codes: Callable[..., list[str]], new_visitor: Callable[..., Visitor], watch: Watch
):
    tier = {"name": "Festival", "price": 0, "quota": 5}
    event = organizer.publish(tier, title="Pasar Malam", allows_reentry=True, **open_gates())
    [code] = codes(event, 1)
    visitor = new_visitor(service_workers="allow")
    visitor.sign_in(organizer)
    phone = Device(visitor.page, event).open()
    inside, way = phone.page.locator("[data-used]"), phone.page.get_by_role("button", name="Pintu keluar")
    assert phone.scan(code) == "valid"
    expect(inside).to_have_text("1")
    way.click()
    expect(way).to_have_attribute("aria-pressed", "true")
    expect(phone.page.locator(".gate-head").get_by_text("Pintu keluar")).to_be_visible()
    assert phone.scan(code) == "exited"
    expect(inside).to_have_text("0")
    look(phone.page, "gate-out")
    assert phone.scan(code) == "not_inside"
    way.click()
    assert phone.scan(code) == "reentry"
    watch.expect(NO_NETWORK)
    with phone.without_network():
        assert phone.scan(code) == "already_used"
        way.click()
        assert phone.scan(code) == "exited_offline"
        way.click()
        assert phone.scan(code) == "accepted"
    phone.until_online()
    expect(phone.page.locator("[data-doubles]")).to_be_hidden()


def test_a_phone_with_a_light_can_switch_it_on(cameras: Callable[..., Device]):
    phone = cameras("PALSU")
    phone.page.add_init_script(
        "MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true });"
        "MediaStreamTrack.prototype.applyConstraints = async ({ advanced: [{ torch }] }) => { window.torch = torch; };"
    )
    lamp = phone.open().page.get_by_role("button", name="Lampu")
    lamp.click()
    expect(lamp).to_have_attribute("aria-pressed", "true")
    assert phone.page.evaluate("torch") is True
    lamp.click()
    expect(lamp).to_have_attribute("aria-pressed", "false")
    assert phone.page.evaluate("torch") is False


def test_a_browser_that_keeps_nothing_scans_with_a_network_and_decides_nothing_without(
    offline_device: Callable[..., Device], codes: Callable[..., list[str]], event: dict[str, Any], watch: Watch
):
    first, second = codes(event, 2)
    phone = offline_device()
    phone.page.add_init_script("indexedDB.open = () => { throw new DOMException('', 'SecurityError'); };")
    phone.open()
    assert phone.scan(first) == "valid"
    watch.expect(NO_NETWORK)
    with phone.without_network():
        assert phone.scan(second) == "undecided"
