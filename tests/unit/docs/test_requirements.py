"""Every requirement that is cited stands in docs/requirements.md, once."""

from tests import requirements


def test_ids_are_listed_once():
    listed = requirements.known()
    assert len(listed) > 200
    assert sorted(listed) == sorted(set(listed))


def test_ranges_are_read():
    assert list(requirements.cited("buys (PS-001..003, MID-1), not P-256")) == ["PS-001", "PS-002", "PS-003", "MID-1"]


def test_every_citation_is_listed():
    listed = set(requirements.known())
    unknown = {cited: files for cited, files in requirements.citations().items() if cited not in listed}
    assert not unknown
