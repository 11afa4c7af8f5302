"""The local platform checks who calls what is not public, and removes the signature, as Cloud Run does (SEC-011)."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.test import Client

from functions.manifest import manifest
from infra.local import invoker_check
from shared.cloud.settings import function_url, settings
from shared.gateways import google_keys

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EXPIRE, RESERVE = manifest().functions["expire"], manifest().functions["reserve"]


def arrived(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A function that answers with the token it was given."""
    start_response("200 OK", [])
    return [environ.get("HTTP_AUTHORIZATION", "nothing").encode()]


def token(key: rsa.RSAPrivateKey = KEY, **changed: Any) -> str:
    """A token of the invoker for the function `expire`."""
    usual = {"iss": "https://accounts.google.com", "aud": function_url("expire"), "exp": int(time.time()) + 3600}
    return jwt.encode(usual | {"email": settings().invoker} | changed, key, algorithm="RS256", headers={"kid": "1"})


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The platform's key."""
    monkeypatch.setenv("LOCAL_CLOUD_URL", "http://cloud.example")
    monkeypatch.setattr(google_keys, "public_key", lambda url, key_id: KEY.public_key() if key_id == "1" else None)
    return


def called(function: Any, authorization: str | None) -> tuple[int, str]:
    """The status and body of a call."""
    headers = {"Authorization": authorization} if authorization else {}
    answer = Client(invoker_check.behind_iam(function, arrived)).get("/", headers=headers)
    return answer.status_code, answer.get_data(as_text=True)


def test_the_invoker_is_let_in_and_its_signature_stays_outside():
    signed = token()
    status, seen = called(EXPIRE, f"Bearer {signed}")
    assert (status, seen) == (200, f"Bearer {signed.rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 403),
        ("Basic eDp5", 403),
        ("Bearer x", 401),
        (f"Bearer {token(OTHER_KEY)}", 401),
        (f"Bearer {token().rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE", 401),
        (f"Bearer {token(aud='https://another.example')}", 401),
        (f"Bearer {token(exp=1)}", 401),
        (f"Bearer {token(email='somebody@example.com')}", 403),
    ],
    ids=range(8),
)
def test_others_are_refused_and_the_function_hears_nothing(authorization: str | None, status: int):
    assert called(EXPIRE, authorization) == (status, "Forbidden")


@pytest.mark.parametrize("authorization", [None, "Bearer x"])
def test_a_public_function_is_reached_by_everybody(authorization: str | None):
    assert called(RESERVE, authorization) == (200, authorization or "nothing")
