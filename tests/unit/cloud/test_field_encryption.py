"""Fields sealed against a reader of the database (SEC-002)."""

import pytest

from shared.cloud import secrets
from shared.cloud.field_encryption import (
    FINGERPRINT_KEY,
    KEY,
    DecryptionFailed,
    current_prefix,
    decrypt,
    encrypt,
    fingerprint,
)

NIK = "3174012345678901"


@pytest.fixture(autouse=True)
def _keys():
    secrets.provide({KEY: "first key, random enough", FINGERPRINT_KEY: "another key"})


def test_what_is_sealed_opens_for_its_own_row_only():
    sealed = encrypt(NIK, about="identity_number:1")
    assert decrypt(sealed, about="identity_number:1") == NIK
    assert NIK not in sealed
    with pytest.raises(DecryptionFailed):
        decrypt(sealed, about="identity_number:2")


def test_the_same_text_is_sealed_differently_each_time():
    assert encrypt(NIK, about="x") != encrypt(NIK, about="x")


@pytest.mark.parametrize("place", [5, 20, -3])
def test_a_changed_value_does_not_open(place: int):
    sealed = encrypt(NIK, about="x")
    other = "A" if sealed[place] != "A" else "B"
    with pytest.raises(DecryptionFailed):
        decrypt(sealed[:place] + other + sealed[place:][1:], about="x")


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key():
    old = encrypt(NIK, about="x")
    secrets.provide({KEY: "second key, random enough"}, number="2")
    assert decrypt(old, about="x") == NIK
    new = encrypt(NIK, about="x")
    assert (old[:3], new[:3], current_prefix()) == ("v1.", "v2.", "v2.")
    assert decrypt(new, about="x") == NIK


def test_a_fingerprint_is_the_same_for_equal_texts_of_one_purpose():
    assert fingerprint(NIK, purpose="a") == fingerprint(NIK, purpose="a")
    assert len({fingerprint(NIK, purpose="a"), fingerprint(NIK, purpose="b"), fingerprint("1", purpose="a")}) == 3


def test_a_fingerprint_tells_nothing_without_its_key():
    before = fingerprint(NIK, purpose="a")
    secrets.provide({FINGERPRINT_KEY: "yet another key"})
    assert fingerprint(NIK, purpose="a") != before
