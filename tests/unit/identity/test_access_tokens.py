"""UM-004: an access token is believed for its signature, audience, issuer and time, and for nothing else."""

import base64
import json
import time
from typing import Any
from uuid import UUID

import jwt
import pytest

from shared.cloud import secrets
from shared.identity import tokens
from shared.identity.tokens import Principal, access_token, principal_of

SECRET = "unit-only-jwt-signing-key-of-enough-length-also-for-a-longer-digest-than-ours"
BUYER = UUID(int=1)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_cache", {})
    secrets.provide({tokens.KEY: SECRET})


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    ours = {"iss": tokens.ISSUER, "aud": tokens.AUDIENCE, "sub": str(BUYER), "role": "customer", "exp": now + 9000}
    return {**ours, **changed}


def encoded(segment: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(segment).encode()).rstrip(b"=").decode()


def test_what_is_issued_is_read_again():
    token = access_token(BUYER, "organizer", UUID(int=2), UUID(int=3), auth_time=7)
    principal = principal_of(token)
    assert principal == Principal(BUYER, "organizer", UUID(int=2))
    assert principal
    assert (principal.session_id, principal.auth_time) == (UUID(int=3), 7)
    assert jwt.decode(token, SECRET, algorithms=["HS256"], audience=tokens.AUDIENCE)["sub"] == str(BUYER)


def test_a_claim_that_an_older_release_left_out_is_none():
    assert principal_of(jwt.encode(claims(), SECRET, "HS256")) == Principal(BUYER, "customer", None)


@pytest.mark.parametrize(
    "wrong", [{"iss": "others"}, {"aud": "karcis-second-factor"}, {"aud": ["karcis-api"]}, {"exp": 1}]
)
def test_a_token_for_something_else_or_another_time_is_not_believed(wrong: dict[str, Any]):
    assert principal_of(jwt.encode(claims(**wrong), SECRET, "HS256")) is None


@pytest.mark.parametrize("header", [{"alg": "none", "typ": "JWT"}, {"alg": "HS512", "typ": "JWT"}, {"alg": "HS256"}])
def test_a_token_does_not_choose_its_algorithm(header: dict[str, Any]):
    assert principal_of(f"{encoded(header)}.{encoded(claims())}.") is None
    assert principal_of(jwt.encode(claims(), SECRET, "HS512")) is None


def test_the_key_of_somebody_else_signs_nothing():
    assert principal_of(jwt.encode(claims(), SECRET[::-1], "HS256")) is None


def test_no_letter_of_a_token_can_be_changed():
    token = access_token(BUYER, "customer", None)
    for at, letter in enumerate(token[:-1]):  # the last one has bits that mean nothing
        changed = token[:at] + ("A" if letter != "A" else "B") + token[at + 1 :]
        assert principal_of(changed) is None, at


@pytest.mark.parametrize("text", ["", ".", "..", "a", "a.b", "a.b.c", "é.ü.ß", "." * 1000, "\udcff.a.b"])
def test_what_is_no_token_is_nobody(text: str):
    assert principal_of(text) is None
