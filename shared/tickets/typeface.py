"""The letters a ticket is printed with, and what to print where a letter is missing.

Fira Sans where the package `fontpkg-fira-sans` is installed: Latin of every kind, Greek, Cyrillic. Else
Helvetica, which every PDF reader has, with Latin-1 only. A letter that the typeface lacks is printed as its
plain base letter (`ơ` as `o`, `ł` as `l`), one without any as `?`, and a symbol not at all.
"""

import re
import unicodedata
from collections.abc import Set
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont
from fpdf import FPDF

_PACKAGE: Final = "fontpkg_fira_sans"
_FAMILY: Final = "FiraSans"
_FILES: Final = {"": "FiraSans-Regular.ttf", "B": "FiraSans-Bold.ttf"}
_FALLBACK_FAMILY: Final = "Helvetica"
_PLAIN_PUNCTUATION: Final = {
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "•": "-",
}


def use(pdf: FPDF) -> str:
    """Make the typeface known to `pdf` in regular and bold, and return the family's name."""
    folder = _folder()
    if folder is None:
        return _FALLBACK_FAMILY
    for style, filename in _FILES.items():
        pdf.add_font(_FAMILY, style, folder / filename)
    return _FAMILY


def printable(words: str) -> str:
    """`words` in letters that the typeface has, with line breaks kept and runs of spaces made one."""
    return re.sub(" {2,}", " ", "".join(_printable(letter) for letter in unicodedata.normalize("NFC", words)))


@lru_cache(maxsize=4096)
def _printable(letter: str) -> str:
    if letter == "\n" or ord(letter) in _letters():
        return letter
    if letter.isspace():
        return " "
    plain = _PLAIN_PUNCTUATION.get(letter) or unicodedata.normalize("NFKD", letter)
    if plain != letter:
        return "".join(_printable(part) for part in plain)
    base = _base_letter(letter)
    if base != letter:
        return _printable(base)
    return "?" if unicodedata.category(letter)[0] in "LN" else ""


def _base_letter(letter: str) -> str:
    """`l` for `ł`: Unicode's names say what a stroke or a hook was added to."""
    name, _, _ = unicodedata.name(letter, "").partition(" WITH ")
    try:
        base = unicodedata.lookup(name)
    except KeyError:  # a letter that is only ever written with its addition
        return letter
    return base if unicodedata.category(base).startswith("L") else letter


@lru_cache(maxsize=1)
def _letters() -> Set[int]:
    folder = _folder()
    if folder is None:
        in_both = set(range(256))
    else:
        in_both = set.intersection(*({*TTFont(folder / name).getBestCmap()} for name in _FILES.values()))
    return {code for code in in_both if chr(code).isprintable()}


@lru_cache(maxsize=1)
def _folder() -> Path | None:
    package = find_spec(_PACKAGE)
    places = package.submodule_search_locations if package else None
    return Path(places[0]) / "files" if places else None
