"""The fonts of a ticket, and what replaces a letter that is in none.

Fira Sans has Latin of every kind, Greek and Cyrillic; files in `fonts` have other scripts, each opened only where a
text needs it. A letter that no font has is shown as its plain base letter (`ơ` as `o`, `ł` as `l`), one without
any as `?`, and a symbol, such as an emoji, not at all.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import uharfbuzz

from shared.field_types import limit_marks

_HERE: Final = Path(__file__).parent
_LATIN: Final = "FiraSans"
# Which file has which blocks of Unicode. The last one has what is left: Chinese, Japanese, Korean.
_BLOCKS: Final = (
    ("NotoSansHebrew", "\u0590-\u05ff\ufb1d-\ufb4f"),
    ("NotoSansArabic", "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff"),
    ("NotoSansDevanagari", "\u0900-\u097f\ua8e0-\ua8ff"),
    ("NotoSansBengali", "\u0980-\u09ff"),
    ("NotoSansTamil", "\u0b80-\u0bff"),
    ("NotoSansThai", "\u0e00-\u0e7f"),
    ("NotoSansLao", "\u0e80-\u0eff"),
    ("NotoSansMyanmar", "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"),
    ("NotoSansKhmer", "\u1780-\u17ff\u19e0-\u19ff"),
    ("NotoSansBuginese", "\u1a00-\u1a1f"),
    ("NotoSansBalinese", "\u1b00-\u1b7f"),
    ("NotoSansSundanese", "\u1b80-\u1bbf\u1cc0-\u1ccf"),
    ("NotoSansBatak", "\u1bc0-\u1bff"),
    ("NotoSansJavanese", "\ua980-\ua9df"),
    ("WenQuanYiMicroHei-CJK", "\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"),
)
_SCRIPTS: Final = tuple((name, re.compile(f"[{block}]")) for name, block in _BLOCKS)
_JOINERS: Final = "\u200c\u200d"
_PLAIN_PUNCTUATION: Final = {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "•": "-"}


@dataclass(frozen=True)
class Font:
    """A font file. `is_emboldened`: it is to look bold, and has no bold of its own."""

    name: str
    path: Path
    is_emboldened: bool = False

    @cached_property
    def face(self) -> uharfbuzz.Face:
        """The file as HarfBuzz reads it."""
        return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(self.path)))

    @cached_property
    def font(self) -> uharfbuzz.Font:
        """The font, ready for shaping."""
        return uharfbuzz.Font(self.face)

    def has(self, letter: str) -> bool:
        """True if there is a glyph for `letter`."""
        return bool(self.font.get_nominal_glyph(ord(letter)))

    def advance(self, glyph: int) -> float:
        """The width of a glyph by itself, in thousandths of the type's size."""
        advance: float = self.font.get_glyph_h_advance(glyph) * 1000 / self.face.upem
        return advance

    @property
    def is_latin(self) -> bool:
        """True if this is the font that everything is set in but for letters it lacks."""
        return self.name.startswith(_LATIN)

    @cached_property
    def extent(self) -> tuple[float, float]:
        """The reach of letters above and below the line's foot, as multiples of the type's size."""
        extents = self.font.get_font_extents("ltr")
        return extents.ascender / self.face.upem, -extents.descender / self.face.upem


def font_for(letter: str, *, bold: bool) -> Font | None:
    """The font that has `letter`, if one has."""
    latin = _latin(bold)
    if latin.has(letter):
        return latin
    name = _script(letter)
    found = _fallback(name, bold) if name else None
    return found if found and found.has(letter) else None


def printable(words: str) -> str:
    """`words` in letters that a font has, with line breaks kept and runs of spaces made one."""
    written = unicodedata.normalize("NFC", limit_marks(words))
    return re.sub(" {2,}", " ", "".join(_printable(letter) for letter in written))


def is_readable(words: str) -> bool:
    """True if anything of `words` that can be rendered tells somebody something: a letter or a digit."""
    return any(sign.isalnum() for sign in printable(words))


@lru_cache(maxsize=4096)
def _printable(letter: str) -> str:
    if letter == "\n" or letter in _JOINERS or (letter.isprintable() and _has_both_weights(letter)):
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


def _has_both_weights(letter: str) -> bool:
    return all(font_for(letter, bold=bold) for bold in (False, True))


def _base_letter(letter: str) -> str:
    """`l` for `ł`: Unicode's names say what a stroke or a hook was added to."""
    name, _, _ = unicodedata.name(letter, "").partition(" WITH ")
    try:
        base = unicodedata.lookup(name)
    except KeyError:  # a letter that is only ever written with its addition
        return letter
    return base if unicodedata.category(base).startswith("L") else letter


def _script(letter: str) -> str | None:
    return next((name for name, block in _SCRIPTS if block.match(letter)), None)


@lru_cache(maxsize=2)
def _latin(bold: bool) -> Font:
    package = find_spec("fontpkg_fira_sans")
    places = (package.submodule_search_locations if package else None) or []
    weight = "Bold" if bold else "Regular"
    return Font(f"{_LATIN}-{weight}", Path(places[0]) / "files" / f"{_LATIN}-{weight}.ttf")


@lru_cache(maxsize=2 * len(_BLOCKS))
def _fallback(name: str, bold: bool) -> Font:
    weight = "" if "-" in name else "-Regular"
    return Font(name, _HERE / f"{name}{weight}.ttf", is_emboldened=bold)
