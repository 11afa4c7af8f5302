"""People with phones: Debian's Chromium against one running product, every page of every test watched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import text

from tests import chromium as installed
from tests.browser.looking import PHONE
from tests.browser.reused_contexts import ReusedContexts
from tests.browser.visitors import Visitor
from tests.browser.watching import TOO_WIDE, Watch
from tests.folders import a_folder
from tests.people import Person, World
from tests.processes import starts_processes
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS

NO_BROWSER = "NO PAGE WAS TESTED IN A BROWSER: there is no chromium. Install one (make browser) or say CHROMIUM=/path."
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",  # of each context: a new page is drawn by the process that drew the one before
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    found = installed.find()
    if not found:
        pytest.skip(NO_BROWSER)
    return found


@pytest.fixture(scope="session")
@starts_processes
def stack(chromium: str) -> Iterator[Stack]:
    """The product, started as `make run` does."""
    with a_folder() as folder:
        running = Stack(folder, RATE_LIMITS="off", BANK_ACCOUNT_WAIT_SECONDS="0")
        try:
            yield running.start()
        finally:
            running.stop()


@pytest.fixture(scope="session")
def world(stack: Stack) -> World:
    """People with accounts, and what they do."""
    return World(stack)


@pytest.fixture(scope="session")
def concert(world: World) -> dict[str, Any]:
    """An event with plenty of tickets, which is there before anybody looks at a list that is kept."""
    early_bird = {"early_bird_price": 120_000, "early_bird_end": _in_days(10)}
    return world.publish(
        {"name": "Festival", "price": 150_000, "quota": 1_000, "description": "Berdiri di depan panggung."},
        {"name": "Tribun", "price": 300_000, "quota": 1_000, **early_bird},
        {"name": "VIP", "price": 900_000, "quota": 1_000, "requires_identity": True},
        title="Konser Purnama",
    )


def _in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


@pytest.fixture
def in_days() -> Callable[[int], str]:
    """A moment so many days from now, as the API takes it."""
    return _in_days


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests; each has contexts of its own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=SWITCHES, timeout=PATIENCE_SECONDS * 1000)
        expect.set_options(timeout=PATIENCE_SECONDS * 1000)
        yield started
        started.close()


@pytest.fixture
def circuits_closed_afterwards(stack: Stack) -> Iterator[None]:
    """No later test finds its checkouts moved by what a gateway did in this one."""
    yield
    with stack.database() as database, database.begin() as tx:
        tx.execute(text("DELETE FROM gateway_circuits"))


@pytest.fixture
def watch(stack: Stack) -> Iterator[Watch]:
    """Collects what is wrong on the test's pages, and fails the test at its end."""
    watch = Watch(stack.url)
    yield watch
    watch.check()


@pytest.fixture(scope="session")
def contexts(browser: Browser, stack: Stack) -> ReusedContexts:
    """The contexts of the browser, which close with it."""
    return ReusedContexts(browser, stack.url, TOO_WIDE)


@contextmanager
def open_pages(contexts: ReusedContexts, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Open pages of new visitors' browsers, watched: phones in Indonesian, unless options say otherwise."""
    opened = []

    def open_page(**options: Any) -> Page:
        context = contexts.lend(**{"viewport": PHONE, "locale": "id-ID", **options})
        opened.append(context)
        watch.over(context)
        return context.new_page()

    yield open_page
    for context in opened:
        contexts.take_back(context)
        watch.leave(context)


@pytest.fixture
def new_page(contexts: ReusedContexts, watch: Watch, concert: dict[str, Any]) -> Iterator[Callable[..., Page]]:
    """Open a page of a new visitor's browser.

    It has no service worker, unless the option `service_workers` is "allow".
    """
    with open_pages(contexts, watch) as open_page:
        yield open_page


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A phone's browser: 360 px wide, Indonesian, nobody signed in."""
    return new_page()


@pytest.fixture
def visitor(page: Page, world: World) -> Visitor:
    """Somebody with that phone."""
    return Visitor(page, world)


@pytest.fixture
def new_visitor(new_page: Callable[..., Page], world: World) -> Callable[..., Visitor]:
    """Somebody with a browser of their own, as options describe it."""
    return lambda **options: Visitor(new_page(**options), world)


@pytest.fixture
def buyer(world: World, visitor: Visitor) -> Person:
    """Somebody with an account, signed in on the phone."""
    person = world.somebody()
    visitor.sign_in(person)
    return person
