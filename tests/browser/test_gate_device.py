"""A gate's device decides and keeps things by itself: its modules, in the browser that runs them (OFFLINE-1)."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page

from shared.site import static_files
from tests.browser.conftest import open_pages
from tests.browser.gate_codes import OUTSIDE, REPLACED, USED, VALID, VOID, Codes, moment
from tests.browser.reused_contexts import ReusedContexts
from tests.browser.watching import Watch
from tests.conftest import EXPLORES
from tests.stack import Stack

_DECIDE = """async ([offline, snapshots, told, scan, own, admits]) => {
  const [{ decide }, { hashed, merged }] = await Promise.all([import(offline), import(snapshots)]);
  const read = { direction: "in", at: Date.now(), ...scan, hash: await hashed(scan.text) };
  const done = own && { hash: await hashed(own.code ?? scan.text), ...own };
  return decide(read, told && merged(null, told), done, admits);
}"""

Decide = Callable[..., dict[str, Any]]


def module(name: str) -> str:
    return static_files.url(f"{name}.js")


HELP = "/id/help"
"""A page of ours, which may load the modules."""


@pytest.fixture
def device(page: Page) -> Page:
    """A device of its own, for what keeps something."""
    page.goto(HELP)
    return page


@pytest.fixture(scope="module")
def shared_watch(stack: Stack) -> Watch:
    return Watch(stack.url)


@pytest.fixture(scope="module")
def shared_page(contexts: ReusedContexts, shared_watch: Watch) -> Iterator[Page]:
    with open_pages(contexts, shared_watch) as open_page:
        page = open_page()
        page.goto(HELP)
        yield page


@pytest.fixture
def shared_device(shared_page: Page, shared_watch: Watch) -> Iterator[Page]:
    """One device for all that keeps nothing."""
    yield shared_page
    shared_watch.check()


@pytest.fixture
def decide(shared_device: Page) -> Decide:
    """Decides a code by a snapshot."""

    def decided(
        text: str,
        told: dict[str, Any] | None,
        *,
        own: dict[str, Any] | None = None,
        admits: list[str] | None = None,
        **scan: Any,
    ) -> dict[str, Any]:
        names = module("gate-offline"), module("gate-snapshot")
        found: dict[str, Any] = shared_device.evaluate(_DECIDE, [*names, told, {"text": text, **scan}, own, admits])
        return found

    return decided


@pytest.fixture
def codes() -> Codes:
    return Codes()


@pytest.mark.parametrize(
    ("state", "kind"), [(VALID, "accepted"), (USED, "already_used"), (VOID, "refunded"), (REPLACED, "replaced")]
)
def test_a_code_of_the_snapshot_is_worth_what_it_says(codes: Codes, decide: Decide, state: int, kind: str):
    told = decide(codes.known(state, tier=1), codes.snapshot())
    assert (told["kind"], told["name"], told["tier"]) == (kind, "Rina", "VIP")


def test_what_this_device_let_in_is_used_and_it_says_when(codes: Codes, decide: Decide):
    own = {"at": moment(minutes=3), "gate": "Utara", "direction": "in"}
    for code in (codes.known(VALID), codes.signed()):
        told = decide(code, codes.snapshot(), own=own)
        assert (told["kind"], told["at"], told["gate"]) == ("already_used", own["at"], "Utara")


def test_a_second_code_of_a_ticket_that_this_device_let_in_lets_nobody_in(codes: Codes, decide: Decide):
    """The holder was corrected while the gate had no network: both codes look good to it."""
    replaced, corrected = codes.known(VALID), codes.signed("Budi")
    own = {"at": moment(minutes=3), "gate": "Utara", "direction": "in", "code": replaced}
    assert decide(corrected, codes.snapshot())["kind"] == "accepted"
    assert decide(corrected, codes.snapshot(), own=own)["kind"] == "already_used"
    forged = Codes(event_id=codes.event_id).signed()
    assert decide(forged, codes.snapshot(), own=own)["kind"] == "forged"
    assert decide(codes.signed(ago=3600), codes.snapshot(), own=own)["kind"] == "unknown"


def test_both_codes_of_a_ticket_name_the_same_one(codes: Codes, shared_device: Page):
    asked = "async ([address, texts]) => { const { ticketOf } = await import(address); return texts.map(ticketOf); }"
    ticket_id = uuid4()
    both = [codes.signed(name, ticket_id=ticket_id) for name in ("Rina", "Budi")]
    assert shared_device.evaluate(asked, [module("gate-code"), [*both, "4711"]]) == [str(ticket_id)] * 2 + [None]


def test_another_spelling_of_a_signature_is_forged(codes: Codes, decide: Decide):
    """The last letter of 64 bytes in base32 has three bits to spare, which would make eight codes of one."""
    genuine = codes.signed()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    spelled = [genuine[:-1] + letters[letters.index(genuine[-1]) + spare] for spare in range(8)]
    kinds = [decide(code, codes.snapshot())["kind"] for code in spelled]
    assert kinds == ["accepted", *["forged"] * 7]


def test_a_ticket_that_was_issued_after_the_snapshot_is_known_by_its_signature(codes: Codes, decide: Decide):
    told = decide(codes.signed("Budi"), codes.snapshot())
    assert (told["kind"], told["name"]) == ("accepted", "Budi")


def test_a_signed_ticket_that_the_snapshot_should_hold_was_replaced(codes: Codes, decide: Decide):
    assert decide(codes.signed(ago=3600), codes.snapshot())["kind"] == "unknown"


@pytest.mark.parametrize("make", [Codes.old, Codes.signed], ids=["K1", "K3"])
def test_a_ticket_of_another_event_is_named_so(codes: Codes, decide: Decide, make: Callable[..., str]):
    assert decide(make(codes, event_id=uuid4()), codes.snapshot())["kind"] == "wrong_event"


def forgeries() -> list[str]:
    codes = Codes(event_id=UUID(int=1))
    signed = codes.signed()
    other_name = signed.replace(".KJUW4YI.", ".IJ2WI2I.")
    assert other_name != signed
    return [
        "",
        "HTTPS://EXAMPLE.COM",
        codes.old(),
        Codes(event_id=UUID(int=1)).signed(),
        other_name,
        signed.rpartition(".")[0],
        f"{signed}A",
        signed.lower(),
        "K3......",
        "K3.A.A.A.A.A.A",
    ]


@pytest.mark.parametrize("number", range(len(forgeries())))
def test_nothing_else_is_let_in(decide: Decide, number: int):
    """The keys differ each time a forgery is made: the snapshot's is never its own, but for what was changed."""
    assert decide(forgeries()[number], Codes(event_id=UUID(int=1)).snapshot())["kind"] == "forged"


@pytest.mark.parametrize("change", [lambda code: code.replace(".KJUW4YI.", ".IJ2WI2I."), lambda code: code + "A"])
def test_a_changed_code_is_forged_though_its_key_is_ours(codes: Codes, decide: Decide, change: Callable[[str], str]):
    genuine = codes.signed()
    assert decide(genuine, codes.snapshot())["kind"] == "accepted"
    assert decide(change(genuine), codes.snapshot())["kind"] == "forged"


def test_a_hash_alone_lets_nobody_in(codes: Codes, decide: Decide):
    """A snapshot gives a text of known hash away: here one is put there."""
    genuine, old = codes.known(VALID, code=codes.signed()), codes.known(VALID)
    forged = codes.known(VALID, code=Codes(event_id=codes.event_id).signed())
    noise = codes.known(VALID, code="4711")
    assert [decide(code, codes.snapshot())["kind"] for code in (genuine, old, forged, noise)] == [
        "accepted",
        "accepted",
        "forged",
        "forged",
    ]
    assert decide(old, codes.snapshot(prefixes=["K3"]))["kind"] == "forged"
    assert decide(genuine, codes.snapshot(prefixes=["K3"]))["kind"] == "accepted"


@pytest.mark.parametrize(("name", "hours_ago"), [("scan_from", -1), ("scan_until", 1)])
def test_outside_the_hours_of_the_gate_nobody_is_let_in(codes: Codes, decide: Decide, name: str, hours_ago: int):
    hours = {name: moment(hours=hours_ago)}
    told = decide(codes.known(VALID), codes.snapshot(**hours))
    assert told["kind"] == "not_open"
    assert {told["opens"], told["closes"]} & set(hours.values())


def test_a_gate_for_some_tiers_sends_others_on(codes: Codes, decide: Decide):
    code = codes.known(VALID, tier=1)
    assert decide(code, codes.snapshot(), admits=["festival"])["kind"] == "wrong_gate"
    assert decide(code, codes.snapshot(), admits=["vip"])["kind"] == "accepted"
    assert decide(codes.signed(), codes.snapshot(), admits=["vip"])["kind"] == "wrong_gate"


def test_who_went_out_comes_back_where_the_event_allows_it(codes: Codes, decide: Decide):
    inside, outside, unused = codes.known(USED), codes.known(OUTSIDE), codes.known(VALID)
    told = codes.snapshot(allows_reentry=True)
    assert decide(inside, told, direction="out")["kind"] == "exited_offline"
    assert decide(unused, told, direction="out")["kind"] == "not_inside"
    assert decide(outside, told)["kind"] == "accepted"
    assert decide(outside, told, direction="out")["kind"] == "not_inside"
    went_out = {"at": moment(minutes=1), "gate": "", "direction": "out"}
    assert decide(inside, told, own=went_out)["kind"] == "accepted"
    assert decide(outside, codes.snapshot())["kind"] == "already_used"


def test_without_a_snapshot_nothing_is_decided(codes: Codes, decide: Decide):
    assert decide(codes.signed(), None)["kind"] == "undecided"


def test_both_ways_of_verifying_agree(codes: Codes, shared_device: Page):
    verify = """async ([address, text, key]) => {
      const { fromBase32, verified, verifiedByLibrary } = await import(address);
      const end = text.lastIndexOf(".");
      const raw = Uint8Array.from(atob(key.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
      const asked = [fromBase32(text.slice(end + 1)), new TextEncoder().encode(text.slice(0, end)), raw];
      return [await verified(...asked), await verifiedByLibrary(...asked)];
    }"""
    genuine, [key] = codes.signed(), codes.snapshot()["keys"]
    assert shared_device.evaluate(verify, [module("gate-code"), genuine, key["public_key"]]) == [True, True]
    changed = genuine.replace("K3.", "K3.A", 1)
    assert shared_device.evaluate(verify, [module("gate-code"), changed, key["public_key"]]) == [False, False]


def test_25_000_tickets_are_kept_as_they_were_told_and_changed_by_what_comes_later(shared_device: Page):
    codes = Codes()
    codes.records = {f"K1.{number}": number % 5 for number in range(25_000)}
    told = codes.snapshot()
    assert len(told["tickets"]) <= 250_000
    codes.records = {"K1.0": USED, "K1.NEW": VALID}
    keep = """async ([address, told, later]) => {
      const { hashed, merged, read, written } = await import(address);
      const first = merged(null, told);
      const kept = read(written(first.tickets));
      const both = merged({ ...first, tickets: kept }, later);
      const state = async (text) => both.tickets.get(await hashed(text)) ?? null;
      const states = await Promise.all(["K1.0", "K1.NEW", "K1.24999", "K1.X"].map(state));
      return [first.tickets.size, both.tickets.size, ...states];
    }"""
    later = codes.snapshot(is_delta=True)
    assert shared_device.evaluate(keep, [module("gate-snapshot"), told, later]) == [
        25_000,
        25_001,
        USED,
        VALID,
        24_999 % 5,
        None,
    ]


def test_no_scan_is_lost_however_often_the_network_is_cut(device: Page):
    """Before the server hears of it, halfway through, and after it has done it all."""
    run = """async ([queue, store, count]) => {
      const { sendBatch } = await import(queue);
      const { keepScan, listWaiting } = await import(store);
      const server = new Map();
      let effects = 0, cuts = 0;
      const cut = () => { cuts++; throw new TypeError("Failed to fetch"); };
      const post = async (event, scans) => {
        if (Math.random() < 0.2) cut();
        const answers = [];
        for (const scan of scans) {
          if (Math.random() < 0.003) cut();
          if (!server.has(scan.scan_id)) { server.set(scan.scan_id, { result: "valid", n: server.size }); effects++; }
          answers.push(server.get(scan.scan_id));
        }
        if (Math.random() < 0.2) cut();
        return answers;
      };
      const ids = Array.from({ length: count }, () => crypto.randomUUID());
      let answered = 0;
      const sending = async (until) => {
        for (;;) {
          try {
            const sent = await sendBatch(post, "e");
            answered += sent.length;
            if (!sent.length && until()) return;
            if (!sent.length) await new Promise((resolve) => setTimeout(resolve, 5));
          } catch { /* sent again */ }
        }
      };
      let isOver = false;
      const sends = sending(() => isOver);
      for (let i = 0; i < count; i += 50) {
        await Promise.all(ids.slice(i, i + 50).map((id, n) => {
          const passage = { event_id: "e", ticket: id, hash: i + n, scan_id: id, direction: "in" };
          return keepScan({ ...passage, owner: "o", qr: id, scanned_at: "", admitted: true }, passage);
        }));
      }
      isOver = true;
      await sends;
      const lost = ids.filter((id) => !server.has(id)).length;
      return { lost, effects, answered, waiting: (await listWaiting()).length, cuts };
    }"""
    scans = 10_000 if EXPLORES else 2_000
    told = device.evaluate(run, [module("gate-queue"), module("gate-store"), scans])
    assert told.pop("cuts") > scans / 500
    assert told == {"lost": 0, "effects": scans, "answered": scans, "waiting": 0}


def test_a_scan_that_the_server_never_takes_keeps_no_other_waiting(device: Page):
    run = """async ([queue, store]) => {
      const { Refused, sendBatch } = await import(queue);
      const { keepScan, listWaiting } = await import(store);
      const scan = (qr, admitted) =>
        keepScan({ scan_id: crypto.randomUUID(), event_id: "e", owner: "o", hash: 1, qr, admitted }, null);
      await scan("noise", false);
      await scan("broken", true);
      await scan("good", true);
      const post = async (event, scans) => {
        if (scans.some((each) => each.qr !== "good")) throw new Refused(422, "invalid");
        return [{ result: "valid" }];
      };
      await sendBatch(post, "e");
      return [await sendBatch(post, "e"), (await listWaiting()).map((each) => [each.qr, each.problem])];
    }"""
    assert device.evaluate(run, [module("gate-queue"), module("gate-store")]) == [[], [["broken", "invalid"]]]


def test_tries_are_spread_and_never_further_apart_than_a_minute(shared_device: Page):
    waits = """async ([queue]) => {
      const { backOff } = await import(queue);
      return [0, 3, 20].map((tries) => [backOff(tries, 0), backOff(tries, 1)]);
    }"""
    assert shared_device.evaluate(waits, [module("gate-queue")]) == [[500, 1000], [4000, 8000], [30_000, 60_000]]


_SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("error", "agent", "cause"),
    [
        ("NotAllowedError", "Chrome", "refused"),
        ("NotAllowedError", f"{_SAFARI} Version/17.5 Mobile/15E148 Safari/604.1", "refused_ios"),
        ("NotAllowedError", f"{_SAFARI} Mobile/15E148 Instagram 330.0", "in_app"),
        ("NotSupported", f"{_SAFARI} Mobile/15E148", "in_app"),
        ("NotAllowedError", "Mozilla/5.0 (Linux; Android 14; Pixel; wv) Chrome/120", "in_app"),
        ("NotReadableError", "Chrome", "busy"),
        ("Blank", f"{_SAFARI} Version/17.5 Mobile/15E148 Safari/604.1", "busy"),
        ("NotFoundError", "Chrome", "none"),
        ("OverconstrainedError", "Chrome", "none"),
    ],
)
def test_the_cause_of_a_missing_picture_is_told(shared_device: Page, error: str, agent: str, cause: str):
    ask = "async ([address, name, agent]) => (await import(address)).causeOf({ name }, { agent })"
    assert shared_device.evaluate(ask, [module("gate-camera"), error, agent]) == cause
    insecure = "async ([address, name]) => (await import(address)).causeOf({ name }, { isSecure: false })"
    assert shared_device.evaluate(insecure, [module("gate-camera"), error]) == "insecure"


def test_a_code_counts_once_while_it_is_held_before_the_camera(shared_device: Page):
    look = """async ([address]) => {
      const { News } = await import(address);
      const news = new News();
      const told = [];
      const see = (texts, at, isBusy = false) => told.push(news.look(texts, isBusy, at).join());
      see(["A"], 0); see(["A"], 5000); see([], 5100); see(["A"], 5200); see(["A", "B"], 5300); see(["A", "B"], 5400);
      see(["C"], 5500, true); see(["C"], 5600);
      for (let n = 0; n < 10; n++) see([], 5700 + n);
      see(["A"], 5800); // gone for a moment only
      for (let n = 0; n < 10; n++) see([], 5900 + n);
      see(["A"], 9000);
      return told.filter(Boolean);
    }"""
    assert shared_device.evaluate(look, [module("gate-camera")]) == ["A", "B", "C", "A"]
