"""A refusal of fields is short, and is words: no regular expression, no name of a checker."""

import json

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.identity.accounts import Phone
from shared.identity.password_sign_in import Credentials
from shared.identity.registration import Registration
from shared.web.requests import MAX_LISTED_ERRORS, refusal
from tests.unit.web.apps import call, echo_function


@pytest.mark.parametrize(("keys", "told"), [(500, MAX_LISTED_ERRORS), (50_000, 1)])
def test_many_mistakes_are_told_in_few_words(keys: int, told: int):
    answer = call(echo_function(), "POST", "/api/v1/measure", json={f"key {n:06}": 1 for n in range(keys)})
    assert (answer.status_code, len(answer.get_json()["errors"])) == (422, told)
    assert len(answer.get_data()) < 20_000


def test_the_name_of_an_unknown_field_is_not_given_back_whole():
    answer = call(echo_function(), "POST", "/api/v1/measure", json={"words": "a", "x" * 900_000: 1})
    assert len(answer.get_data()) < 2_000


@pytest.mark.parametrize("written", [" a@b.example.com", "a@B.example.com\t", "\n a@b.example.com \n"])
def test_an_address_is_trimmed(written: str):
    assert Credentials(email=written, password="x").email == "a@b.example.com"


def test_a_telephone_number_is_trimmed():
    assert TypeAdapter(Phone).validate_python(" +62 812 3456 7890 ") == "+62 812 3456 7890"


@pytest.mark.parametrize(
    ("model", "body", "words"),
    [
        (Credentials, {"email": "no address", "password": "x"}, "is not an e-mail address"),
        (Registration, {"full_name": "Siti\tRahma"}, "must be one line of text, without tabs or line breaks"),
        (Registration, {"phone": "(021) 555-1234"}, "must be a telephone number"),
    ],
)
def test_what_is_wrong_is_said_in_words(model: type[BaseModel], body: dict, words: str):
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(body))
    told = {error["field"]: error["message"] for error in refusal(caught.value).members["errors"]}
    assert told[next(iter(body))].startswith(words)
    assert "Value error" not in str(told)
    assert "pattern" not in str(told)
