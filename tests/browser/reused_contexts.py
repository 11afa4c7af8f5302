"""Browser contexts that one test after the other uses, and each finds as new.

A context of its own costs each test a new renderer process, which loads and compiles all files of the pages anew: two
thirds of the processor time of a visitor's first page.
"""

from collections import defaultdict
from typing import Any, NamedTuple

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from tests.waiting import PATIENCE_SECONDS

REUSABLE = {"viewport", "locale", "color_scheme", "java_script_enabled"}
"""The options of contexts that are kept. Each other option makes a context for one test alone."""

_STORED = "local_storage,indexeddb,cache_storage"
"""Session storage ends with its page. Service workers outlive pages, and are blocked where contexts are kept."""


class _Kept(NamedTuple):
    """A context and the empty page that keeps its renderer running; `client` speaks to that page."""

    context: BrowserContext
    anchor: Page
    client: CDPSession


class ReusedContexts:
    """The contexts of a browser at one origin."""

    def __init__(self, browser: Browser, origin: str, init_script: str) -> None:
        self._browser, self._origin, self._init_script = browser, origin, init_script
        self._idle: dict[str, list[_Kept]] = defaultdict(list)
        self._lent: dict[BrowserContext, tuple[str, _Kept]] = {}

    def lend(self, **options: Any) -> BrowserContext:
        """Give a context with these options, in which nobody has been before as far as pages can tell."""
        if not options.keys() <= REUSABLE:
            return self._new(**options)
        key = repr(sorted(options.items()))
        kept = self._idle[key].pop() if self._idle[key] else self._keepable(**options)
        self._lent[kept.context] = key, kept
        return kept.context

    def take_back(self, context: BrowserContext) -> None:
        """Close the pages of a context and forget what they stored, for the next test; or close it."""
        if context not in self._lent:
            context.close()
            return
        key, kept = self._lent.pop(context)
        for page in context.pages:
            if page != kept.anchor:
                page.close()
        context.clear_cookies()
        context.clear_permissions()
        context.set_offline(False)
        kept.client.send("Storage.clearDataForOrigin", {"origin": self._origin, "storageTypes": _STORED})
        self._idle[key].append(kept)

    def _keepable(self, **options: Any) -> _Kept:
        context = self._new(service_workers="block", **options)
        anchor = context.new_page()
        return _Kept(context, anchor, context.new_cdp_session(anchor))

    def _new(self, **options: Any) -> BrowserContext:
        context = self._browser.new_context(base_url=self._origin, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        context.add_init_script(self._init_script)
        return context
