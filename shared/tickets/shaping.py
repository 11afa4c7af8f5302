"""Text shaping, from letters to glyphs: font, direction, positions (HarfBuzz does the hard part)."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Final

import uharfbuzz

from shared.tickets.fonts import Font, font_for

_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
ASCENT: Final = 1.0
LEADING: Final = 1.25
"""Line height of Latin text, and the part of it above the baseline. Other scripts may need more."""
_HIGHEST: Final = 1.15
_DEEPEST: Final = 0.65
"""The largest line height of any script; what fonts declare beyond it is for the rarest stacks of signs."""
_NO_LIGATURES: Final = {"liga": False, "clig": False, "dlig": False}


@dataclass(frozen=True)
class Glyph:
    """A glyph in thousandths of the type's size. `text` is what it stands for; empty within a cluster of several."""

    number: int
    text: str
    advance: float
    x_offset: float
    y_offset: float


@dataclass(frozen=True)
class Run:
    """Glyphs of one font, from left to right."""

    font: Font
    glyphs: Sequence[Glyph]

    @property
    def width(self) -> float:
        """The width in thousandths of the type's size."""
        return sum(glyph.advance for glyph in self.glyphs)


@lru_cache(maxsize=4096)
def shape(line: str, bold: bool) -> tuple[Run, ...]:
    """A line of printable text as runs, from left to right as they are seen."""
    places = range(len(line))
    known_fonts = _fonts_of(line, bold)
    levels = _levels(line)
    runs = [list(places) for _, places in groupby(places, lambda place: (known_fonts[place], levels[place]))]
    return tuple(
        _shaped(known_fonts[run[0]], line[run[0] : run[-1] + 1], is_reversed=levels[run[0]] % 2 == 1)
        for run in _as_seen(runs, levels)
    )


@lru_cache(maxsize=16384)
def width(text: str, bold: bool) -> float:
    """The width of printable text, in thousandths of the type's size."""
    return sum(run.width for run in shape(text, bold))


@lru_cache(maxsize=256)
def extent(text: str, bold: bool) -> tuple[float, float]:
    """The reach of this text's letters above the line's foot, and in all, as multiples of the type's size."""
    used = {font_for(letter, bold=bold) for letter in set(text)}
    extents = [font.extent for font in used if font and not font.is_latin]
    above, below = (max(side) for side in zip((ASCENT, LEADING - ASCENT), *extents, strict=True))
    above = min(above, _HIGHEST)
    return above, above + min(below, _DEEPEST)


def _fonts_of(line: str, bold: bool) -> list[Font]:
    """The font of each letter. Marks and joiners stay with the letter before them where its font has them."""
    fallback = font_for(" ", bold=bold)
    chosen: list[Font] = []
    for letter in line:
        before = chosen[-1] if chosen else None
        joins = unicodedata.category(letter)[0] in "MC"
        own = before if joins and before and (before.has(letter) or letter in "\u200c\u200d") else None
        found = own or font_for(letter, bold=bold) or before or fallback
        assert found is not None  # noqa: S101 - every font has a space
        chosen.append(found)
    return chosen


def _levels(line: str) -> list[int]:
    """The embedding level of each letter by Unicode's bidirectional algorithm; odd is right to left."""
    if not _RIGHT_TO_LEFT.search(line):
        return [0] * len(line)
    from bidi import algorithm

    storage = algorithm.get_empty_storage()
    storage["base_level"] = algorithm.get_base_level(line)
    storage["base_dir"] = ("L", "R")[storage["base_level"]]
    algorithm.get_embedding_levels(line, storage)
    algorithm.explicit_embed_and_overrides(storage)
    algorithm.resolve_weak_types(storage)
    algorithm.resolve_neutral_types(storage, False)
    algorithm.resolve_implicit_levels(storage, False)
    return [letter["level"] for letter in storage["chars"]]


def _as_seen(runs: list[list[int]], levels: Sequence[int]) -> list[list[int]]:
    """Runs in the order of the eye: from the highest level down, neighbours of that level are turned around (L2)."""
    seen = list(runs)
    for level in range(max(levels, default=0), 0, -1):
        deep = [levels[run[0]] >= level for run in seen]
        for first, last in true_ranges(deep):
            seen[first:last] = reversed(seen[first:last])
    return seen


def true_ranges(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """The ranges in which flags are set."""
    edges = [place for place, (before, after) in enumerate(pairwise([False, *flags, False])) if before != after]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _shaped(font: Font, text: str, *, is_reversed: bool) -> Run:
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.direction = "rtl" if is_reversed else "ltr"
    buffer.guess_segment_properties()
    buffer.cluster_level = uharfbuzz.BufferClusterLevel.MONOTONE_CHARACTERS
    uharfbuzz.shape(font.font, buffer, _NO_LIGATURES if font.is_latin else {})
    scale = 1000 / font.face.upem
    starts = sorted({info.cluster for info in buffer.glyph_infos} | {len(text)})
    ends = dict(pairwise(starts))
    told: set[int] = set()
    glyphs = []
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        is_first = info.cluster not in told
        told.add(info.cluster)
        glyphs.append(
            Glyph(
                info.codepoint,
                text[info.cluster : ends[info.cluster]] if is_first else "",
                position.x_advance * scale,
                position.x_offset * scale,
                position.y_offset * scale,
            )
        )
    return Run(font, glyphs)
