"""UM-005, SEC-015: bcrypt; at least 8 characters with upper, lower, digit, symbol."""

import pytest
from pydantic import BaseModel, ValidationError

from shared.cloud.settings import settings
from shared.identity import passwords


class Choice(BaseModel):
    """Somebody chooses a password."""

    password: passwords.NewPassword


@pytest.mark.parametrize("password", ["Rahasia#1", "Ünik-pass9", "Aa1!" * 18])
def test_a_good_password_is_taken_as_it_is(password: str):
    assert Choice(password=password).password == password


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("Rah#sia", "at least 8 characters, a digit"),
        ("rahasia#1", "an upper-case letter"),
        ("RAHASIA#1", "a lower-case letter"),
        ("Rahasia##", "a digit"),
        ("Rahasia11", "a symbol"),
        ("Rahasia 11", "a symbol"),
        ("Aa1!" * 18 + "x", "at most 72 bytes"),
        ("Aa1!" + "é" * 35, "at most 72 bytes"),
    ],
)
def test_a_weak_or_too_long_password_is_refused_with_what_it_lacks(password: str, complaint: str):
    with pytest.raises(ValidationError, match=complaint):
        Choice(password=password)


def test_a_password_matches_its_own_hash_only():
    kept = passwords.hash_password("Rahasia#1", cost=4)
    assert passwords.matches("Rahasia#1", kept)
    assert not passwords.matches("Rahasia#2", kept)
    assert passwords.hash_password("Rahasia#1", cost=4) != kept


def test_hashes_are_of_cost_12_also_those_that_nobody_has(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BCRYPT_COST")
    settings.cache_clear()
    assert passwords.hash_password("Rahasia#1").startswith("$2b$12$")
    assert passwords._dummy_hash().startswith("$2b$12$")
    monkeypatch.undo()
    settings.cache_clear()


def test_cheaper_hashes_are_refused_in_the_cloud(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("K_SERVICE", "auth")
    for cost in ("11", "4"):
        monkeypatch.setenv("BCRYPT_COST", cost)
        settings.cache_clear()
        with pytest.raises(RuntimeError, match=f"BCRYPT_COST is {cost}; in the cloud it is 12 or more"):
            passwords.hash_password("Rahasia#1")
    monkeypatch.undo()
    settings.cache_clear()


def test_nothing_matches_an_account_without_a_password():
    assert not passwords.matches("Rahasia#1", None)
    assert not passwords.matches("", None)


def test_what_bcrypt_would_cut_off_still_counts():
    longest = "Aa1!" * 18
    kept = passwords.hash_password(longest, cost=4)
    assert passwords.matches(longest, kept)
    assert not passwords.matches(longest + "x", kept)
