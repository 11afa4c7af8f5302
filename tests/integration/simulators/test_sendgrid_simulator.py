"""SendGrid from end to end: our client, the inbox that shows what was sent, and signed events."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import requests

from shared.gateways.errors import GatewayMisconfigured, GatewayRefused, GatewayUnavailable
from shared.gateways.sendgrid import events as sendgrid_events
from shared.gateways.sendgrid.client import Attachment, Mail, Sender, SendGrid
from shared.gateways.sendgrid.events import MailEvent
from tests.integration.simulators.world import Payer, Receiver


@pytest.fixture
def reader() -> str:
    return f"siti-{uuid4().hex[:8]}@example.com"


def mail(reader: str, **changes: Any) -> Mail:
    wanted: dict[str, Any] = {
        "to": reader,
        "subject": "Tiket Anda – Jazz Malam",
        "text": "Terlampir",
        "html": "<p>Terlampir</p>",
        "attachments": [Attachment("tiket.pdf", "application/pdf", b"%PDF-1.7 tiket")],
        "custom_args": {"karcis_mail_id": "m-1"},
        "categories": ["e-ticket"],
    }
    return Mail(**wanted | changes)


def inbox(base_url: str, reader: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = requests.get(f"{base_url}/inbox.json", timeout=10).json()["items"]
    return [item for item in items if item["to"] == reader]


def test_a_mail_that_is_not_to_be_delivered_is_checked_and_reaches_nobody(
    sendgrid: SendGrid, base_url: str, reader: str
) -> None:
    assert sendgrid.send(mail(reader, is_delivered=False)) is None
    assert inbox(base_url, reader) == []
    with pytest.raises(GatewayRefused):
        sendgrid.send(mail(reader, subject="", is_delivered=False))


def test_a_mail_is_found_in_the_inbox(sendgrid: SendGrid, base_url: str, reader: str) -> None:
    message_id = sendgrid.send(mail(reader))
    (item,) = inbox(base_url, reader)
    assert item["subject"] == "Tiket Anda – Jazz Malam"
    assert (item["text"], item["html"], item["template"]) == ("Terlampir", "<p>Terlampir</p>", "e-ticket")
    assert item["message_id"] == message_id
    assert item["sent_at"].endswith("Z")
    (file,) = item["attachments"]
    assert (file["filename"], file["content_type"], file["size"]) == ("tiket.pdf", "application/pdf", 14)
    assert requests.get(base_url + file["url"], timeout=10).content == b"%PDF-1.7 tiket"


def test_the_newest_mail_is_first(sendgrid: SendGrid, base_url: str, reader: str) -> None:
    for subject in ("satu", "dua"):
        sendgrid.send(mail(reader, subject=subject))
    assert [item["subject"] for item in inbox(base_url, reader)] == ["dua", "satu"]


def test_a_template_named_by_an_argument_wins(sendgrid: SendGrid, base_url: str, reader: str) -> None:
    sendgrid.send(mail(reader, custom_args={"karcis_template": "reminder"}))
    assert inbox(base_url, reader)[0]["template"] == "reminder"


def test_mails_can_be_read_in_a_browser(sendgrid: SendGrid, base_url: str, reader: str) -> None:
    sendgrid.send(mail(reader, subject="<b>Halo</b>"))
    (item,) = inbox(base_url, reader)
    page = requests.get(f"{base_url}/inbox/{item['id']}", timeout=10).text
    assert "&lt;b&gt;Halo&lt;/b&gt;" in page
    assert "tiket.pdf" in page
    content = requests.get(f"{base_url}/inbox/{item['id']}/html", timeout=10)
    assert content.text == "<p>Terlampir</p>"
    assert "sandbox" in content.headers["Content-Security-Policy"]
    assert reader in requests.get(f"{base_url}/inbox", timeout=10).text
    assert requests.get(f"{base_url}/inbox/999999", timeout=10).status_code == 404


def test_a_wrong_key_is_our_mistake(base_url: str, reader: str) -> None:
    stranger = SendGrid(f"{base_url}/simulators/sendgrid", "SG.wrong", Sender("a@karcis.example", "A"))
    with pytest.raises(GatewayMisconfigured):
        stranger.send(mail(reader))
    assert not inbox(base_url, reader)


def test_a_mail_whose_answer_got_lost_may_have_gone_out(sendgrid: SendGrid, base_url: str, reader: str) -> None:
    Payer(base_url, "sendgrid").breaks(status=500, takes_effect=True, count=1)
    with pytest.raises(GatewayUnavailable) as error:
        sendgrid.send(mail(reader))
    assert error.value.outcome_unknown
    assert len(inbox(base_url, reader)) == 1


@pytest.mark.parametrize(
    ("prefix", "kinds"),
    [
        ("", ["processed", "delivered"]),
        ("bounce-", ["processed", "bounce"]),
        ("blocked-", ["processed", "bounce"]),
        ("spam-", ["processed", "delivered", "spamreport"]),
    ],
)
def test_what_became_of_a_mail_is_told_and_signed(
    sendgrid: SendGrid, base_url: str, receiver: Receiver, reader: str, prefix: str, kinds: list[str]
) -> None:  # NS-008
    message_id = sendgrid.send(mail(prefix + reader))
    requests.post(f"{base_url}/simulators/sendgrid/mails/{message_id}/open", timeout=10).raise_for_status()
    events = told(base_url, receiver, message_id, batches=2)
    assert sorted(event.kind for event in events) == sorted([*kinds, "open"])
    assert {event.message_id for event in events} == {message_id}
    assert all(event.custom_args == {"karcis_mail_id": "m-1"} for event in events)
    assert any(event.is_block for event in events) == prefix.startswith("blocked")


def told(base_url: str, receiver: Receiver, message_id: str, *, batches: int) -> list[MailEvent]:
    """The events of a mail, each from a batch with a good signature."""
    key = requests.get(
        f"{base_url}/simulators/sendgrid/v3/user/webhooks/event/settings/signed",
        headers={"Authorization": "Bearer SG.test"},
        timeout=10,
    ).json()["public_key"]
    webhooks, now = receiver.wait_for(batches, message_id), datetime.now(UTC)
    return [event for each in webhooks for event in sendgrid_events.read_events(each.headers, each.body, key, now=now)]


@pytest.mark.parametrize(
    ("prefix", "list_name", "reason"),
    [("bounce-", "bounces", "Bounced Address"), ("spam-", "spam_reports", "Spam Reporting Address")],
)
def test_mails_to_a_listed_address_are_dropped_until_it_is_taken_off(
    sendgrid: SendGrid, base_url: str, receiver: Receiver, reader: str, prefix: str, list_name: Any, reason: str
) -> None:
    sendgrid.send(mail(prefix + reader))
    (dropped,) = told(base_url, receiver, sendgrid.send(mail(prefix + reader)), batches=1)
    assert (dropped.kind, dropped.reason) == ("dropped", reason)
    for _ in range(2):  # the second time it isn't there any more, which is no error
        sendgrid.remove_suppression(prefix + reader, list_name)
    again = told(base_url, receiver, sendgrid.send(mail(prefix + reader)), batches=1)
    assert "dropped" not in {event.kind for event in again}
