"""A ticket's QR text says who may enter where, and nobody without the key can make one (TS-015)."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cloud import secrets
from shared.tickets import qr

CLAIMS = qr.QrContent(UUID(int=7), UUID(int=8), "Siti Rahma")
SHORT_NAMES = st.text(max_size=16)  # at most 64 bytes of UTF-8
TEXTS = st.builds(qr.QrContent, st.uuids(), st.uuids(), SHORT_NAMES)


@given(TEXTS)
def test_what_was_encoded_is_read_back(claims):
    assert qr.read(qr.encode(claims)) == claims


@given(st.builds(qr.QrContent, st.uuids(), st.uuids(), st.text(max_size=255)))
def test_a_long_name_is_cut_and_the_code_stays_coarse_enough_to_scan(claims):
    text = qr.encode(claims)
    assert len(text) <= 187
    read = qr.read(text)
    assert read is not None
    assert claims.attendee_name.startswith(read.attendee_name)
    assert (read.ticket_id, read.event_id) == (claims.ticket_id, claims.event_id)


def test_the_text_fits_the_alphanumeric_mode_of_qr_codes():
    assert set(qr.encode(CLAIMS)) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


def test_no_character_can_be_changed():
    text = qr.encode(CLAIMS)
    for position, letter in enumerate(text):
        for other in {"A", "B", "7", ".", "a", chr(ord(letter) ^ 1)} - {letter}:
            assert qr.read(text[:position] + other + text[position + 1 :]) is None, position


@given(st.data())
def test_no_part_of_one_ticket_serves_another(data):
    one, other = (qr.encode(data.draw(TEXTS)).split(".") for _ in range(2))
    mixed = [data.draw(st.sampled_from(pair)) for pair in zip(one, other, strict=True)]
    assert mixed in (one, other) or qr.read(".".join(mixed)) is None


def test_nothing_can_be_left_out_or_added():
    text = qr.encode(CLAIMS)
    for end in range(len(text)):
        assert qr.read(text[:end]) is None
    for more in ("A", "=", ".", " ", "\n", "\x00"):
        assert qr.read(text + more) is None
        assert qr.read(more + text) is None


@given(st.one_of(st.text(), st.from_regex(r"K1(\.[A-Z2-7=]*){4}", fullmatch=True), st.binary().map(repr)))
def test_anything_else_is_nothing_and_no_error(text):
    assert qr.read(text) is None


@pytest.mark.parametrize("text", ["", "K1", "\ud800", "K1....", "é" * 50, "K1." + "A" * 10_000_000])
def test_odd_texts_are_nothing_and_no_error(text):
    assert qr.read(text) is None


def test_another_key_makes_another_code():
    forged_with = "an attacker's guess"
    genuine = qr.encode(CLAIMS)
    secrets.provide({qr.KEY: forged_with})
    assert qr.read(genuine) is None
    assert qr.encode(CLAIMS) != genuine
