"""UM-003: a Google ID token is believed only if everything about it is right (docs/reference/gateways.md)."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from shared.cloud.settings import settings
from shared.identity.google_tokens import (
    MAX_AGE_SECONDS,
    GoogleIdentity,
    GoogleSignInOff,
    GoogleTokenInvalid,
    verify,
)
from shared.problems import TryAgain
from tests.integration.identity.google_double import OTHER_CLIENT_ID, Google, SigningKey
from tests.unit.gateways.scripted_server import HANG_UP, Reply
from tests.waiting import until


def is_believed(token: str, nonce: str | None = None) -> bool:
    """True if a token says who somebody is."""
    try:
        return bool(verify(token, nonce))
    except GoogleTokenInvalid:
        return False


def test_a_right_token_says_who_somebody_is(google: Google):
    assert verify(google.token(email="Siti.Rahma@Gmail.com"), None) == GoogleIdentity(
        subject="110169484474386276334", email="siti.rahma@gmail.com", full_name="Siti Rahma", owns_address=True
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "accounts.google.com"},
        {"aud": OTHER_CLIENT_ID},
    ],
    ids=["the older issuer", "another client of ours"],
)
def test_what_google_may_vary_is_believed_too(google: Google, claims: dict[str, Any]):
    assert is_believed(google.token(**claims))


@pytest.mark.parametrize(
    ("claim", "seconds_from_now", "believed"),
    [("exp", -3, True), ("exp", -60, False), ("iat", 5, True), ("iat", 120, False)],
)
def test_the_clocks_may_differ_by_a_few_seconds(google: Google, claim: str, seconds_from_now: int, believed: bool):
    assert is_believed(google.token(**{claim: int(time.time()) + seconds_from_now})) is believed


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody-else.apps.googleusercontent.com"},
        {"aud": None},
        {"iss": "https://accounts.example.com"},
        {"iss": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": None},
        {"email": "nobody"},
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(google: Google, claims: dict[str, Any]):
    assert not is_believed(google.token(**claims))


def test_another_algorithm_is_refused(google: Google):
    public = google.key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # An HMAC keyed with the public key: the classic forgery, which jwt itself won't make from a PEM.
    assert not is_believed(google.token(algorithm="HS256", key=public.replace(b"-", b"=")))
    assert not is_believed(google.token(algorithm="RS512"))
    assert not is_believed(jwt.encode(dict(google.claims()), "", algorithm="none", headers={"kid": google.key.id}))


def test_a_key_that_is_not_googles_is_refused(google: Google):
    strangers = SigningKey("stranger")
    assert not is_believed(google.token(key=strangers.private))
    assert not is_believed(google.token(key=strangers.private, kid=strangers.id))


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "e30.e30."])
def test_what_is_no_token_is_refused(google: Google, token: str):
    assert not is_believed(token)


def test_the_nonce_must_be_the_one_that_was_sent(google: Google):
    assert is_believed(google.token(nonce="n-1"), "n-1")
    assert not is_believed(google.token(nonce="n-2"), "n-1")
    assert not is_believed(google.token(), "n-1")
    assert not is_believed(google.token(nonce="n-1")), "nor may it be left out"
    assert is_believed(google.token())


@pytest.mark.parametrize("nonce", ["\ud83c", "é", "..", 7, ["n-1"]])
def test_an_odd_nonce_is_refused(google: Google, nonce: Any):
    assert not is_believed(google.token(nonce=nonce))


def test_a_token_that_no_cookie_binds_must_be_fresh(google: Google):
    now = int(time.time())
    assert is_believed(google.token(iat=now - MAX_AGE_SECONDS + 60))
    assert not is_believed(google.token(iat=now - MAX_AGE_SECONDS - 60)), "though it is good for an hour"


def test_keys_are_fetched_once_while_they_are_fresh(google: Google):
    for _ in range(3):
        assert is_believed(google.token())
    assert len(google.server.asked) == 1


@pytest.mark.parametrize("stale", [{"cache_control": "no-store"}, {"age": "3600"}], ids=["no-store", "aged on the way"])
def test_stale_keys_are_fetched_anew(google: Google, stale: dict[str, str]):
    google.publish(google.key, **stale)
    for _ in range(2):
        assert is_believed(google.token())
    assert len(google.server.asked) == 2


def test_a_new_key_of_googles_is_found_before_the_old_ones_are_stale(google: Google):
    assert is_believed(google.token())
    google.publish(SigningKey("second"))
    until(lambda: is_believed(google.token()))


def test_made_up_key_ids_do_not_flood_google(google: Google):
    assert is_believed(google.token())
    for number in range(20):
        assert not is_believed(google.token(kid=f"made-up-{number}"))
    assert len(google.server.asked) <= 5


@pytest.mark.parametrize("reply", [Reply(503), HANG_UP, Reply(body={"first": "no certificate"}), Reply(body=[])])
def test_without_googles_keys_people_are_asked_to_come_back(google: Google, reply: Reply):
    google.server.will_answer(reply)
    with pytest.raises(TryAgain):
        verify(google.token(), None)


def test_without_client_ids_the_endpoint_is_closed(google: Google, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GOOGLE_CLIENT_IDS", " ")
    settings.cache_clear()
    with pytest.raises(GoogleSignInOff):
        verify(google.token(), None)


@pytest.mark.parametrize(
    ("claims", "owns"),
    [
        ({"email": "siti@gmail.com"}, True),
        ({"email": "siti@karcis.example", "hd": "karcis.example"}, True),
        ({"email": "siti@example.com"}, False),
        ({"email": "siti@notgmail.com"}, False),
    ],
    ids=str,
)
def test_google_speaks_for_the_mailboxes_it_runs(google: Google, claims: dict[str, str], owns: bool):
    assert verify(google.token(**claims), None).owns_address is owns


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Siti\r\nBcc: Rahma", "Siti Bcc: Rahma"),
        ("Bcc: all@example.com", "siti.rahma"),
        (None, "siti.rahma"),
        ("a" * 300, "a" * 255),
    ],
    ids=["lines", "an address", "none", "long"],
)
def test_a_name_is_one_line(google: Google, given: str | None, kept: str):
    assert verify(google.token(name=given), None).full_name == kept
