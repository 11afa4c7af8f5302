"""Embedding of fonts in a PDF: the glyphs that a page uses, by their number in the font file, and their text.

Glyphs keep the file's own numbers in every document. So what was drawn once can be placed in many of them.
"""

import zlib
from functools import lru_cache
from typing import Final, TypeVar

import pydyf
import uharfbuzz

from shared.tickets.fonts import Font
from shared.tickets.shaping import Run

T = TypeVar("T", bound=pydyf.Object)

_FLAGS: Final = (
    uharfbuzz.SubsetFlags.NO_HINTING | uharfbuzz.SubsetFlags.RETAIN_GIDS | uharfbuzz.SubsetFlags.NOTDEF_OUTLINE
)
_UNUSED_TABLES: Final = ("GSUB", "GPOS", "GDEF", "cmap", "name", "post", "OS/2", "vhea", "vmtx", "kern", "STAT")
_NOTHING: Final = "\u200b"
"""The text of a glyph that is part of the one before it: a zero-width space, as an empty text is not possible."""
_PER_BLOCK: Final = 100  # entries of one bfchar block


class UsedGlyphs:
    """The glyphs used of each font, and the text of each."""

    def __init__(self) -> None:
        self.glyphs: dict[str, dict[int, str]] = {}
        self.known_fonts: dict[str, Font] = {}

    def note(self, run: Run) -> None:
        """Add the glyphs of a run."""
        self.known_fonts[run.font.name] = run.font
        known = self.glyphs.setdefault(run.font.name, {})
        for glyph in run.glyphs:
            known[glyph.number] = known.get(glyph.number) or glyph.text

    def add(self, other: "UsedGlyphs") -> None:
        """Add what another drawing uses."""
        self.known_fonts |= other.known_fonts
        for name, glyphs in other.glyphs.items():
            self.glyphs[name] = {**glyphs, **self.glyphs.get(name, {})}


def text_operators(run: Run, x: float, y: float, size: float) -> str:
    """The operators that show a run at a point of the page."""
    if any(glyph.x_offset or glyph.y_offset for glyph in run.glyphs):
        return _positioned_operators(run, x, y, size / 1000)
    parts = []
    for glyph in run.glyphs:
        parts.append(f"<{glyph.number:04X}>")
        if kern := round(run.font.advance(glyph.number) - glyph.advance, 2):
            parts.append(f"{kern:g}")
    written = " ".join(parts).replace("> <", "")
    return f"1 0 0 1 {x:.2f} {y:.2f} Tm [{written}] TJ"


def _positioned_operators(run: Run, x: float, y: float, scale: float) -> str:
    """Each glyph at its own place: marks stand above, below and within others."""
    operators = []
    for glyph in run.glyphs:
        across, up = x + glyph.x_offset * scale, y + glyph.y_offset * scale
        operators.append(f"1 0 0 1 {across:.2f} {up:.2f} Tm <{glyph.number:04X}> Tj")
        x += glyph.advance * scale
    return " ".join(operators)


def embed_fonts(pdf: pydyf.PDF, used: UsedGlyphs) -> pydyf.Dictionary:
    """Embed what is used, and return the page's dictionary of fonts."""
    return pydyf.Dictionary(
        {name: _font(pdf, used.known_fonts[name], glyphs).reference for name, glyphs in sorted(used.glyphs.items())}
    )


def _font(pdf: pydyf.PDF, font: Font, glyphs: dict[int, str]) -> pydyf.Dictionary:
    file = _added(pdf, _font_file(font, frozenset(glyphs)))
    to_unicode = _added(pdf, compressed_stream(_to_unicode(glyphs)))
    descriptor = _added(pdf, _descriptor(font, file))
    descendant = _added(pdf, _descendant(font, glyphs, descriptor))
    values = {
        "Type": "/Font",
        "Subtype": "/Type0",
        "BaseFont": _name(font),
        "Encoding": "/Identity-H",
        "DescendantFonts": pydyf.Array([descendant.reference]),
        "ToUnicode": to_unicode.reference,
    }
    return _added(pdf, pydyf.Dictionary(values))


def _descriptor(font: Font, file: pydyf.Stream) -> pydyf.Dictionary:
    ascent, descent = (round(1000 * reach) for reach in font.extent)
    values = {
        "Type": "/FontDescriptor",
        "FontName": _name(font),
        "Flags": 4,
        "FontBBox": pydyf.Array([-1000, -descent, 2000, ascent]),
        "ItalicAngle": 0,
        "Ascent": ascent,
        "Descent": -descent,
        "CapHeight": 700,
        "StemV": 80,
        "FontFile2": file.reference,
    }
    return pydyf.Dictionary(values)


def _descendant(font: Font, glyphs: dict[int, str], descriptor: pydyf.Dictionary) -> pydyf.Dictionary:
    widths = " ".join(f"{number} [{font.advance(number):g}]" for number in sorted(glyphs))
    values = {
        "Type": "/Font",
        "Subtype": "/CIDFontType2",
        "BaseFont": _name(font),
        "CIDSystemInfo": "<</Registry (Adobe) /Ordering (Identity) /Supplement 0>>",
        "CIDToGIDMap": "/Identity",
        "FontDescriptor": descriptor.reference,
        "W": f"[{widths}]",
    }
    return pydyf.Dictionary(values)


def _name(font: Font) -> str:
    return f"/KARCIS+{font.name}"


def _added(pdf: pydyf.PDF, thing: T) -> T:
    pdf.add_object(thing)
    return thing


def compressed_stream(content: bytes) -> pydyf.Stream:
    """A stream of this content, compressed: pydyf's own way takes twice the time and saves nothing."""
    return pydyf.Stream([zlib.compress(content)], {"Filter": "/FlateDecode"})


def _font_file(font: Font, glyphs: frozenset[int]) -> pydyf.Stream:
    compressed, length = _subset(font, glyphs)
    return pydyf.Stream([compressed], {"Length1": length, "Filter": "/FlateDecode"})


@lru_cache(maxsize=64)
def _subset(font: Font, glyphs: frozenset[int]) -> tuple[bytes, int]:
    """The font file with these glyphs alone, compressed, and its own length."""
    wanted = uharfbuzz.SubsetInput()
    wanted.flags = _FLAGS
    wanted.glyph_set.update(glyphs)
    wanted.drop_table_tag_set.update(int.from_bytes(tag.encode(), "big") for tag in _UNUSED_TABLES)
    content: bytes = wanted.subset(font.face).blob.data
    return zlib.compress(content), len(content)


def _to_unicode(glyphs: dict[int, str]) -> bytes:
    """The text of each glyph, so that it can be searched, copied and read aloud."""
    entries = [
        f"<{number:04X}> <{(said or _NOTHING).encode('utf-16-be').hex()}>" for number, said in sorted(glyphs.items())
    ]
    blocks = [entries[first : first + _PER_BLOCK] for first in range(0, len(entries), _PER_BLOCK)]
    mapped = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def /CMapName /Karcis def\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        f"{mapped}\nendcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()
