"""CACHE-001, CACHE-002: what browsers, the CDN and our own cache keep is together never older than promised."""

import re

import pytest

from shared.catalog import public_views
from shared.web.caching import AVAILABILITY, CachePolicy

PROMISED = [(AVAILABILITY, public_views.CACHE_SECONDS, 30)]


def told(keep: CachePolicy, age_seconds: float) -> tuple[int, int, int]:
    """Seconds for which the browser, the CDN, and the CDN while it fetches the next, may show the response."""
    found = re.fullmatch(
        r"public, max-age=(\d+), s-maxage=(\d+), stale-while-revalidate=(\d+)", keep.directives(age_seconds)
    )
    assert found
    browser, shared, stale = map(int, found.groups())
    return browser, shared, stale


@pytest.mark.parametrize(("keep", "ours", "promised"), PROMISED)
def test_all_ages_together_stay_within_the_promise(keep: CachePolicy, ours: int, promised: int):
    for age in (0, 0.001, 1, 1.5, ours / 2, ours - 0.5, ours, promised - 0.5, promised, promised + 60):
        browser, shared, stale = told(keep, age)
        assert max(browser, shared) + stale + age <= max(promised, age)


@pytest.mark.parametrize(("keep", "ours", "promised"), PROMISED)
def test_what_our_cache_has_kept_is_kept_by_the_cdn_as_long_as_a_fresh_answer(
    keep: CachePolicy, ours: int, promised: int
):
    _, fresh, stale = told(keep, 0)
    assert told(keep, ours)[1] == fresh
    assert fresh + stale == promised
