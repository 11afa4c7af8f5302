"""SendGrid: one message out, and what it makes of each answer."""

import base64
import json
from pathlib import Path

import pytest

from shared.gateways.errors import (
    GatewayError,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    PayloadUnreadable,
)
from shared.gateways.http import Timeouts
from shared.gateways.sendgrid.client import Attachment, Mail, Sender, SendGrid, send_request
from tests.unit.gateways.samples import read, sample, sample_id, sample_paths
from tests.unit.gateways.scripted_server import HANG, Reply, ScriptedServer

SENDER = Sender("tiket@karcis.example", "Karcis")
MAIL = Mail(
    to="siti@example.com",
    subject="Tiket Anda",
    text="Halo",
    html="<p>Halo</p>",
    attachments=[Attachment("tiket.pdf", "application/pdf", b"%PDF-1.7")],
    custom_args={"karcis_mail_id": "m-1"},
    categories=["e-ticket"],
    headers={"List-Unsubscribe": "<https://karcis.example/u>"},
)

ERRORS = {
    # file: HTTP status, what it is to us, code
    "mail_send_error_400_generic": (400, GatewayRefused, "400"),
    "mail_send_error_400_custom_args_type": (400, GatewayRefused, "custom_args"),
    "mail_send_error_401_bad_key": (401, GatewayMisconfigured, "401"),
    "mail_send_error_403_sender_identity": (403, GatewayMisconfigured, "from"),
    "mail_send_error_413": (413, GatewayRefused, "413"),
}


@pytest.fixture
def sendgrid(server: ScriptedServer, impatient: Timeouts) -> SendGrid:
    return SendGrid(server.url, "SG.test", SENDER, timeouts=impatient)


def test_a_message_goes_out_in_full(sendgrid: SendGrid, server: ScriptedServer) -> None:
    accepted = sample("sendgrid", "mail_send_202")
    server.will_answer(Reply(202, headers=accepted["headers"]))
    assert sendgrid.send(MAIL) == "LRzXl_NHStOGhQ4kofSm_A"
    (request,) = server.asked
    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    assert request.headers["Authorization"] == "Bearer SG.test"
    assert request.body == {
        "personalizations": [{"to": [{"email": "siti@example.com"}], "custom_args": {"karcis_mail_id": "m-1"}}],
        "from": {"email": "tiket@karcis.example", "name": "Karcis"},
        "subject": "Tiket Anda",
        "content": [{"type": "text/plain", "value": "Halo"}, {"type": "text/html", "value": "<p>Halo</p>"}],
        "categories": ["e-ticket"],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": True},
        },
        "attachments": [
            {
                "content": base64.b64encode(b"%PDF-1.7").decode(),
                "filename": "tiket.pdf",
                "type": "application/pdf",
                "disposition": "attachment",
            }
        ],
        "headers": {"List-Unsubscribe": "<https://karcis.example/u>"},
    }


def test_every_field_sent_is_one_that_sendgrid_documents() -> None:
    documented = {**sample("sendgrid", "mail_send_request_docs"), **sample("sendgrid", "mail_send_request_full_sdk")}
    assert set(send_request(MAIL, SENDER)) <= set(documented)


@pytest.mark.parametrize("path", sample_paths("sendgrid", "mail_send_error_*.json"), ids=sample_id)
def test_every_published_error_is_one_of_ours(path: Path, sendgrid: SendGrid, server: ScriptedServer) -> None:
    status, kind, code = ERRORS[path.stem]
    server.will_answer(Reply(status, read(path)))
    with pytest.raises(GatewayError) as error:
        sendgrid.send(MAIL)
    assert type(error.value) is kind
    assert getattr(error.value, "code", None) == code


@pytest.mark.parametrize("status", [401, 403])
def test_a_used_up_quota_is_no_wrong_key(sendgrid: SendGrid, server: ScriptedServer, status: int) -> None:
    server.will_answer(Reply(status, {"errors": [{"message": "Maximum credits exceeded", "field": None}]}))
    with pytest.raises(GatewayUnavailable) as error:
        sendgrid.send(MAIL)
    assert not error.value.outcome_unknown


@pytest.mark.parametrize("trouble", [Reply(500), HANG], ids=["5xx", "time-out"])
def test_a_message_that_may_have_gone_out_is_not_sent_again(
    sendgrid: SendGrid, server: ScriptedServer, trouble: Reply
) -> None:
    server.will_answer(trouble)
    with pytest.raises(GatewayUnavailable) as error:
        sendgrid.send(MAIL)
    assert error.value.outcome_unknown
    assert len(server.asked) == 1


def test_too_many_messages_are_sent_a_little_later(sendgrid: SendGrid, server: ScriptedServer) -> None:
    server.will_answer(Reply(429), Reply(202, headers={"X-Message-Id": "m"}))
    assert sendgrid.send(MAIL) == "m"


def test_acceptance_without_an_id_is_unreadable(sendgrid: SendGrid, server: ScriptedServer) -> None:
    server.will_answer(Reply(202))
    with pytest.raises(PayloadUnreadable):
        sendgrid.send(MAIL)


def test_a_message_is_what_json_can_carry() -> None:
    assert json.loads(json.dumps(send_request(MAIL, SENDER))) == send_request(MAIL, SENDER)


@pytest.mark.parametrize("body", [None, {"error_code": "SERVER_ERROR"}])
def test_a_page_that_says_200_is_no_acceptance(sendgrid: SendGrid, server: ScriptedServer, body: object) -> None:
    server.will_answer(Reply(200, body))
    with pytest.raises(GatewayUnavailable) as error:
        sendgrid.send(MAIL)
    assert error.value.outcome_unknown
