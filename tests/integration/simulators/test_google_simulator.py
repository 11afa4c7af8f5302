"""Google's page at the simulator refuses what Google's own refuses, and names the person who signs in (UM-003)."""

import re
from html import unescape

import jwt
import pytest
import requests

from tests.integration.simulators.conftest import GOOGLE_CLIENT_ID

SIGN_IN = {"email": "Siti.Rahma@example.com", "hosted": "on"}


def asked(base_url: str, **changes: str | None) -> dict[str, str]:
    """The parameters of a sign-in; None leaves one out."""
    usual = {
        "client_id": GOOGLE_CLIENT_ID,
        "redirect_uri": f"{base_url}/login/google",
        "response_type": "id_token",
        "response_mode": "form_post",
        "scope": "openid email profile",
        "nonce": "n-1",
        "state": "where=to go on",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def page(base_url: str, **changes: str | None) -> requests.Response:
    return requests.get(f"{base_url}/simulators/google/o/oauth2/v2/auth", params=asked(base_url, **changes), timeout=10)


def answered(base_url: str, form: dict[str, str], **changes: str | None) -> requests.Response:
    address = f"{base_url}/simulators/google/o/oauth2/v2/auth"
    return requests.post(address, params=asked(base_url, **changes), data=form, timeout=10)


def fields(answer: requests.Response) -> dict[str, str]:
    """The fields that the page posts back."""
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', unescape(answer.text)))


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "somebody-elses"}, 401, "invalid_client"),
        ({"redirect_uri": "https://evil.example/login/google"}, 400, "redirect_uri_mismatch"),
        ({"response_type": "code"}, 400, "unsupported_response_type"),
        ({"nonce": None}, 400, "invalid_request"),
        ({"scope": "email"}, 400, "invalid_scope"),
    ],
)
def test_what_google_refuses_never_comes_back_to_us(
    base_url: str, changes: dict[str, str | None], status: int, error: str
):
    for answer in (page(base_url, **changes), answered(base_url, SIGN_IN, **changes)):
        assert (answer.status_code, "<form" in answer.text) == (status, False)
        assert error in answer.text


def test_the_token_names_the_person_the_client_and_the_nonce(base_url: str):
    answer = fields(answered(base_url, SIGN_IN))
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False}, audience=GOOGLE_CLIENT_ID)
    assert answer["state"] == "where=to go on"
    assert (claims["email"], claims["email_verified"], claims["name"]) == (SIGN_IN["email"], True, "Siti Rahma")
    assert (claims["nonce"], claims["hd"], claims["iss"]) == ("n-1", "example.com", "https://accounts.google.com")
    other = fields(answered(base_url, {"email": "siti.rahma@example.com"}))
    others = jwt.decode(other["id_token"], options={"verify_signature": False}, audience=GOOGLE_CLIENT_ID)
    assert others["sub"] == claims["sub"], "the same address is the same person"
    assert "hd" not in others


def test_google_tells_no_more_than_was_asked_for(base_url: str):
    answer = fields(answered(base_url, SIGN_IN, scope="openid"))
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False}, audience=GOOGLE_CLIENT_ID)
    assert {"email", "name", "hd"} & set(claims) == set()


def test_who_cancels_comes_back_without_a_token(base_url: str):
    assert fields(answered(base_url, {"cancel": "yes"})) == {"state": "where=to go on", "error": "access_denied"}


def test_what_is_no_address_is_asked_for_again(base_url: str):
    assert "bukan alamat e-mail" in answered(base_url, {"email": "siti"}).text
