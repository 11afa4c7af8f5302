"""WhatsApp's simulator: our own client against it, what it tells us, and the phones that people write on (CHAT-6)."""

import base64
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from infra.deploy import whatsapp_templates
from infra.local.cloud.store import open_store
from infra.local.cloud.webhooks import POLICIES
from infra.local.simulators.api import ApiError
from infra.local.simulators.tables import chat_messages
from infra.local.simulators.whatsapp import check_rates
from infra.local.simulators.whatsapp_webhooks import new_message_id
from shared.chat.sending import qris_picture
from shared.cloud.settings import settings
from shared.gateways.errors import GatewayMisconfigured, GatewayRefused, GatewayUnavailable
from shared.gateways.whatsapp import messages, webhooks
from shared.gateways.whatsapp.client import WhatsApp
from shared.gateways.whatsapp.errors import RecipientRateLimited
from shared.gateways.whatsapp.messages import Choice, Recipient
from shared.gateways.whatsapp.webhooks import DeliveryStatus, Message, Preference, SenderIdentity, TemplateStatus
from tests.integration.simulators.conftest import APP_SECRET, PHONE_NUMBER_ID, WHATSAPP_TOKEN
from tests.integration.simulators.world import Receiver
from tests.waiting import until

_numbers = itertools.count(1)


class Phones:
    """The phones at the simulator, and what it has told us of them."""

    def __init__(self, base_url: str, receiver: Receiver) -> None:
        self._url = f"{base_url}/simulators/whatsapp"
        self._receiver = receiver

    def add(self, **person: Any) -> dict[str, Any]:
        """Another phone; with a number unless it has a username."""
        phone = {} if "username" in person else {"phone": f"62812{next(_numbers):08}"}
        added = requests.post(f"{self._url}/phones", json={"name": "Budi Contoh", **phone, **person}, timeout=60)
        return {**phone, **added.json()}

    def does(self, phone: dict[str, Any], action: str, **wanted: Any) -> None:
        """Write, choose, send a picture."""
        url = f"{self._url}/phones/{phone['id']}/{action}"
        requests.post(url, json={"nothing": None, **wanted}, timeout=60).raise_for_status()

    def page(self, phone: dict[str, Any], path: str = "") -> str:
        """The messages that the phone shows."""
        return requests.get(f"{self._url}/phones/{phone['id']}{path}", timeout=60).text

    def fails(self, **fault: Any) -> None:
        """Let the next call fail."""
        requests.post(f"{self._url}/faults", json=fault, timeout=60).raise_for_status()

    def told(self, kind: type, matches: Any) -> list[Any]:
        """The updates of a kind that it has told us, once there are some."""
        return until(lambda: [each for each in self._updates() if isinstance(each, kind) and matches(each)] or None)

    def _updates(self) -> list[webhooks.Update]:
        return [
            update
            for received in self._receiver.about("whatsapp_business_account")
            for update in webhooks.read_updates(
                received.headers, received.body, APP_SECRET, phone_number_id=PHONE_NUMBER_ID
            )
        ]


@pytest.fixture
def phones(base_url: str, receiver: Receiver) -> Phones:
    return Phones(base_url, receiver)


def interactive(kind: str, action: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": "x"}, "action": action, **parts}}


def button(choice: str, title: str) -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": choice, "title": title}}


def row(choice: str, **parts: str) -> dict[str, str]:
    return {"id": choice, "title": "Satu", **parts}


def recipient(phone: dict[str, Any]) -> Recipient:
    return Recipient(phone.get("phone"), phone["user_id"])


def test_what_somebody_writes_is_told_signed_and_what_we_answer_is_delivered(phones: Phones, whatsapp: WhatsApp):
    phone = phones.add()
    phones.does(phone, "write", text="beli K7M2QP 1 🎫 é/")
    [told] = phones.told(Message, lambda each: each.sender.user_id == phone["user_id"])
    assert (told.text, told.sender.phone, told.profile_name) == ("beli K7M2QP 1 🎫 é/", phone["phone"], "Budi Contoh")
    message_id = whatsapp.send(recipient(phone), messages.text("Halo"), callback_data="our-id-1")
    for status in ("sent", "delivered"):
        ours = phones.told(
            DeliveryStatus, lambda each, status=status: (each.message_id, each.status) == (message_id, status)
        )
        assert [each.callback_data for each in ours] == ["our-id-1"]


def test_a_link_opens_the_chat_with_a_text_that_is_not_sent_yet(phones: Phones, base_url: str):
    phone = phones.add()
    opened = requests.get(
        f"{base_url}/simulators/whatsapp/wa.me/628110000001", params={"text": "EMAIL a@contoh.id"}, timeout=60
    )
    assert f"/phones/{phone['id']}?" in opened.url
    assert 'value="EMAIL a@contoh.id"' in opened.text
    assert "a@contoh.id" not in phones.page(phone, "/chat")
    assert requests.get(f"{base_url}/simulators/whatsapp/wa.me/62811999", timeout=60).status_code == 404


def test_somebody_with_a_username_has_no_number(phones: Phones, whatsapp: WhatsApp):
    phone = phones.add(username="nana.contoh")
    phones.does(phone, "write", text="halo")
    [told] = phones.told(Message, lambda each: each.sender.user_id == phone["user_id"])
    assert told.sender == SenderIdentity(phone["user_id"], None)
    assert whatsapp.send(Recipient(None, phone["user_id"]), messages.text("Halo"), callback_data="x")
    lost = Recipient(phone["user_id"].removeprefix("+"), None)
    assert whatsapp.send(lost, messages.text("Hilang"), callback_data="x")  # in `to`, as a number: accepted, and lost
    assert "Hilang" not in phones.page(phone, "/chat")


def test_after_a_day_only_a_template_arrives(phones: Phones, whatsapp: WhatsApp, base_url: str):
    phone = phones.add()
    phones.does(phone, "write", text="halo")
    phones.does(phone, "forget")
    late = whatsapp.send(recipient(phone), messages.text("Halo"), callback_data="late")
    [failed] = phones.told(DeliveryStatus, lambda each: each.message_id == late)
    assert (failed.status, failed.error_code) == ("failed", 131047)
    submitted(base_url, a_template("tiket_siap", "Halo {{nama}}, tiket Anda siap."))
    made = messages.template("tiket_siap", "id", {"nama": "Budi"})
    sent = whatsapp.send(recipient(phone), made, callback_data="template")
    assert phones.told(DeliveryStatus, lambda each: each.message_id == sent and each.status == "delivered")


def test_lists_buttons_and_pictures_are_shown_on_the_phone_and_chosen_there(phones: Phones, whatsapp: WhatsApp):
    phone = phones.add()
    phones.does(phone, "write", text="menu")
    to = recipient(phone)
    whatsapp.send(
        to, messages.choice_list("Pilih acara", "Acara", [Choice("event:1", "Konser Senja")]), callback_data="a"
    )
    whatsapp.send(to, messages.buttons("Berapa?", [Choice("quantity:1:1", "Satu")]), callback_data="b")
    picture = whatsapp.upload("qris.png", qris_picture("00020101021226" * 8), "image/png")
    whatsapp.send(to, messages.image(picture, "Rp 107.500"), callback_data="c")
    file = whatsapp.upload("tiket.pdf", b"%PDF-1.7", "application/pdf")
    whatsapp.send(to, messages.document(file, "tiket.pdf", "Tiket Anda"), callback_data="d")
    shown = phones.page(phone, "/chat")
    assert all(each in shown for each in ("Konser Senja", "Satu", f"/media/{picture}", "tiket.pdf", "Rp 107.500"))
    assert "Budi Contoh" in phones.page(phone)
    phones.does(phone, "choose", id="event:1", title="Konser Senja", kind="list")
    chosen = phones.told(Message, lambda each: each.sender.user_id == phone["user_id"] and each.kind == "choice")
    assert [each.choice for each in chosen] == ["event:1"]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "text", "text": {"body": ""}},
        {"type": "text", "text": {"body": "x" * 4097}},
        {"type": "image", "image": {"id": "7"}},
        {"type": "hologram", "hologram": {}},
        {"type": "interactive", "interactive": {"type": "button", "body": {"text": "x"}, "action": {"buttons": []}}},
        interactive("button", {"buttons": [button("a", "Satu"), button("a", "Dua")]}),
        interactive("button", {"buttons": [button("a", "x" * 21)]}),
        interactive("button", {"buttons": [button("a", "Satu")]}, footer={"text": "x" * 61}),
        interactive("list", {"button": "Pilih", "sections": [{"title": "x" * 25, "rows": [row("a")]}]}),
        interactive("list", {"button": "Pilih", "sections": [{"rows": [row("a"), row("a")]}]}),
        interactive("list", {"button": "Pilih", "sections": [{"rows": [row(str(number)) for number in range(11)]}]}),
        interactive("list", {"button": "Pilih", "sections": [{"rows": [row("a", description="x" * 73)]}]}),
        interactive("cta_url", {"name": "cta_url", "parameters": {"display_text": "x" * 21, "url": "https://a.id"}}),
        interactive("cta_url", {"name": "cta_url", "parameters": {"display_text": "Buka", "url": "javascript:"}}),
    ],
    ids=[
        "empty",
        "long",
        "no-medium",
        "unknown-type",
        "no-buttons",
        "same-ids",
        "long-button",
        "long-footer",
        "long-section",
        "same-rows",
        "eleven-rows",
        "long-description",
        "long-label",
        "no-address",
    ],
)
def test_what_the_real_one_refuses_is_refused(message: dict[str, Any], phones: Phones, whatsapp: WhatsApp):
    with pytest.raises(GatewayRefused):
        whatsapp.send(recipient(phones.add()), message, callback_data="x")


def test_errors_come_on_demand_and_a_wrong_token_is_known(phones: Phones, whatsapp: WhatsApp, base_url: str):
    phone = phones.add()
    phones.does(phone, "write", text="halo")
    phones.fails(status=400, body={"error": {"code": 131056}}, count=1)
    with pytest.raises(GatewayUnavailable):
        whatsapp.send(recipient(phone), messages.text("Halo"), callback_data="x")
    stranger = WhatsApp(f"{base_url}/simulators/whatsapp", "v26.0", PHONE_NUMBER_ID, "wrong")
    with pytest.raises(GatewayMisconfigured):
        stranger.send(recipient(phone), messages.text("Halo"), callback_data="x")


def test_a_webhook_that_was_not_taken_comes_again(phones: Phones, receiver: Receiver):
    phone = phones.add()
    receiver.will_answer(500, about=phone["user_id"])
    phones.does(phone, "write", text="halo")
    until(lambda: len(phones.told(Message, lambda each: each.sender.user_id == phone["user_id"])) == 2)


def test_several_messages_come_in_one_webhook(phones: Phones, receiver: Receiver):
    phone = phones.add()
    phones.does(phone, "write", texts=["menu", "beli K7M2QP 1"])
    written = phones.told(Message, lambda each: each.sender.user_id == phone["user_id"])
    assert [each.text for each in written] == ["menu", "beli K7M2QP 1"]
    assert sum(phone["user_id"] in received.body.decode() for received in receiver.about("whatsapp")) == 1


def test_statuses_come_in_any_order_and_read_without_delivered(phones: Phones, whatsapp: WhatsApp):
    phone = phones.add()
    phones.does(phone, "write", text="halo")
    sent = whatsapp.send(recipient(phone), messages.text("Halo"), callback_data="ours")
    phones.does(phone, "tell", statuses=["read", "failed"], code=131056)
    [read] = phones.told(DeliveryStatus, lambda each: (each.message_id, each.status) == (sent, "read"))
    assert read.callback_data == "ours"
    [failed] = phones.told(DeliveryStatus, lambda each: (each.message_id, each.status) == (sent, "failed"))
    assert failed.error_code == 131056


def test_only_200_means_taken(phones: Phones, receiver: Receiver):
    phone = phones.add()
    receiver.will_answer(204, about=phone["user_id"])
    phones.does(phone, "write", text="halo")
    until(lambda: len(phones.told(Message, lambda each: each.sender.user_id == phone["user_id"])) == 2)


def test_its_retries_go_on_for_most_of_a_week():
    assert 6 * 24 * 3600 < sum(POLICIES["whatsapp-webhook"].waits) < 7 * 24 * 3600


def test_a_message_id_holds_the_number_that_is_known():
    assert b"6281200000001" in base64.b64decode(new_message_id("6281200000001").removeprefix("wamid."))


def test_forty_five_messages_at_once_go_to_one_person_and_then_one_in_six_seconds(
    phones: Phones, whatsapp: WhatsApp, store_url: str
):
    phone, other = phones.add(), phones.add()
    for each in (phone, other):
        phones.does(each, "write", text="halo")
    message(store_url, phone, age=timedelta(seconds=60), count=44)
    whatsapp.send(recipient(phone), messages.text("Halo"), callback_data="45th")
    with pytest.raises(RecipientRateLimited):
        whatsapp.send(recipient(phone), messages.text("Halo"), callback_data="46th")
    whatsapp.send(recipient(other), messages.text("Halo"), callback_data="another's")
    older = chat_messages.update().where(chat_messages.c.phone_id == phone["id"])
    changed(store_url, older.values(created_at=chat_messages.c.created_at - timedelta(seconds=270)))
    whatsapp.send(recipient(phone), messages.text("Halo"), callback_data="later")


def test_a_number_that_sends_too_much_in_a_second_is_refused(phones: Phones, store_url: str):
    phone = phones.add()
    message(store_url, phone, age=timedelta(seconds=-60), count=300)
    with open_store(store_url).begin() as tx:
        check_rates(tx, 0, messages_a_second=1_000)
        with pytest.raises(ApiError) as refused:
            check_rates(tx, 0, messages_a_second=300)
    assert refused.value.body["error"]["code"] == 130429
    older = chat_messages.update().where(chat_messages.c.phone_id == phone["id"])
    changed(store_url, older.values(created_at=datetime.now(UTC) - timedelta(hours=1)))


def message(store_url: str, phone: dict[str, Any], *, age: timedelta, count: int) -> None:
    """Messages of ours to a person, so old."""
    row = {"phone_id": phone["id"], "is_from_business": True, "content": {"type": "text"}, "status": "sent"}
    at = datetime.now(UTC) - age
    rows = [{**row, "message_id": f"{phone['id']}-{number}", "created_at": at} for number in range(count)]
    changed(store_url, chat_messages.insert().values(rows))


def changed(store_url: str, statement: Any) -> None:
    engine = open_store(store_url)
    with engine.begin() as tx:
        tx.execute(statement)
    engine.dispose()


def a_template(name: str, body: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "language": "id",
        "category": "utility",
        "parameter_format": "named",
        "components": [*more.get("header", []), {"type": "body", "text": body}],
    }


def submitted(base_url: str, document: dict[str, Any]) -> dict[str, Any]:
    """Submit a template as an operator does; the answer."""
    url = f"{base_url}/simulators/whatsapp/v26.0/198000000000001/message_templates"
    answer = requests.post(url, json=document, headers={"Authorization": f"Bearer {WHATSAPP_TOKEN}"}, timeout=60)
    return dict(answer.json())


def reviewed(base_url: str, name: str, event: str) -> None:
    url = f"{base_url}/simulators/whatsapp/templates/{name}/id/review"
    requests.post(url, json={"event": event}, timeout=60).raise_for_status()


def test_a_template_is_reviewed_and_only_an_approved_one_leaves(base_url: str, whatsapp: WhatsApp, phones: Phones):
    phone = phones.add()

    def sends(name: str, values: dict[str, str], header: messages.Document | None = None) -> str | None:
        try:
            whatsapp.send(recipient(phone), messages.template(name, "id", values, header), callback_data="m")
        except GatewayRefused as refusal:
            return refusal.code
        return None

    assert sends("acara_batal", {"title": "Konser"}) == "132001"
    assert submitted(base_url, a_template("acara_batal", "Maaf, {{title}} dibatalkan."))["status"] == "PENDING"
    [told] = phones.told(TemplateStatus, lambda each: each.name == "acara_batal")
    assert (told.status, told.language) == ("APPROVED", "id")
    assert sends("acara_batal", {"title": "Konser"}) is None
    assert "Maaf, Konser dibatalkan." in phones.page(phone, "/chat")
    assert sends("acara_batal", {}) == "132000"
    assert sends("acara_batal", {"title": "a\nb"}) == "132012"
    assert sends("acara_batal", {"title": "x" * 1024}) == "132005"
    assert sends("acara_batal", {"title": "Konser"}, messages.Document("1", "tiket.pdf")) == "132012"
    for event, code in (("PAUSED", "132015"), ("DISABLED", "132016"), ("REJECTED", "132001"), ("APPROVED", None)):
        reviewed(base_url, "acara_batal", event)
        assert sends("acara_batal", {"title": "Konser"}) == code


def test_a_template_that_breaks_the_rules_is_rejected(base_url: str, phones: Phones):
    submitted(base_url, a_template("tanpa_awal", "{{title}} dibatalkan."))
    [told] = phones.told(TemplateStatus, lambda each: each.name == "tanpa_awal")
    assert (told.status, told.reason) == ("REJECTED", "INVALID_FORMAT")


def test_a_person_stops_us_in_whatsapp_and_shares_their_number(phones: Phones):
    phone = phones.add()
    phones.does(phone, "prefer", value="stop")
    [stopped] = phones.told(Preference, lambda each: each.sender.user_id == phone["user_id"])
    assert not stopped.wants_messages
    hidden = phones.add(username="nana.nomor")
    phones.does(hidden, "share-number")
    [shared] = phones.told(Message, lambda each: each.sender.user_id == hidden["user_id"])
    assert shared.own_phone


def test_operators_submit_every_template_once(
    base_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("WHATSAPP_ACCESS_TOKEN", WHATSAPP_TOKEN)
    monkeypatch.setenv("WHATSAPP_BASE_URL", f"{base_url}/simulators/whatsapp")
    settings.cache_clear()
    asked = ["--account", "198000000000001", "--sample-ticket", "4::SAMPLE"]
    try:
        assert whatsapp_templates.main(["submit", *asked]) == 0
        assert capsys.readouterr().out.count("200 ") == len(list(whatsapp_templates.documents("4::SAMPLE")))
        assert whatsapp_templates.main(["submit", *asked]) == 0
        assert capsys.readouterr().out == ""
        whatsapp_templates.main(["list", *asked])
        assert "APPROVED     id event_cancelled_1" in capsys.readouterr().out
    finally:
        monkeypatch.undo()
        settings.cache_clear()
