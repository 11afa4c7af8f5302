"""Pages that are the same for everybody and seldom change: the start, files, help, terms and privacy."""

import json

from shared.site import rendering, static_files
from shared.site.languages import translate
from shared.web import PAGES, App
from shared.web.caching import CachePolicy
from shared.web.pages import Asset, Page, PageRequest, Redirect

SELDOM_CHANGED = CachePolicy(browser_seconds=300, shared_seconds=3600, stale_seconds=86_400)

pages = App("site")


@pages.page("/", anybody=True, limit=PAGES)
def start(request: PageRequest) -> Redirect:
    """Go on to home in the visitor's language."""
    return Redirect(f"/{request.language}")


@pages.page("/assets/{name}", anybody=True, limit=PAGES)
def file(name: str) -> Asset:
    """A script, a style sheet or a drawing."""
    return static_files.served(name)


@pages.page("/sw.js", anybody=True, limit=PAGES)
def service_worker() -> Asset:
    """The service worker that keeps tickets on the phone: at the top, as its address bounds what it may serve."""
    script = static_files.named("sw.js")
    policy = "default-src 'none'; connect-src 'self'"
    return Asset(script.content, script.content_type, cache_control="no-cache", policy=policy)


@pages.page("/manifest.webmanifest", anybody=True, limit=PAGES)
def web_manifest() -> Asset:
    """The name and mark under which a phone keeps the site."""
    content = {
        "name": "Karcis",
        "short_name": "Karcis",
        "start_url": "/orders",
        "display": "standalone",
        "background_color": "#f7f5f0",
        "theme_color": "#3b3fb6",
        "icons": [{"src": static_files.url("mark.svg"), "sizes": "any", "type": "image/svg+xml"}],
    }
    return Asset(json.dumps(content).encode(), "application/manifest+json", cache_control="public, max-age=3600")


def help_page(request: PageRequest) -> Page:
    """Explain how buying, paying and giving back works."""
    return _words(request, "help", "Help")


def terms(request: PageRequest) -> Page:
    """The terms that a buyer accepts."""
    return _words(request, "terms", "Terms")


def organizer_terms(request: PageRequest) -> Page:
    """The terms that somebody accepts who becomes an organizer."""
    return _words(request, "organizer-terms", "terms for organizers")


def privacy(request: PageRequest) -> Page:
    """Explain what is kept of people, and why (DP-001)."""
    return _words(request, "privacy", "Privacy")


def _words(request: PageRequest, name: str, title: str) -> Page:
    words = f"{request.language}/{name}.html"
    title = translate(request.language, title)
    title = title[0].upper() + title[1:]
    return rendering.page("words.html", request, keep=SELDOM_CHANGED, title=title, words=words)


for _language in ("id", "en"):
    pages.page(f"/{_language}/help", anybody=True, limit=PAGES)(help_page)
    pages.page(f"/{_language}/terms", anybody=True, limit=PAGES)(terms)
    pages.page(f"/{_language}/organizer-terms", anybody=True, limit=PAGES)(organizer_terms)
    pages.page(f"/{_language}/privacy", anybody=True, limit=PAGES)(privacy)
