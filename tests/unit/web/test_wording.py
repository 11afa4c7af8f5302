"""Every field of the API tells what is wrong with it in words for people, in English and in Indonesian."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.models import Query
from shared.sentences import Sentence
from shared.web import wording
from shared.web.requests import refusal
from tests.sources import nodes
from tests.unit.web.apps import call, echo_function
from tests.unit.web.models import fields, load, request_models

ROOT = Path(__file__).parents[3]
JARGON = (
    "Input should",
    "String should",
    "Value error",
    "pattern",
    "Field required",
    "Extra inputs",
    "^",
    "\\",
    "[",
    "'",
)
FOR_PROGRAMMERS = {"shared/cloud/storage.py", "shared/web/cors.py"}
"""The files whose ValueError is about our own settings or code, and which no caller sees."""


PLACES = {"ValueError": 0, "Sentence": 0, "Invalid.field": 1, "PromoInvalid.because": 0}
"""The position of the text in these calls."""


def wrong_values(field: dict[str, Any]) -> Iterator[Any]:
    """A value against each constraint of a field."""
    yield {}
    if not field["nullable"]:
        yield None
    kind = field.get("type")
    if "enum" in field or "const" in field:
        yield "nonesuch"
    if kind == "integer":
        yield from ("x", 1.5, 10**30, field.get("minimum", 0) - 1, field.get("maximum", 10**30) + 1)
    if kind == "boolean":
        yield from ("perhaps", 7, False)
    if kind == "string":
        yield from wrong_texts(field)
    if kind == "array":
        yield from ("x", [], [7], [{}], ["nonesuch"], [{}] * (field.get("maxItems", 0) + 1))


def wrong_texts(field: dict[str, Any]) -> Iterator[Any]:
    """A text, or what is none, against each constraint of a field."""
    yield from (7, "", "\u200b", "a\tb", "\x7f", "https://evil.example", "x" * (field.get("maxLength", 100_000) + 1))
    if field.get("format") == "date-time":
        yield from ("2026-01-01", "2026-13-01", "2026-01-01T00:00:00", "1826-01-01T00:00:00Z", "x", "")
    if "minLength" in field:
        yield "x" * (field["minLength"] - 1)


def refused(model: type[BaseModel], given: dict[str, Any]) -> list[str]:
    """The messages of the refusal; none where it is accepted."""
    if issubclass(model, Query):
        given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    try:
        load(model, given, json.dumps(given))
    except ValidationError as error:
        return [each["message"] for each in refusal(error).members["errors"]]
    return []


@pytest.mark.parametrize("model", request_models(), ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_every_constraint_of_every_field_is_refused_in_words_of_both_languages(model: type[BaseModel]):
    told = [*refused(model, {}), *refused(model, {"no such field": 1})]
    assert "is not known here; leave it out" in told
    for name, field in fields(model):
        by_field = [message for value in wrong_values(field) for message in refused(model, {name: value})]
        assert by_field, f"nothing is wrong for {name}"
        told += by_field
    for message in set(told):
        indonesian = wording.translate(message, "id")
        assert message != wording.INVALID_FORMAT
        assert indonesian != message
        for words in (message, indonesian):
            assert words
            assert not [sign for sign in JARGON if sign in words.replace("bank's", "")]


def said() -> Iterator[tuple[str, ast.expr]]:
    """Every text that our code refuses a field with: of a ValueError, Invalid.field, PromoInvalid.because, `errors`."""
    for folder in ("shared", "functions"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            where = path.relative_to(ROOT).as_posix()
            if where in FOR_PROGRAMMERS:
                continue
            for node in nodes(path):
                for text in texts(node):
                    yield f"{where}:{text.lineno}", text


def texts(node: ast.AST) -> list[ast.expr]:
    """The texts for people of a call or a dict."""
    if isinstance(node, ast.Call):
        place = {"ValueError": 0, "Sentence": 0, "Invalid.field": 1, "PromoInvalid.because": 0}.get(
            ast.unparse(node.func)
        )
        return node.args[place : place + 1] if place is not None else []
    if isinstance(node, ast.Dict) and [ast.unparse(key) for key in node.keys if key] == ["'field'", "'message'"]:
        return [node.values[1]]
    return []


def test_every_sentence_of_ours_about_a_field_has_an_indonesian_twin():
    found = list(said())
    assert len(found) > 60
    for where, text in found:
        if isinstance(text, ast.Constant):
            assert text.value in wording.INDONESIAN, where
        else:  # a name of one, or one with values: Sentence(...), which is looked at itself
            assert not isinstance(text, ast.JoinedStr | ast.BinOp), f"{where}: use Sentence"


@pytest.mark.parametrize("template", [*wording.BY_TYPE.values(), *wording.BY_PATTERN.values()])
def test_every_sentence_about_a_type_or_pattern_has_an_indonesian_twin(template: str):
    assert wording.INDONESIAN[template]


@pytest.mark.parametrize(("english", "indonesian"), wording.INDONESIAN.items())
def test_twins_carry_the_same_values(english: str, indonesian: str):
    assert placeholders(english) == placeholders(indonesian)


def placeholders(template: str) -> list[str]:
    return sorted(part.partition("}")[0] for part in template.split("{")[1:])


def test_limits_are_told_with_their_units():
    english = Sentence("may be at most {limit}", limit=10_000_000)
    assert (english, wording.translate(english, "id")) == ("may be at most 10,000,000", "maksimal 10.000.000")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (None, "is missing"),
        ("en-GB,en;q=0.9", "is missing"),
        ("fr", "is missing"),
        ("id", "wajib diisi"),
        ("id-ID,id;q=0.9,en-US;q=0.8", "wajib diisi"),
        ("in-ID", "wajib diisi"),
        ("en;q=0.5, id;q=0.7", "wajib diisi"),
        ("\xff;;q=", "is missing"),
    ],
)
def test_the_caller_chooses_the_language(wanted: str | None, words: str):
    headers = {"Accept-Language": wanted} if wanted else {}
    answer = call(echo_function(), "POST", "/api/v1/measure", json={}, headers=headers)
    assert (answer.status_code, answer.get_json()["errors"]) == (422, [{"field": "words", "message": words}])
    assert ("Beberapa" in answer.get_json()["detail"]) == (words == "wajib diisi")
