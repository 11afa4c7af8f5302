"""Watches a page all the time: what a visitor would not see, but a developer would, fails the test.

A console error (which a refused content security policy is too), a script that throws, a request to us that fails or
is answered by an error, and a page that is wider than its window.
"""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError

_ABORTED = "ERR_ABORTED"
"""The browser's own doing: the page went elsewhere before the answer, or it became a download."""

_NO_NETWORK = "An unknown error occurred when fetching the script"
"""The browser looked for a new service worker while there was no network. One that we refuse reads otherwise."""

TOO_WIDE = """
addEventListener("load", () => {
  const measure = () => {
    const room = document.documentElement.clientWidth, width = document.documentElement.scrollWidth;
    if (width <= room || room < 300) return; // narrower while a picture is taken
    const all = [...document.querySelectorAll("body *")];
    const wide = all.filter((each) => each.getBoundingClientRect().right > room + 1);
    console.error(`${location.pathname} is ${width} px wide in ${room}: ${wide.at(-1)?.outerHTML.slice(0, 200)}`);
  };
  new ResizeObserver(measure).observe(document.body);
  measure();
});
"""
"""Tells on the console of a page that is too wide; every context runs it."""


@dataclass
class Watch:
    """Collects what goes wrong on the pages of a context, apart from what a test expects."""

    origin: str
    found: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch every page of a context."""
        context.on("console", self._console)
        context.on("weberror", self._threw)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def leave(self, context: BrowserContext) -> None:
        """Watch it no longer."""
        context.remove_listener("console", self._console)
        context.remove_listener("weberror", self._threw)
        context.remove_listener("requestfailed", self._failed)
        context.remove_listener("response", self._answered)

    def expect(self, pattern: str) -> None:
        """Let pass what matches this."""
        self._expected.append(pattern)

    def check_width(self, page: Page) -> None:
        """Note a page that is wider than its window; for pages whose scripts are off."""
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            self._note(f"{page.url} is {wide} px too wide")

    def check(self) -> None:
        """Fail if anything was wrong that no test expected."""
        wrong = [each for each in self.found if not any(re.search(pattern, each) for pattern in self._expected)]
        assert not wrong, "\n".join(wrong)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and _NO_NETWORK not in message.text:
            self._note(f"console: {message.text} ({message.location.get('url')})")

    def _threw(self, error: WebError) -> None:
        self._note(f"a script threw {error.error}")

    def _failed(self, request: Request) -> None:
        if request.url.startswith(self.origin) and _ABORTED not in (request.failure or ""):
            self._note(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.url.startswith(self.origin) and response.status >= 400:
            self._note(f"{response.request.method} {response.url}: {response.status}")

    def _note(self, what: str) -> None:
        self.found.append(what)
