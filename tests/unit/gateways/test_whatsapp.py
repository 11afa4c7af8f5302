"""WhatsApp: requests within its limits, refusals by code, signed webhooks with whatever they hold (CHAT-5)."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.gateways.errors import GatewayMisconfigured, GatewayRefused, GatewayUnavailable, SignatureInvalid
from shared.gateways.http import Timeouts
from shared.gateways.whatsapp import errors, messages, webhooks
from shared.gateways.whatsapp.client import WhatsApp
from shared.gateways.whatsapp.errors import RecipientRateLimited, Verdict
from shared.gateways.whatsapp.messages import Choice, Recipient
from shared.gateways.whatsapp.webhooks import (
    AccountNotice,
    DeliveryStatus,
    IdentityChange,
    Message,
    Preference,
    SenderIdentity,
)
from tests.unit.gateways.samples import read, sample, sample_id, sample_paths
from tests.unit.gateways.scripted_server import Reply, ScriptedServer, scripted_server

SECRET = "contoh-app-secret"
NUMBER = "209000000000042"
PHONE = Recipient("6285700000021", "ID.7700000000000021")
FAST = Timeouts(first_wait_seconds=0.001, longest_wait_seconds=0.002, read_seconds=60, total_seconds=90)
ACCEPTED = Reply(200, {"messages": [{"id": "wamid.SGFsbw=="}]})
WEBHOOKS = sample_paths("whatsapp", "webhook_*.json")


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def whatsapp(server: ScriptedServer) -> WhatsApp:
    server.asked.clear()
    return WhatsApp(server.url, "v26.0", NUMBER, "a-token", timeouts=FAST)


def signed(document: Any) -> tuple[dict[str, str], bytes]:
    body = json.dumps(document).encode()
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}, body


def updates(name: str, number: str = NUMBER) -> list[webhooks.Update]:
    headers, body = signed(sample("whatsapp", f"webhook_{name}"))
    return webhooks.read_updates(headers, body, SECRET, phone_number_id=number)


def test_a_number_goes_into_to_with_its_plus_and_a_user_id_into_a_field_of_its_own(server, whatsapp):
    server.will_answer(ACCEPTED)
    for recipient in (PHONE, Recipient(None, "ID.7700000000000023")):
        assert whatsapp.send(recipient, messages.text("Halo"), callback_data="our-id") == "wamid.SGFsbw=="
    by_number, by_id = (asked.body for asked in server.asked)
    assert (by_number["to"], by_number["biz_opaque_callback_data"]) == ("+6285700000021", "our-id")
    assert (by_id["recipient"], "to" in by_id) == ("ID.7700000000000023", False)
    assert server.asked[0].path == f"/v26.0/{NUMBER}/messages"
    with pytest.raises(LookupError, match="recipient"):
        Recipient(None, None).fields()


def test_what_is_too_long_for_a_field_is_cut():
    listed = messages.choice_list("x" * 5000, "b" * 30, [Choice(f"id{n}", "t" * 30, "d" * 90) for n in range(12)])
    section = listed["interactive"]["action"]["sections"][0]
    row = section["rows"][0]
    assert len(section["rows"]) == 10
    assert (len(row["title"]), len(row["description"]), row["title"][-1]) == (24, 72, "…")
    pressed = messages.buttons("x" * 2000, [Choice(str(n), "t" * 30) for n in range(5)])["interactive"]
    assert (len(pressed["body"]["text"]), len(pressed["action"]["buttons"])) == (1024, 3)


@pytest.mark.parametrize("case", sample("whatsapp", "api_errors"), ids=lambda case: case["case"])
def test_the_code_of_an_error_decides_what_follows(case, server, whatsapp):
    server.will_answer(Reply(case["status"], case["body"]))
    raised = {
        "retry": GatewayUnavailable,
        "retry_recipient": RecipientRateLimited,
        "misconfigured": GatewayMisconfigured,
    }.get(case["follows"], GatewayRefused)
    with pytest.raises(raised) as refused:
        whatsapp.send(PHONE, messages.text("Halo"), callback_data="our-id")
    code = case["body"]["error"]["code"]
    assert errors.verdict(code) == Verdict(case["follows"])
    if isinstance(refused.value, GatewayRefused):
        assert refused.value.code == str(code)


def test_only_a_call_that_was_not_taken_is_repeated(server, whatsapp):
    server.will_answer(Reply(400, {"error": {"code": 130429}}), ACCEPTED)
    assert whatsapp.send(PHONE, messages.text("Halo"), callback_data="our-id")
    assert len(server.asked) == 2
    server.will_answer(Reply(500, None))
    with pytest.raises(GatewayUnavailable) as unknown:
        whatsapp.send(PHONE, messages.text("Halo"), callback_data="our-id")
    assert unknown.value.outcome_unknown
    assert len(server.asked) == 3


def test_a_file_is_uploaded_as_a_form(server, whatsapp):
    server.will_answer(Reply(200, {"id": "310000000000001"}))
    assert whatsapp.upload("qris.png", b"\x89PNG", "image/png") == "310000000000001"
    assert server.asked[0].headers["Content-Type"].startswith("multipart/form-data; boundary=")


def test_exactly_the_bytes_that_came_are_verified():
    vector = sample("whatsapp", "signed_vector")
    headers, raw = {"x-hub-signature-256": vector["signature"]}, vector["raw_body"].encode()
    webhooks.verify(headers, raw, vector["app_secret"])
    printed_again = json.dumps(json.loads(raw)).encode()
    for forged, body, secret in (
        (headers, printed_again, SECRET),
        (headers, raw, "another-secret"),
        ({}, raw, SECRET),
        ({"x-hub-signature-256": ""}, raw, ""),
    ):
        with pytest.raises(SignatureInvalid):
            webhooks.verify(forged, body, secret)


def test_the_verification_request_is_answered_with_its_challenge():
    assert webhooks.challenge_answer("subscribe", "word", "1158", "word") == "1158"
    for mode, token, known in (("subscribe", "other", "word"), ("unsubscribe", "word", "word"), ("subscribe", "", "")):
        with pytest.raises(SignatureInvalid):
            webhooks.challenge_answer(mode, token, "1158", known)


@pytest.mark.parametrize("path", WEBHOOKS, ids=sample_id)
def test_every_sample_is_read_or_left_out_and_none_is_refused(path: Path):
    document = read(path)
    if "entry" not in document:
        headers, body, number = document["headers"], document["raw_body"].encode(), "208000000000001"
    else:
        (headers, body), number = signed(document), _number_of(document)
    found = webhooks.read_updates(headers, body, SECRET, phone_number_id=number)
    assert bool(found) == ("dashboard_test" not in path.stem and "other_number" not in path.stem)


def _number_of(document: Any) -> str:
    return "208000000000001" if "628110000001" in json.dumps(document) else NUMBER


def test_a_person_is_known_by_number_and_id_or_by_the_id_alone():
    [bought] = updates("text_purchase")
    assert isinstance(bought, Message)
    assert bought.sender == SenderIdentity("ID.7700000000000021", "6285700000021")
    assert (bought.kind, bought.text, bought.profile_name) == ("text", "buymidtrans viu1b 1", "Dewi Contoh")
    [unnumbered] = updates("text_without_number")
    assert isinstance(unnumbered, Message)
    assert unnumbered.sender == SenderIdentity("ID.7700000000000023", None)


def test_each_type_of_message_is_known_for_what_it_is():
    kinds = [update.kind for update in updates("other_types") if isinstance(update, Message)]
    others = ["unsupported", "unsupported"]
    assert kinds == ["image", *others, "ignored", "unsupported", "cart", *others]
    cart = updates("other_types")[5]
    assert isinstance(cart, Message)
    assert (cart.choice, cart.quantity) == ("KELAS-A", 2)
    chosen = [update.choice for update in updates("replies") if isinstance(update, Message)]
    assert chosen == ["pay:3", "tier:K7M2QP", "menu", ""]
    assert {update.kind for update in updates("edit_and_revoke") if isinstance(update, Message)} == {"ignored"}


def test_only_a_number_that_we_asked_for_is_the_senders_own():
    own, strangers = updates("contacts")
    assert isinstance(own, Message)
    assert isinstance(strangers, Message)
    assert (own.own_phone, strangers.own_phone) == ("6285700000023", None)


def test_statuses_identities_preferences_and_notices_are_read():
    told = [(each.status, each.error_code) for each in updates("statuses") if isinstance(each, DeliveryStatus)]
    assert told == [("delivered", None), ("sent", None), ("read", None), ("failed", 131047), ("failed", 131026)]
    changes = updates("identity_changes")
    assert all(isinstance(each, IdentityChange) for each in changes)
    assert changes[2] == IdentityChange(
        SenderIdentity("ID.7700000000000021", None),
        SenderIdentity("ID.7700000000000031", "6285700000031"),
        datetime.fromtimestamp(1796002002, UTC),
    )
    [wish] = updates("preferences")
    assert isinstance(wish, Preference)
    assert not wish.wants_messages
    bad = [each.is_bad for each in updates("account_events") if isinstance(each, AccountNotice)]
    assert bad == [True, False, True, True]


def test_what_cannot_be_read_is_left_out_and_the_rest_is_not():
    document = sample("whatsapp", "webhook_text_purchase")
    value = document["entry"][0]["changes"][0]["value"]
    good = value["messages"][0]
    broken = [{}, "text", {**good, "timestamp": "soon"}, {**good, "from": "x", "from_user_id": 7}, None]
    value["messages"] = [*broken, good]
    document["entry"] = [None, 7, {"changes": "none"}, {"changes": [{"value": []}]}, *document["entry"]]
    headers, body = signed(document)
    [found] = webhooks.read_updates(headers, body, SECRET, phone_number_id=NUMBER)
    assert isinstance(found, Message)
    assert found.text == "buymidtrans viu1b 1"


@pytest.mark.parametrize(
    ("field", "value", "is_bad"),
    [
        ("phone_number_quality_update", {"event": "FLAGGED", "current_limit": "TIER_2K"}, True),
        ("phone_number_quality_update", {"event": "UNFLAGGED"}, False),
        ("account_update", {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SPAM"}}, True),
        ("account_update", {"event": "VERIFIED_ACCOUNT"}, False),
        ("account_alerts", {"alert_info": {"alert_severity": "CRITICAL"}}, True),
        ("account_alerts", {"alert_severity": "INFORMATIONAL"}, False),
        ("account_alerts", {"alert_info": "none"}, False),
        ("message_template_quality_update", {"new_quality_score": "RED"}, True),
        ("template_category_update", {"new_category": "MARKETING"}, True),
        ("template_category_update", {"new_category": "UTILITY"}, False),
    ],
)
def test_what_a_person_has_to_look_at_is_told_apart(field: str, value: dict[str, object], is_bad: bool):
    changes = [{"field": field, "value": value}]
    body = json.dumps({"entry": [{"id": "198", "changes": changes}]}).encode()
    headers = {"X-Hub-Signature-256": "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()}
    told = webhooks.read_updates(headers, body, "secret", phone_number_id="208")
    assert [each.is_bad for each in told if isinstance(each, AccountNotice)] == [is_bad]
