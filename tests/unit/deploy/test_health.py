"""When a new revision may have more traffic."""

import pytest

from infra.deploy.health import Health, complaint

FINE = Health(requests=10_000, errors=10, p99_ms=400)


@pytest.mark.parametrize(
    "new",
    [
        FINE,
        Health(requests=100, errors=1, p99_ms=2_000),
        Health(requests=0, errors=0, p99_ms=0),
        Health(requests=3, errors=2, p99_ms=9_000),
    ],
)
def test_goes_on(new: Health):
    assert complaint(FINE, new) is None


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (Health(requests=1_000, errors=11, p99_ms=400), "1.1% errors"),
        (Health(requests=1_000, errors=0, p99_ms=2_001), "p99 of 2001 ms"),
        (Health(requests=3, errors=3, p99_ms=100), "3 of 3 answers are errors"),
    ],
)
def test_goes_back(new: Health, words: str):
    assert words in (complaint(FINE, new) or "")


def test_what_ails_both_is_not_the_new_revisions_fault():
    ill = Health(requests=1_000, errors=50, p99_ms=5_000)
    assert complaint(ill, ill) is None
    assert complaint(ill, Health(requests=1_000, errors=101, p99_ms=5_000)) is not None
    assert complaint(ill, Health(requests=1_000, errors=50, p99_ms=7_501)) is not None
