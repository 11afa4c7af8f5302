"""A visitor's steps on the pages, tap by tap."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from playwright.sync_api import Locator, Page

from tests.browser.pages import come_back
from tests.people import PASSWORD, Person, World
from tests.waiting import until

NAME = "Rina Kusuma"


@dataclass
class Visitor:
    """Somebody with a browser. `taps` counts what they have pressed."""

    page: Page
    world: World
    address: str = field(default_factory=lambda: f"{uuid4().hex[:12]}@example.com")
    taps: int = 0

    def tap(self, target: Locator) -> None:
        """Press something."""
        self.taps += 1
        target.click()

    def follow(self, target: Locator) -> None:
        """Press something that leads to another page."""
        with self.page.expect_navigation():
            self.tap(target)

    def sign_in(self, person: Person) -> None:
        """Let the browser have a person's session, as if they had signed in before."""
        self.address = person.address
        answer = self.page.context.request.post(
            "/api/v1/auth/login",
            data={"email": person.address, "password": PASSWORD},
            headers={"X-Session": "cookie", "Origin": self.world.url},
        )
        assert answer.ok, answer.text()

    def find(self, title: str, language: str = "id") -> None:
        """Open an event from the home page, which shows what is new within seconds."""
        card = self.page.locator(".event-card a", has_text=title).first

        def is_shown() -> bool:
            self.page.goto(f"/{language}")
            return card.count() > 0

        until(is_shown, what=f"for {title} on the home page")
        self.follow(card)

    def open_event(self, event: dict[str, Any], language: str = "id", **query: Any) -> None:
        """Go to an event's page."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        self.page.goto(f"/{language}/events/{event['slug']}?{asked}".rstrip("?"))

    def choose(self, tier: int = 0, number: int = 1) -> None:
        """Put tickets of a tier into the order, by its plus button."""
        for _ in range(number):
            self.tap(self.page.locator(".tier").nth(tier).locator("[data-step='1']"))

    def go_to_buy(self) -> None:
        """From the chosen tickets to what they cost."""
        self.follow(self.page.locator(".buy-bar button"))

    def request_code(self) -> None:
        """Type the address and accept the terms."""
        self.page.fill("#email", self.address)
        self.tap(self.page.locator("#accept_terms"))
        self.follow(self.page.locator("form[action$='/code'] button.block"))

    def enter_code(self) -> None:
        """Type the code from the newest mail, which holds the tickets."""
        self.page.fill("#code", self.mailed_code())
        self.follow(self.page.locator("form[action$='/sign-in'] button.block"))

    def mailed_code(self) -> str:
        """The code to sign in with, once it has come."""
        found = until(
            lambda: next(
                (code[1] for mail in self.world.mails(self.address) if (code := _CODE.search(mail["text"]))), None
            ),
            what="for the mailed code",
        )
        return str(found)

    def pay_by(self, words: str) -> None:
        """Choose a way to pay by its name, type who the ticket is for, and go on to pay."""
        until(self._is_midtrans_up, what="for Midtrans, which another test has brought down")
        if self.page.locator("#name_0").is_visible():
            self.page.fill("#name_0", NAME)
        choice = self.page.locator(".choice", has_text=re.compile(rf"^\s*{words}"))
        if not choice.is_visible():
            self.tap(self.page.locator("details.ways", has=choice).locator("summary"))
        self.tap(choice)
        self.follow(self.page.locator("[data-pay] button.block"))

    def _is_midtrans_up(self) -> bool:
        """True if QRIS is offered where it usually is, or the page tells of a gateway that is down. Else look again."""
        if self.page.locator(".alert.warning").count() or not self.page.locator("input[value='QRIS@xendit']").count():
            return True
        self.page.reload()
        return False

    @property
    def order_id(self) -> str:
        """The order whose page is open."""
        return self.page.url.partition("?")[0].rpartition("/")[2]

    def order(self) -> dict[str, Any]:
        """The order whose page is open, as the API tells it."""
        found: dict[str, Any] = self.page.context.request.get(f"/api/v1/orders/{self.order_id}").json()
        return found

    def at_gateway(self, act: str, **how: Any) -> None:
        """Do something with the newest payment at its gateway: pay, fail, expire."""
        payment = self.order()["payments"][-1]
        self.world.gateway(payment["gateway"], payment["gateway_reference"], act, **how)

    def pay(self) -> None:
        """Pay at the gateway, as in another app, and come back until the page shows the tickets."""
        self.at_gateway("pay")
        come_back(self.page, self.page.locator("[data-ticket]"))


_CODE = re.compile(r"\b(\d{4} ?\d{4})\b")
