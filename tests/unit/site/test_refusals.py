"""A refusal says what to do next, in the language of the page (U-003)."""

import importlib

import pytest

from functions.site.main import app
from shared.problems import NotFound, Problem
from shared.site import refusals
from shared.site.admin import actions
from shared.site.admin.actions import Action
from shared.web import openapi
from shared.web.pages import Language
from shared.web.routes import Route
from tests.unit.web.raised_problems import raised_by
from tests.unit.web.test_declared_problems import problems, routes

PURCHASE = {"POST /api/v1/orders/reserve", "POST /api/v1/orders/quote"}
"""Operations whose refusals wait as values for their callers, so that only their routes tell of them."""


def all_problems() -> set[type[Problem]]:
    """All problems of the product."""
    list(routes())  # imports what defines them
    importlib.import_module("shared.web.csrf")
    return set(problems())


def declared_of_purchase() -> set[type[Problem]]:
    return {each for route in routes() if f"{route.method} {route.path}" in PURCHASE for each in route.problems}


def told_by(page: Route) -> set[type[Problem]]:
    """The problems that a page may have to tell: those of its handler, and those of the edge around it."""
    handler = page.handler
    raised = raised_by(handler.__module__, handler.__qualname__, told_by="shared.site")
    return {*raised, *openapi.problems_of(page)}


def test_the_problems_of_pages_are_found():
    slugs = {problem.slug for page in app.routes for problem in told_by(page)}
    assert {"wrong-password", "refund-window-closed", "account-in-use", "csrf", "code-invalid"} <= slugs
    assert {"sold-out", "already-reserved", "promo-exhausted"} <= {each.slug for each in declared_of_purchase()}


@pytest.mark.parametrize("page", app.routes, ids=lambda page: f"{page.method} {page.path}")
def test_every_problem_of_a_page_has_words_of_its_own(page: Route):
    assert {problem.slug for problem in told_by(page)} - set(refusals._WORDS) == set()


@pytest.mark.parametrize("action", actions.ALL, ids=lambda action: action.path)
def test_every_problem_of_an_admins_action_has_words_of_its_own(action: Action):
    raised = {each for step in (action.confirm, action.act) for each in raised_by(step.__module__, step.__qualname__)}
    assert {problem.slug for problem in raised} - set(refusals._WORDS) == set()


def test_every_problem_of_a_purchase_has_words_of_its_own():
    assert {problem.slug for problem in declared_of_purchase()} - set(refusals._WORDS) == set()


def test_every_problem_of_the_edge_has_words_of_its_own():
    """The problems of a request before it is known which page it asks for."""
    edge = {each.slug for each in all_problems() if each.__module__ in ("shared.problems", "shared.web.rate_limits")}
    assert edge - set(refusals._WORDS) == {"internal-error"}, "which has a page of its own"


def test_only_problems_that_exist_have_words():
    assert set(refusals._WORDS) - {each.slug for each in all_problems()} == set()


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
