"""docs/figures.md says what the code counts, and each figure is there once."""

from collections import Counter

from schemas import figures
from shared.reports.figures import SOURCES
from tests.unit.docs.documents import read


def test_the_document_is_current():
    assert read("docs/figures.md") == figures.written()


def test_each_figure_is_defined_once_in_one_sentence():
    listed = [figure for _, of_source in SOURCES.values() for figure in of_source]
    assert max(Counter(figure.name for figure in listed).values()) == 1
    assert [figure.name for figure in listed if not figure.meaning.endswith(".") or ". " in figure.meaning] == []
