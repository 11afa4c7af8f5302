"""Normalization of search words: no accents, apostrophes or capitals, so that "beyonce" finds Beyoncé (EM-016).

The database normalizes events by its function `search_fold`; a test compares the two.
"""

import re
import unicodedata
from typing import Final

_APOSTROPHES: Final = re.compile(
    "['\u2018\u2019\u201a\u201b\u02b9\u02bb\u02bc\u02be\u02bf\u02c8\u2032\u2035`\u00b4\uff07]"
)
_DASHES: Final = "\\-\u00ad\u2010-\u2015\u2212\ufe63\uff0d"
_QUOTES: Final = re.compile("[\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02]")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_TRANSLITERATION: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th"}
)
_INNER_DASHES: Final = re.compile(rf"(?<=\S)[{_DASHES}]+(?=\S)")
_GAPS: Final = re.compile(rf"[\s{_DASHES}]+")


def normalize(words: str) -> str:
    """Lower-case letters without accents and apostrophes."""
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", words))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).lower().translate(_TRANSLITERATION)


def join_compounds(words: str) -> str:
    """Normalize words and join hyphenated ones: `17-an` to `17an`. A leading hyphen, which excludes a word, stays."""
    return _INNER_DASHES.sub("", normalize(_QUOTES.sub('"', words)))


def remove_gaps(words: str) -> str:
    """Normalize words and remove all gaps, to match parts of names: `Al-Azhar` to `alazhar`."""
    return _GAPS.sub("", normalize(words))
