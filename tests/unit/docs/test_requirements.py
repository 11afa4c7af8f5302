"""Every requirement that is cited stands in docs/requirements.md, once, with what holds it."""

from tests import requirements


def test_ids_are_listed_once():
    listed = requirements.known()
    assert len(listed) > 200
    assert sorted(listed) == sorted(set(listed))


def test_ranges_are_read():
    assert list(requirements.cited("buys (PS-001..003, MID-1), not P-256")) == ["PS-001", "PS-002", "PS-003", "MID-1"]


def test_an_id_of_an_unknown_family_is_found():
    assert list(requirements.cited(f"as XY-{123} says, by SHA-256")) == [f"XY-{123}"]


def test_every_citation_is_listed():
    listed = set(requirements.known())
    unknown = {cited: files for cited, files in requirements.citations().items() if cited not in listed}
    assert not unknown


def test_each_shows_the_tests_that_name_it():
    document = requirements.REQUIREMENTS.read_text(encoding="utf-8")
    assert document == requirements.with_tests(document), "python -m tests.requirements writes the links"


def test_what_no_test_names_says_what_holds_it_instead():
    assert requirements.without_words() == []
