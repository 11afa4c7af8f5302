"""The fields of a registration, and the form in which an address is kept."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.identity.addresses import EmailAddress
from shared.identity.registration import Registration

COMPLETE = {
    "email": "siti@example.com",
    "password": "Rahasia#1",
    "full_name": "Siti Rahma",
    "phone": "+62 812-3456-789",
    "role": "organizer",
    "accept_terms": True,
}


def test_a_complete_registration_is_taken():
    assert Registration.model_validate(COMPLETE).role == "organizer"


@pytest.mark.parametrize(
    "wrong",
    [
        {"accept_terms": False},
        {"role": "admin"},
        {"role": "staff"},
        {"email": "siti"},
        {"full_name": "  "},
        {"full_name": "Siti\nBcc: everybody@example.com"},
        {"phone": "call me"},
        {"is_email_verified": True},
    ],
    ids=str,
)
def test_a_wrong_field_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Registration.model_validate({**COMPLETE, **wrong})


@pytest.mark.parametrize("name", ["accept_terms", "email", "password", "full_name"])
def test_a_missing_field_is_refused(name: str):
    with pytest.raises(ValidationError, match=name):
        Registration.model_validate({key: value for key, value in COMPLETE.items() if key != name})


def test_a_password_is_not_printed():
    assert "Rahasia" not in repr(Registration.model_validate(COMPLETE))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Siti.Rahma+Tiket@Example.COM", "siti.rahma+tiket@example.com"),
        ("siti@müller.example.com", "siti@xn--mller-kva.example.com"),
        ("siti@karcis.test", "siti@karcis.test"),
    ],
)
def test_an_address_is_kept_in_lower_case_and_ascii(given: str, kept: str):
    assert TypeAdapter(EmailAddress).validate_python(given) == kept


@pytest.mark.parametrize("given", ["", "siti", "siti@", "@example.com", "siti@localhost", "Siti <siti@example.com>"])
def test_what_is_no_address_is_refused(given: str):
    with pytest.raises(ValidationError):
        TypeAdapter(EmailAddress).validate_python(given)
