"""SendGrid's event webhook: who signed it, and what became of which message (NS-008)."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.sendgrid.events import SIGNATURE_HEADER, TIMESTAMP_HEADER, parse_events, read_events, verify
from tests.mail_events import public_key_text
from tests.unit.gateways.samples import read, sample, sample_id, sample_paths

OFFICIAL = sample("sendgrid", "webhook_signed_single_dropped")
HEADERS, BODY, KEY = OFFICIAL["headers"], OFFICIAL["raw_body"].encode(), OFFICIAL["public_key"]


@pytest.mark.parametrize("path", sample_paths("sendgrid", "webhook_signed_*.json"), ids=sample_id)
def test_the_official_vector_verifies(path: Any) -> None:
    vector = read(path)
    signed_at = datetime.fromtimestamp(int(vector["headers"][TIMESTAMP_HEADER]), UTC)
    (event,) = read_events(vector["headers"], vector["raw_body"].encode(), vector["public_key"], now=signed_at)
    assert event.kind == "dropped"
    assert event.reason == "Bounced Address"
    assert event.message_id == "LRzXl_NHStOGhQ4kofSm_A"
    assert event.at == datetime(2020, 9, 14, 19, 41, 32, tzinfo=UTC)


def test_our_own_signature_verifies() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    body = b'[{"event":"open","email":"a@b.c","timestamp":1}]\r\n'
    signature = base64.b64encode(private.sign(b"1700000000" + body, ec.ECDSA(SHA256()))).decode()
    headers = {SIGNATURE_HEADER.lower(): signature, TIMESTAMP_HEADER.upper(): "1700000000"}
    assert read_events(
        headers, body, public_key_text(private.public_key()), now=datetime.fromtimestamp(1700000000, UTC)
    )


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [
        (timedelta(days=2), True),
        (timedelta(days=2, seconds=1), False),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-5, seconds=-1), False),
    ],
)
def test_what_was_signed_long_ago_or_will_be_is_refused(age: timedelta, is_taken: bool) -> None:  # SEC-005
    now = datetime.fromtimestamp(int(HEADERS[TIMESTAMP_HEADER]), UTC) + age
    if is_taken:
        assert read_events(HEADERS, BODY, KEY, now=now)
    else:
        with pytest.raises(SignatureInvalid):
            read_events(HEADERS, BODY, KEY, now=now)


@pytest.mark.parametrize(
    ("headers", "body", "key"),
    [
        (HEADERS, BODY.rstrip(), KEY),  # the line end is signed too
        (HEADERS, BODY.replace(b"dropped", b"deliver"), KEY),
        (HEADERS | {TIMESTAMP_HEADER: "1600112503"}, BODY, KEY),
        (HEADERS | {SIGNATURE_HEADER: "MEUCIGHQ"}, BODY, KEY),
        (HEADERS | {SIGNATURE_HEADER: "not base64!"}, BODY, KEY),
        ({TIMESTAMP_HEADER: HEADERS[TIMESTAMP_HEADER]}, BODY, KEY),
        ({SIGNATURE_HEADER: HEADERS[SIGNATURE_HEADER]}, BODY, KEY),
        (HEADERS, BODY, ""),
        (HEADERS, BODY, "AAAA"),
        (HEADERS, BODY, public_key_text(ec.generate_private_key(ec.SECP256R1()).public_key())),
        (HEADERS, BODY, public_key_text(ed25519.Ed25519PrivateKey.generate().public_key())),
    ],
    ids=[
        "stripped",
        "changed",
        "other time",
        "other signature",
        "no signature",
        "signature missing",
        "time missing",
        "no key configured",
        "key is none",
        "another key",
        "another kind of key",
    ],
)
def test_anything_else_is_refused(headers: dict[str, str], body: bytes, key: str) -> None:  # SEC-005
    with pytest.raises(SignatureInvalid):
        verify(headers, body, key)


@pytest.mark.parametrize(
    ("pattern", "kinds"),
    [
        ("webhook_batch_open_click", ["open", "click"]),
        ("webhook_batch_processed_deferred_delivered", ["processed", "deferred", "delivered"]),
        ("webhook_test_integration_no_ids", ["processed", "click", "processed"]),
    ],
)
def test_every_published_batch_is_read(pattern: str, kinds: list[str]) -> None:
    for path in sample_paths("sendgrid", f"{pattern}.json"):
        events = parse_events(path.read_bytes())
        assert [event.kind for event in events] == kinds
        assert len({event.event_id for event in events}) == len(events)


def test_an_event_without_id_gets_one_from_its_content() -> None:
    batch = sample("sendgrid", "webhook_test_integration_no_ids")
    again = parse_events(json.dumps(list(reversed(batch))).encode())
    assert {each.event_id for each in parse_events(json.dumps(batch).encode())} == {each.event_id for each in again}
    assert all(event.message_id is None for event in again)


def test_our_arguments_come_back_with_each_event() -> None:
    event = {
        "event": "delivered",
        "email": "siti@example.com",
        "timestamp": 1700000000,
        "category": ["e-ticket", "id"],
        "attempt": "5",
        "karcis_mail_id": "m-1",
    }
    (read_event,) = parse_events(json.dumps([event]).encode())
    assert read_event.custom_args == {"karcis_mail_id": "m-1"}


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'"open"'])
def test_what_is_no_batch_is_unreadable(body: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        parse_events(body)


@pytest.mark.parametrize(
    "entry", [b"1", b'{"event": "open"}', b'{"event":"open","timestamp":"soon"}', b'{"timestamp": 1}', b"[]"]
)
def test_an_entry_that_is_no_event_does_not_cost_the_others(entry: bytes) -> None:
    good = b'{"event":"delivered","email":"a@b.c","timestamp":1}'
    assert [event.kind for event in parse_events(b"[%s,%s]" % (entry, good))] == ["delivered"]


def test_a_block_is_told_from_a_bounce_and_a_machine_from_a_reader() -> None:
    batch = [
        {"event": "bounce", "timestamp": 1, "type": "blocked"},
        {"event": "bounce", "timestamp": 2, "type": "bounce"},
        {"event": "open", "timestamp": 3, "sg_machine_open": True},
        {"event": "open", "timestamp": 4, "sg_machine_open": False},
    ]
    found = parse_events(json.dumps(batch).encode())
    assert [event.is_block for event in found] == [True, False, False, False]
    assert [event.is_by_machine for event in found] == [False, False, True, False]
