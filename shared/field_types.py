"""Types of fields in requests and responses: amounts, moments, and texts that people type or paste."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from shared.links import contains_link

D = TypeVar("D", bound=date)

MAX_RUPIAH = 1_000_000_000
"""The largest single price, also what the gateways take at most (Xendit: 1,000,000,000)."""
FIRST_YEAR = 2000
LAST_YEAR = 2200
Rupiah = Annotated[int, Field(ge=0, le=MAX_RUPIAH)]
Utc = Annotated[AwareDatetime, AfterValidator(lambda moment: in_reach(moment).astimezone(UTC))]
"""A moment with its offset, turned to UTC."""


ClockTime = Annotated[AwareDatetime, AfterValidator(lambda moment: _nearest(moment).astimezone(UTC))]
"""A moment by somebody's clock, however wrong it is, turned to UTC: years out of reach become the nearest one."""


def _nearest(moment: datetime) -> datetime:
    year = min(max(moment.year, FIRST_YEAR), LAST_YEAR)
    return moment if year == moment.year else moment.replace(year=year, day=1)


def in_reach(moment: D) -> D:
    """A day or moment that is near enough to reckon with. Raises ValueError."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError("must lie between the years 2000 and 2200")
    return moment


def as_uuid(written: str) -> UUID | None:
    """A text as an id; None where it is none."""
    try:
        return UUID(written)
    except ValueError:
        return None


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _day_or_moment(given: Any, moment: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(given, date) and not isinstance(given, datetime):
        return in_reach(given)
    if not (isinstance(given, str) and _DAY.fullmatch(given)):
        return moment(given)
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise ValueError("must be a date as 2026-08-17") from error
    return in_reach(day)


DayOrMoment = Annotated[Utc | None, WrapValidator(_day_or_moment)]
"""A moment, or a date without time: that day in the event's own time zone."""
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that Unicode counts among letters and signs, and that fonts draw as nothing."""
_HIDDEN = {"Cc", "Cf"}
_WHITESPACE = "\t\n\r"
_JOINERS = "\u200c\u200d"
_STRAY_JOINER = re.compile(
    rf"(?<![^\x00-\x7f{_JOINERS}])[{_JOINERS}] | [{_JOINERS}](?![^\x00-\x7f{_JOINERS}])", re.VERBOSE
)
"""Others are within an emoji of several, or between the letters of a script that joins them: none of that is ASCII."""
MAX_COMBINING_MARKS = 6
"""Combining marks on one letter. Living languages have five at most: Javanese; Hebrew with accents four, Thai two."""
_AROUND = "".join(
    [
        *map(chr, (*range(0x09, 0x0E), *range(0x1C, 0x21), 0x85, 0xA0, 0xAD, 0x1680, 0x180E)),
        *map(chr, (*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x206A), 0x3000, 0xFEFF)),
    ]
)
"""Whitespace of every kind, and what takes no width: both come along when text is copied out of pages and mails."""


def trimmed(given: Any) -> Any:
    """A text without the whitespace and invisible characters around it; anything else as it is."""
    return given.strip(_AROUND) if isinstance(given, str) else given


Trimmed = BeforeValidator(trimmed)
"""In the annotation of every string that people type or paste, but for passwords."""
_SEPARATORS = re.compile(rf"[{re.escape(_AROUND)}.\u2010-\u2015-]+")


def remove_separators(number: str) -> str:
    """A number without the spaces, dots and dashes that people put into it."""
    return _SEPARATORS.sub("", number)


SeparatorsRemoved = BeforeValidator(lambda given: remove_separators(given) if isinstance(given, str) else given)
"""In the annotation of numbers that are printed in groups: of accounts, codes, identity documents."""


class _Line(StringConstraints):
    """A string's limits, and that it shows something."""

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        yield AfterValidator(_shown)
        yield Trimmed


class _PlainLine(_Line):
    """A line that holds nothing anybody could follow or write to."""

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        yield AfterValidator(plain_name)


class _Paragraphs(StringConstraints):
    """A string's limits, and nothing invisible in it."""

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        yield AfterValidator(_visible)
        yield Trimmed


def line(most: int) -> StringConstraints:
    """A single line of text of 1 to `most` characters, trimmed, without control characters.

    Invisible ones are left out: who has copied them doesn't know of them, and the others would turn or hide words.
    """
    line_only = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
    return _Line(strip_whitespace=True, min_length=1, max_length=most, pattern=line_only)


def plain_line(most: int) -> StringConstraints:
    """A line without links and addresses: the name of a person, event or place, which we print and mail to others."""
    line_only = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
    return _PlainLine(strip_whitespace=True, min_length=1, max_length=most, pattern=line_only)


def plain_name(name: str) -> str:
    """The name. Raises ValueError where it holds a link, an address or a domain, which mails would carry to others."""
    if contains_link(name):
        raise ValueError("must be words only, without links, web addresses or e-mail addresses")
    return name


def paragraphs(most: int) -> StringConstraints:
    """Text of up to `most` characters in any number of lines, trimmed. Other control characters are left out too."""
    return _Paragraphs(strip_whitespace=True, max_length=most)


def limit_marks(words: str) -> str:
    """Limit the combining marks of each letter in `words` to MAX_COMBINING_MARKS."""
    if words.isascii():
        return words
    kept: list[str] = []
    marks = 0
    for sign in words:
        marks = marks + 1 if unicodedata.category(sign)[0] == "M" else 0
        if marks <= MAX_COMBINING_MARKS:
            kept.append(sign)
    return "".join(kept)


def _visible(words: str) -> str:
    """Drop the characters that only tell how others are shown, and piles of marks."""
    words = limit_marks(words)
    if words.isprintable():
        return words
    kept = _WHITESPACE + _JOINERS
    seen = "".join(sign for sign in words if sign in kept or unicodedata.category(sign) not in _HIDDEN)
    return _STRAY_JOINER.sub("", seen).strip()


def _shown(words: str) -> str:
    seen = _visible(words)
    if not any(unicodedata.category(sign)[0] in "LNPS" and sign not in _BLANK_LETTERS for sign in seen):
        raise ValueError("must hold something that can be seen")
    return seen
