"""Cache lifetimes: how long a response may be kept between us and its reader (CACHE-003, CACHE-004).

A handler that answers the same to everybody says so by returning `Cached`; whatever isn't wrapped is
private and kept nowhere. A public response carries no `Vary: Authorization`: Cloud CDN keeps nothing that
varies by a header other than Accept, Accept-Encoding and Origin (cloud.google.com/cdn/docs/caching),
and there is nothing to vary, as the response does not depend on who asks. One that does is not public.
"""

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class CachePolicy:
    """The seconds for which browsers and shared caches keep a response, and show it while they fetch the next."""

    browser_seconds: int
    shared_seconds: int
    stale_seconds: int

    def directives(self, age_seconds: float = 0.0) -> str:
        """The value of Cache-Control, whose times are shortened by the age that the response has already."""
        left = max(0, self.shared_seconds + self.stale_seconds - math.ceil(age_seconds))
        browser, shared = min(self.browser_seconds, left), min(self.shared_seconds, left)
        return f"public, max-age={browser}, s-maxage={shared}, stale-while-revalidate={left - shared}"


AVAILABILITY = CachePolicy(browser_seconds=5, shared_seconds=15, stale_seconds=15)
"""CACHE-002: nowhere older than 30 seconds. Lists show availability too, so this meets CACHE-001 (5 minutes)."""


@dataclass(frozen=True)
class Cached(Generic[T]):
    """A response to keep as `keep` says; one that is not public, for this caller only, is kept nowhere.

    `age_seconds` is how long the shared cache has kept it already.
    """

    content: T
    keep: CachePolicy
    is_public: bool = True
    age_seconds: float = 0.0
