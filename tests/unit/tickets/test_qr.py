"""A ticket's QR text says who may enter where, and nobody without the key can make one (TS-015)."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from shared.cloud import secrets
from shared.tickets import qr

CLAIMS = qr.QrContent(UUID(int=7), UUID(int=8), "Siti Rahma")
SIGNED = replace(CLAIMS, revision=3, issued_at=datetime(2026, 8, 17, 10, tzinfo=UTC))
EVERY_GENERATION = pytest.mark.parametrize(
    "claims", [CLAIMS, replace(CLAIMS, revision=2), SIGNED], ids=["K1", "K2", "K3"]
)
SHORT_NAMES = st.text(max_size=8)  # at most 32 bytes of UTF-8
SECONDS = st.integers(0, 2**32 - 1).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
REVISIONS = st.integers(1, 2**16 - 1)
SIGNED_TEXTS = st.builds(qr.QrContent, st.uuids(), st.uuids(), SHORT_NAMES, REVISIONS, SECONDS)
TEXTS = st.builds(qr.QrContent, st.uuids(), st.uuids(), SHORT_NAMES, REVISIONS) | SIGNED_TEXTS


@given(TEXTS)
def test_what_was_encoded_is_read_back(claims):
    assert qr.read(qr.encode(claims)) == claims


@given(
    st.builds(qr.QrContent, st.uuids(), st.uuids(), st.text(max_size=255), REVISIONS, st.none() | SECONDS),
)
def test_a_long_name_is_cut_and_the_code_stays_coarse_enough_to_scan(claims):
    text = qr.encode(claims)
    assert len(text) <= (226 if claims.issued_at else 192)
    read = qr.read(text)
    assert read is not None
    assert claims.attendee_name.startswith(read.attendee_name)
    assert (read.ticket_id, read.event_id) == (claims.ticket_id, claims.event_id)


@EVERY_GENERATION
def test_the_text_fits_the_alphanumeric_mode_of_qr_codes(claims):
    assert set(qr.encode(claims)) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


@EVERY_GENERATION
def test_no_character_can_be_changed(claims):
    text = qr.encode(claims)
    for position, letter in enumerate(text):
        for other in {"A", "B", "7", ".", "a", chr(ord(letter) ^ 1)} - {letter}:
            assert qr.read(text[:position] + other + text[position + 1 :]) is None, position


@given(st.data())
def test_no_part_of_one_ticket_serves_another(data):
    kind = data.draw(st.sampled_from([SIGNED_TEXTS, st.builds(qr.QrContent, st.uuids(), st.uuids(), SHORT_NAMES)]))
    one, other = (qr.encode(data.draw(kind)).split(".") for _ in range(2))
    mixed = [data.draw(st.sampled_from(pair)) for pair in zip(one, other, strict=True)]
    assert mixed in (one, other) or qr.read(".".join(mixed)) is None


@EVERY_GENERATION
def test_nothing_can_be_left_out_or_added(claims):
    text = qr.encode(claims)
    for end in range(len(text)):
        assert qr.read(text[:end]) is None
    for more in ("A", "=", ".", " ", "\n", "\x00"):
        assert qr.read(text + more) is None
        assert qr.read(more + text) is None


@given(st.one_of(st.text(), st.from_regex(r"K[123](\.[A-Z2-7=]*){4,6}", fullmatch=True), st.binary().map(repr)))
def test_anything_else_is_nothing_and_no_error(text):
    assert qr.read(text) is None


@pytest.mark.parametrize("text", ["", "K1", "\ud800", "K1....", "é" * 50, "K1." + "A" * 10_000_000])
def test_odd_texts_are_nothing_and_no_error(text):
    assert qr.read(text) is None


@EVERY_GENERATION
def test_another_key_makes_another_code(claims):
    forged_with = "an attacker's guess"
    genuine = qr.encode(claims)
    secrets.provide({qr.KEY: forged_with, qr.SIGNATURE_KEY: forged_with})
    assert qr.read(genuine) is None
    assert qr.encode(claims) != genuine


def signature_of(text):
    signed, _, signature = text.rpartition(".")
    return signed.encode(), base64.b32decode(signature + "=" * (-len(signature) % 8))


@given(SIGNED_TEXTS)
def test_whoever_has_the_public_key_can_prove_a_signed_code(claims):
    signed, signature = signature_of(qr.encode(claims))
    Ed25519PublicKey.from_public_bytes(qr.public_key()).verify(signature, signed)


@pytest.mark.parametrize("part", range(1, 7), ids=["ticket", "event", "name", "revision", "time", "signature"])
def test_a_signed_code_with_another_part_is_forged(part):
    other = qr.QrContent(UUID(int=9), UUID(int=10), "Budi", 4, datetime(2026, 8, 18, tzinfo=UTC))
    parts = qr.encode(SIGNED).split(".")
    parts[part] = qr.encode(other).split(".")[part]
    forged = ".".join(parts)
    assert qr.read(forged) is None
    signed, signature = signature_of(forged)
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(qr.public_key()).verify(signature, signed)


def test_a_code_that_somebody_else_has_signed_is_forged():
    signed, _, _ = qr.encode(SIGNED).rpartition(".")
    signature = base64.b32encode(Ed25519PrivateKey.generate().sign(signed.encode())).decode().rstrip("=")
    assert qr.read(f"{signed}.{signature}") is None


def test_a_signed_code_tells_when_it_was_issued():
    assert qr.encode(SIGNED).split(".")[5] == base64.b32encode((1_786_960_800).to_bytes(4)).decode().rstrip("=")
