"""A look at a page in a named state: axe finds nothing on it, and pictures of it are kept where SCREENS names a folder.

They are `name-360.jpeg` and `name-1280.jpeg`. The pipeline keeps those of each commit; `SCREENS=build/screens make test
T=tests/browser` makes them elsewhere.
"""

import os
import re
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


_LANGUAGE = re.compile(r"^(id|en)-")
_seen: set[str] = set()
_coloured: set[str] = set()
"""The states whose colours were looked at."""
_audited: dict[str, int] = {}
"""In how many themes the colours of each structure were looked at."""


def look(page: Page, name: str, *, colours_of: str = "") -> None:
    """Require that axe finds nothing on the page as it is, light and dark, and keep pictures of it. Once a name.

    Of its rules only colour knows the theme, and none the language: a state that was seen in Indonesian has its colours
    in English too, one that is seen in English alone shows them in one theme, and pages of one template have those of
    the state that they name by `colours_of`.
    """
    if name in _seen:
        return
    _seen.add(name)
    picture(page, name)
    state = colours_of or _LANGUAGE.sub("", name)
    themes = 0 if state in _coloured else 1 if name.startswith("en-") else 2
    _coloured.add(state)
    audit(page, themes=themes)


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


def audit(page: Page, *, themes: int = 2) -> None:
    """Require that axe finds nothing on the page, its colours in so many themes.

    A page of a structure in which it found nothing before, as in the other language, is not looked at again.
    """
    page.wait_for_load_state()
    structure = page.evaluate(_STRUCTURE)
    if _audited.get(structure, -1) >= themes:
        return
    page.evaluate(_axe())
    found = _violations(page, {"runOnly": _RULES, "rules": {_COLOUR: {"enabled": themes > 0}}})
    if themes == 2:
        chosen = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        page.emulate_media(color_scheme="light" if chosen else "dark")
        found += _violations(page, {"runOnly": {"type": "rule", "values": [_COLOUR]}})
        page.emulate_media(color_scheme="dark" if chosen else "light")
    assert not found, f"{page.url}\n" + "\n".join(found)
    _audited[structure] = themes


def is_readable_in_the_sun(page: Page, within: str = "html") -> None:
    """Require that words stand out by 7:1 or more, in the theme that is shown."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    rule = {"runOnly": {"type": "rule", "values": ["color-contrast-enhanced"]}}
    found = _violations(page, rule, within)
    assert not found, "\n".join(found)


def _violations(page: Page, options: dict[str, Any], within: str = "html") -> list[str]:
    briefly = {"resultTypes": ["violations"], "selectors": False}
    told = page.evaluate(
        "async ([within, options]) => (await axe.run(within, options)).violations", [within, briefly | options]
    )
    return [_told(rule) for rule in told]


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
