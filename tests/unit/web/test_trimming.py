"""Whitespace and invisible characters around what people type or paste are no reason for a refusal, in any field."""

from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, create_model

from shared.identity.code_sign_in import SignInProof
from shared.identity.codes import Code, ResetCode
from shared.identity.freeze_links import FreezeLink
from shared.payouts.bank_accounts import BankAccountBody
from shared.sales.identity_numbers import normalize
from tests.unit.web.models import fields, request_models

KEPT_AS_TYPED = {"password", "new_password", "current_password"}
"""Spaces are part of a password."""
AROUND = [
    "  {} ",
    "\t{}\n",
    "\r\n{}\r\n",
    "\u00a0{}\u00a0",
    "\ufeff{}\u200b",
    "\u200b \u2060{}\u3000\u200e",
    "\u202a{}\u202c",
]
EXAMPLES = {
    "email": "siti@example.com",
    **dict.fromkeys(("password", "new_password", "current_password"), "Rahasia-123"),
    "phone": "+62 812 3456 7890",
    "code": "123456",
    "second_factor": "123456",
    "token": "0123456789abcdef" * 4,
    "account_number": "1234567890",
    "identity_number": "A1234567",
    "timezone": "Asia/Jakarta",
}
"""By the names of fields; `abc` is good for the others."""
OF_MODELS = {(FreezeLink, "token"): "0123456789ab" * 6, (SignInProof, "code"): "12345678"}
TEXTS = [
    (model, name)
    for model in request_models()
    for name, field in fields(model)
    if field.get("type") == "string" and not {"enum", "const"} & field.keys() and field.get("format") in (None, "email")
]


def alone(model: type[BaseModel], name: str) -> type[BaseModel]:
    """A model of that field only: what its annotation says, and its own validators."""
    declared = next(field for key, field in model.model_fields.items() if name in (key, field.alias))
    return create_model("Alone", __config__=model.model_config, text=(declared.rebuild_annotation(), ...))


def taken(model: type[BaseModel], name: str, text: str) -> Any:
    """The field's value for a text."""
    return alone(model, name)(text=text).text  # type: ignore[attr-defined]


@pytest.mark.parametrize(("model", "name"), TEXTS, ids=lambda part: getattr(part, "__name__", part))
def test_every_text_may_have_something_around_it(model: type[BaseModel], name: str):
    example = OF_MODELS.get((model, name)) or EXAMPLES.get(name, "abc")
    as_it_is = taken(model, name, example)
    for around in AROUND:
        given = taken(model, name, around.format(example))
        assert given == (around.format(example) if name in KEPT_AS_TYPED else as_it_is)


def test_all_names_that_are_kept_as_typed_are_passwords():
    assert {name for _, name in TEXTS} >= KEPT_AS_TYPED
    assert len(TEXTS) > 50


@pytest.mark.parametrize("typed", ["123 456", "123-456", " 123\u00a0456 ", "12 34 56"])
def test_a_code_may_be_typed_in_groups(typed: str):
    assert TypeAdapter(Code).validate_python(typed) == "123456"


def test_a_code_for_a_new_password_is_trimmed():
    assert TypeAdapter(ResetCode).validate_python("\u200b abcde\u00a0fghjk-\u00a0") == "ABCDEFGHJK"


@pytest.mark.parametrize("typed", ["123-456-7890", "123 456 7890", "123.456.7890", "\u00a0123\u2013456\u20117890 "])
def test_an_account_number_may_be_typed_as_it_is_printed(typed: str):
    account = BankAccountBody(bank_code="BCA", account_number=typed, account_holder_name="Siti Rahma")
    assert account.account_number == "1234567890"


@pytest.mark.parametrize("typed", [" A 1234567 ", "A\u200b1234567", "a-1234567\ufeff"])
def test_an_identity_number_may_be_typed_as_it_is_printed(typed: str):
    assert normalize(typed) == "A1234567"
