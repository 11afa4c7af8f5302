"""Detection of links in names: one check for what is typed and for what is mailed."""

import re
import unicodedata
from typing import Final

_DOTS: Final = str.maketrans("\u3002\uff61\u2024\u2027\u00b7", ".....")
"""Characters that mail programs and people take for the dot of a domain."""
_DOMAINS: Final = (
    "com|net|org|info|biz|id|co|io|me|ai|app|dev|xyz|link|site|online|shop|store|top|click|live|club|vip|pro|web|page|"
    "asia|my|sg|cn|ru|us|uk|tv|cc|tk|ml|ga|cf|gq|ly|gl|gg|gd|to|ws|win|bid|icu|fun|buzz|cfd|sbs|cloud|host|space|website|"
    "tech|blog|news|chat|one|world|today|life|bank|events?|tickets?|help|support|email|"
    "de|nl|eu|in|jp|kr|au|ca|br|fr|th|ph|vn|hk|tw|pw|la|so|sh|im|ua|pl|example"
)
_ABBREVIATED: Final = "jl|jln|gd|gg|lt|no|kav|kec|kel|kab|dr|ir|moh|muh|st|vol"
_LINK: Final = re.compile(
    rf"""@\w | [a-z][a-z0-9+.-]*:// | \bwww\. | \b(?:https?|mailto|tel|wa)\s*:
    | (?<![^\W_])(?!(?:{_ABBREVIATED})\.)[^\W_][\w-]+\.(?:(?:{_DOMAINS})(?!\w) | [^\W\d_]{{2,}}/\w)
    | (?<!\w)(?<!\w\.)\w\.(?:(?:com|net|org)(?!\w) | [^\W\d_]{{2,}}/\w)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Links, addresses, and domains of those endings that phishing uses. Titles (S.Kom., Dr.Ir.), streets (Jl.Asia Afrika)
and dates (12/11/2026) are none of them."""


def contains_link(words: str) -> bool:
    """True if a mail program could make a link of part of `words`, or a reader take it for an address."""
    return _LINK.search(unicodedata.normalize("NFKC", words).translate(_DOTS)) is not None
