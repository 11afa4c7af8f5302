"""A look at a page in a named state: axe finds nothing on it, and pictures of it are kept where SCREENS names a folder.

They are `name-360.jpeg` and `name-1280.jpeg`. The pipeline keeps those of each commit; `SCREENS=build/screens make test
T=tests/browser` makes them elsewhere.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
_PICTURE: dict[str, Any] = {"type": "jpeg", "quality": 85, "full_page": True, "animations": "disabled"}
"""JPEG is written in half the time of PNG."""
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_COLOUR = "color-contrast"
_REMEMBER_COLOURS = """(() => {
  const { Color } = axe.commons.color, parse = Color.prototype.parseString, known = new Map();
  Color.prototype.parseString = function (text) {
    if (!known.has(text)) {
      parse.call(this, text);
      known.set(text, [this.r, this.g, this.b, this.alpha]);
    }
    [this.r, this.g, this.b, this.alpha] = known.get(text);
    return this;
  };
})();"""
"""axe reads the few colours of a page for each of its elements anew: a fifth of its time."""


_STRUCTURE = """() => {
  const TOLD = ["alt", "title", "aria-label", "placeholder", "value", "content"];
  const PLACES = ["href", "src", "srcset", "action", "datetime", "d"], LANGUAGES = ["lang", "hreflang"];
  const USED = "a, button, input, select, textarea, summary, label, [role], [tabindex]";
  const known = new Map();
  const nth = (words) => known.get(words) ?? known.set(words, known.size).get(words);
  const plain = (name, text) => {
    if (LANGUAGES.includes(name)) return ["id", "en"].includes(text) ? "language" : text;
    if (PLACES.includes(name)) return text.startsWith("#") ? text : Boolean(text);
    if (TOLD.includes(name)) return text.trim() && nth(text);
    const own = text.replace(/[\\da-f]{8}-[\\da-f-]{27}/g, nth);
    return name.startsWith("data-") ? own.replace(/\\d+/g, 0) : own;
  };
  const measured = (each) => {
    const { width, height } = each.getBoundingClientRect(), { overflowX, overflowY } = getComputedStyle(each);
    return [
      each.checkVisibility({ visibilityProperty: true }),
      each.matches(USED) && [width < 24, height < 24],
      /auto|scroll/.test(overflowX + overflowY) &&
        [each.scrollWidth > each.clientWidth, each.scrollHeight > each.clientHeight],
    ];
  };
  const told = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return node.nodeType === Node.TEXT_NODE && Boolean(node.data.trim());
    const attributes = [...node.attributes].map(({ name, value }) => [name, plain(name, value)]);
    return [node.localName, attributes, measured(node), [...node.childNodes].map(told)];
  };
  return JSON.stringify([innerWidth, told(document.documentElement)]);
}"""
"""All that axe's rules and the style can tell of a page: of its words only which are there and which are equal, of its
sizes only whether a finger meets what can be used, and whether what scrolls does."""


_COLOURS = """(within) => {
  const PLAIN = "rgba(0, 0, 0, 0),none,1,static,none,normal", grounds = new Map();
  const ground = (each) => {
    if (!each) return "";
    if (!grounds.has(each)) {
      const { backgroundColor, backgroundImage, opacity, position, filter, mixBlendMode } = getComputedStyle(each);
      const own = [backgroundColor, backgroundImage, opacity, position, filter, mixBlendMode].join();
      grounds.set(each, ground(each.parentElement) + (own === PLAIN ? "" : `|${own}`));
    }
    return grounds.get(each);
  };
  const root = document.querySelector(within);
  const words = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), found = new Set();
  const note = (each) => {
    if (!each.checkVisibility({ visibilityProperty: true })) return;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(each);
    const isOff = each.closest(":disabled, [aria-disabled=true]") ?? each.closest("label")?.control?.disabled;
    found.add([color, fontSize, fontWeight, textShadow, Boolean(isOff), ground(each)].join());
  };
  while (words.nextNode()) if (words.currentNode.data.trim()) note(words.currentNode.parentElement);
  root.querySelectorAll("input, select, textarea").forEach(note);
  return [...found];
}"""
"""How words stand out: their colour, size and weight, and all that is painted behind them, each kind once."""


_seen: set[str] = set()
_audited: set[str] = set()
"""The structures in which axe found nothing."""
_readable: set[str] = set()
_readable_in_the_sun: set[str] = set()
"""The colours of which it found none too faint."""


def look(page: Page, name: str) -> None:
    """Require that axe finds nothing on the page as it is, light and dark, and keep pictures of it. Once a name."""
    if name not in _seen:
        _seen.add(name)
        picture(page, name)
        audit(page)


def picture(page: Page, name: str) -> None:
    """Keep a picture of the whole page on a phone and on a desk, where SCREENS says so."""
    folder = _folder()
    if folder is None:
        return
    before = page.viewport_size
    for size in (DESK, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.screenshot(path=folder / f"{name}-{size['width']}.jpeg", **_PICTURE)
    if before:
        page.set_viewport_size(before)


def audit(page: Page) -> None:
    """Require that axe finds nothing on the page, light and dark.

    A page of a structure in which it found nothing before, as in the other language, is not looked at again; nor are
    words in colours that it has seen.
    """
    page.wait_for_load_state()
    structure = page.evaluate(_STRUCTURE)
    if structure in _audited:
        return
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    new = _colours(page) - _readable
    found = _found(page, {"runOnly": _RULES, "rules": {_COLOUR: {"enabled": bool(new)}}})
    page.emulate_media(color_scheme="light" if is_dark else "dark")
    if new_in_the_other := _colours(page) - _readable:
        found += _found(page, {"runOnly": {"type": "rule", "values": [_COLOUR]}})
    page.emulate_media(color_scheme="dark" if is_dark else "light")
    assert not found, f"{page.url}\n" + "\n".join(found)
    _audited.add(structure)
    _readable.update(new, new_in_the_other)


def _colours(page: Page, within: str = "html") -> set[str]:
    return set(page.evaluate(_COLOURS, within))


def _found(page: Page, options: dict[str, Any], within: str = "html") -> list[str]:
    """The violations that axe finds on the page, which gets it first where it is missing."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    briefly = {"resultTypes": ["violations"], "selectors": False}
    told = page.evaluate(
        "async ([within, options]) => (await axe.run(within, options)).violations", [within, briefly | options]
    )
    return [_told(rule) for rule in told]


def is_readable_in_the_sun(page: Page, within: str = "html") -> None:
    """Require that words stand out by 7:1 or more, in the theme that is shown."""
    new = _colours(page, within) - _readable_in_the_sun
    if not new:
        return
    found = _found(page, {"runOnly": {"type": "rule", "values": ["color-contrast-enhanced"]}}, within)
    assert not found, "\n".join(found)
    _readable_in_the_sun.update(new)


def _told(rule: dict[str, Any]) -> str:
    where = "\n  ".join(f"{each['html']}: {each['failureSummary']}" for each in rule["nodes"])
    return f"{rule['id']}: {rule['help']}\n  {where}"


@cache
def _axe() -> str:
    script = Path(axe_playwright_python.__file__).parent / "axe.min.js"
    return script.read_text(encoding="utf-8") + _REMEMBER_COLOURS


@cache
def _folder() -> Path | None:
    named = os.environ.get("SCREENS")
    if not named:
        return None
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
