"""The shared cache of an instance: what it forgets when it starts anew."""

from collections.abc import Collection, Iterator

import pytest

from shared.cloud import cache
from shared.cloud.settings import settings


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The marks that are written, in a Firestore that takes them all."""
    marks: list[str] = []

    def write(due: Collection[str], timeout: float) -> bool:
        marks.extend(due)
        return True

    monkeypatch.setenv("SHARED_CACHE", "on")
    settings.cache_clear()
    cache.reset()
    monkeypatch.setattr(cache, "_write_marks", write)
    yield marks
    cache.reset()
    settings.cache_clear()


def test_after_a_reset_a_mark_is_written_again_at_once(written: list[str]):
    cache.invalidate("changed:event")
    cache.invalidate("changed:event")
    assert written == ["changed:event"]
    cache.reset()
    cache.invalidate("changed:event")
    assert written == ["changed:event"] * 2
