"""Telling a text that leads somewhere from a name."""

import re
import unicodedata
from typing import Final

_LINK: Final = re.compile(r"https?:|www\.|://|@|[^\W_]\.[^\W\d_]{2,}", re.IGNORECASE)
_FULL_STOPS: Final = str.maketrans("\u3002\uff0e\uff61", "...")


def holds_link(words: str) -> bool:
    """Whether a mail program could make a link of part of `words`, or a reader take it for an address."""
    return _LINK.search(unicodedata.normalize("NFKC", words).translate(_FULL_STOPS)) is not None
