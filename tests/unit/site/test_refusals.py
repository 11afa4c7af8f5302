"""A refusal says what to do next, in the language of the page (U-003)."""

import importlib

import pytest

from shared.problems import NotFound, Problem
from shared.site import refusals
from shared.web.pages import Language
from tests.unit.web.test_declared_problems import problems, routes


def slugs() -> set[str]:
    """The slugs of all problems of the product."""
    list(routes())  # imports what defines them
    importlib.import_module("shared.web.csrf")
    return {each.slug for each in problems()}


def test_only_problems_that_exist_have_words():
    assert set(refusals._WORDS) - slugs() == set()


@pytest.mark.parametrize(("language", "title"), [("id", "Tiket itu tidak ada"), ("en", "There is no such ticket")])
def test_a_refusal_has_a_title_and_an_advice(language: Language, title: str):
    said, advice = refusals.of(NotFound(), language)
    assert title in said
    assert advice


def test_a_problem_without_words_of_its_own_is_told_by_its_sentence():
    class Rare(Problem):
        """This is rare. Try something else."""

        status, slug = 409, "rare"

    assert refusals.of(Rare(), "en")[1] == "This is rare. Try something else."
