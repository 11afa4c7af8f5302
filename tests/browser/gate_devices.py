"""Phones at a gate: what they see, what they answered, and whether there is a network."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qrcode
from PIL import Image
from playwright.sync_api import Page, expect

from tests.waiting import until

FRAMES_PER_SECOND = 30

RECORD = """
window.felt = [];
window.sounds = 0;
navigator.vibrate = (pulses) => Boolean(felt.push(pulses));
const real = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () { sounds++; return real.call(this); };
addEventListener("DOMContentLoaded", () => {
  const answer = document.querySelector("[data-answer]");
  window.answers = [];
  const note = () => { if (answer.firstElementChild) answers.push(answer.firstElementChild.dataset.kind); };
  if (answer) new MutationObserver(note).observe(answer, { childList: true });
});
"""
"""Notes what a device answers, sounds and feels like, however short it shows it."""

STAY = """
const later = window.setTimeout;
window.setTimeout = (act, ...more) => (act.name === "hide" ? 0 : later(act, ...more));
"""
"""Lets an answer stay until it is touched, however long the machine takes to look at it."""


def film(path: Path, codes: Sequence[str]) -> Path:
    """A film of these codes, each for a second and nothing to see in between; it goes round."""
    with path.open("wb") as file:
        for code in codes:
            for shown in (code, ""):
                file.write(_picture(shown) * FRAMES_PER_SECOND)
    return path


def _picture(code: str) -> bytes:
    picture, drawn = Image.new("RGB", (640, 480), (190, 190, 185)), io.BytesIO()
    if code:
        picture.paste(qrcode.make(code).convert("RGB").resize((440, 440), Image.Resampling.NEAREST), (100, 20))
    picture.save(drawn, "JPEG", quality=80)
    return drawn.getvalue()


class Device:
    """A phone at a gate of an event."""

    def __init__(self, page: Page, event: dict[str, Any], *, stays: bool = True) -> None:
        self.page, self.address = page, f"/gate/{event['id']}"
        page.add_init_script(RECORD + STAY * stays)

    def open(self) -> "Device":
        """Open the scanner, and wait until it has the event's codes."""
        self.page.goto(self.address)
        expect(self.page.locator("[data-age]")).to_contain_text(re.compile(r"\d\d[.:]\d\d"))
        return self.until_online()

    def until_online(self) -> "Device":
        """Wait until the server answers and everything is sent."""
        expect(self.page.locator("[data-network=online]")).to_be_visible()
        expect(self.page.locator("[data-waiting]")).to_have_text("")
        return self

    def scan(self, code: str) -> str:
        """Scan by a hand scanner, which types; the answer."""
        before = len(self.answers)
        self.type(code)
        until(lambda: len(self.answers) > before, what="for the answer")
        return self.answers[before]

    def type(self, code: str) -> None:
        """Scan by a hand scanner, and don't wait for the answer."""
        self.page.keyboard.press(code[0])
        self.page.keyboard.insert_text(code[1:])  # as quickly as hand scanners do
        self.page.keyboard.press("Enter")

    @property
    def shown(self) -> list[str]:
        """The kinds of all cards so far."""
        kinds: list[str] = self.page.evaluate("answers")
        return kinds

    @property
    def answers(self) -> list[str]:
        """The same, without those that say that it is being looked up."""
        return [kind for kind in self.shown if kind != "checking"]

    @property
    def waiting(self) -> int:
        """The scans that wait to be sent."""
        words = self.page.locator("[data-waiting]").inner_text()
        return int(words.split()[0].replace(".", "")) if words else 0

    @contextmanager
    def without_network(self) -> Iterator[None]:
        """Cut the network."""
        self.page.context.set_offline(True)
        expect(self.page.locator("main")).not_to_have_attribute("data-network", "online")
        yield
        self.page.context.set_offline(False)
