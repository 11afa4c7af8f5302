"""How long an answer may be kept between us and its reader (CACHE-003, CACHE-004).

A handler that answers the same to everybody says so by returning `Cached`; whatever isn't wrapped is
private and kept nowhere. A public answer carries no `Vary: Authorization`: Cloud CDN keeps nothing that
varies by a header other than Accept, Accept-Encoding and Origin (cloud.google.com/cdn/docs/caching),
and there is nothing to vary, as the answer does not depend on who asks. One that does is not public.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Keep:
    """For how many seconds browsers and shared caches keep an answer, and show it while they fetch the next."""

    browser_seconds: int
    shared_seconds: int
    stale_seconds: int

    def directives(self) -> str:
        """The value of Cache-Control."""
        return (
            f"public, max-age={self.browser_seconds}, s-maxage={self.shared_seconds}, "
            f"stale-while-revalidate={self.stale_seconds}"
        )


LISTS = Keep(browser_seconds=60, shared_seconds=300, stale_seconds=60)
"""CACHE-001."""
AVAILABILITY = Keep(browser_seconds=5, shared_seconds=15, stale_seconds=15)
"""CACHE-002: with what is behind it, not older than 30 s."""


@dataclass(frozen=True)
class Cached(Generic[T]):
    """An answer to keep as `keep` says, or nowhere where it is not public: one shown to this caller only."""

    answer: T
    keep: Keep
    is_public: bool = True
