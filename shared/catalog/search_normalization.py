"""Words as they are compared: without accents, apostrophes and capitals, so that "beyonce" finds Beyoncé (EM-016).

The database folds events by its function `search_fold`; a test holds the two together.
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
_WHOLE_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th"}
)
_WITHIN_WORDS: Final = re.compile(rf"(?<=\S)[{_DASHES}]+(?=\S)")
_GAPS: Final = re.compile(rf"[\s{_DASHES}]+")


def normalized(words: str) -> str:
    """Small letters without accents and apostrophes."""
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", words))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).lower().translate(_WHOLE_LETTERS)


def joined(words: str) -> str:
    """The same with words of two parts made one: `17-an` as `17an`. What excludes a word in a search stays."""
    return _WITHIN_WORDS.sub("", normalized(_QUOTES.sub('"', words)))


def compact(words: str) -> str:
    """The same without any gap, for what is found in the middle of a name: `Al-Azhar` as `alazhar`."""
    return _GAPS.sub("", normalized(words))
