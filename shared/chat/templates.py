"""The texts of notices, in Indonesian and English: sent as they are within 24 hours, and as WhatsApp's templates after.

WhatsApp reviews each template once, in each language, and keeps its text: what is sent later is a name and its
parameters. So a text that changes gets a new `version`, which is a template of its own (docs/runbook.md). Parameters
are named, stand neither first nor last nor side by side, and hold no line breaks. Every text is about a purchase and
offers nothing, which keeps it a utility template.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.messages.chat_notices import NoticeKind

BODY_LENGTH = 1024
"""The most characters of a body, as WhatsApp reviews and as it sends it."""
PARAMETER_LENGTH = 200
"""The most characters of one value: what is longer is cut."""
LANGUAGES: Final = ("id", "en")
PAYMENT_REMINDER_SECONDS = 900
"""The time left of a hold when its buyer is reminded: a later reminder is of no use."""

_PARAMETER = re.compile(r"\{\{([a-z_]+)\}\}")
_SPACES = re.compile(r"\s+")
_EXAMPLES: Final[Mapping[str, str]] = {
    "title": "Konser Senja",
    "when": "Sabtu, 16 Januari 2027, 19.00 WIB",
    "where": "Gedung Kesenian, Jakarta",
    "amount": "Rp 107.500",
    "until": "19.30 WIB",
    "changes": "Waktu: 16 Januari 2027, 19.00 WIB, semula 15 Januari 2027, 19.00 WIB",
    "reason": "tiket sudah dipakai",
}
"""A sample of each parameter, for WhatsApp's reviewers."""


@dataclass(frozen=True)
class MessageTemplate:
    """A text with its parameters, as `{{title}}`."""

    kind: NoticeKind
    id: str
    en: str
    version: int = 1
    has_ticket: bool = False
    """The PDF of a ticket stands above the text."""
    ttl_seconds: int | None = None
    """WhatsApp gives a message up that it could not deliver for so long."""

    @property
    def name(self) -> str:
        """WhatsApp's name of it."""
        return f"{self.kind}_{self.version}"

    def text(self, language: str) -> str:
        """The text in a language, with its parameters."""
        return self.en if language == "en" else self.id

    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, in the order in which they stand."""
        return tuple(_PARAMETER.findall(self.id))

    def filled(self, language: str, values: Mapping[str, str]) -> str:
        """The text with these values."""
        return _PARAMETER.sub(lambda found: values[found[1]], self.text(language))

    def submission(self, language: str, sample_ticket: str) -> dict[str, Any]:
        """The document for WhatsApp's review; `sample_ticket` is the handle of an uploaded PDF."""
        examples = [{"param_name": name, "example": _EXAMPLES[name]} for name in self.parameters()]
        body = {"type": "body", "text": self.text(language), "example": {"body_text_named_params": examples}}
        header = {"type": "header", "format": "document", "example": {"header_handle": [sample_ticket]}}
        document: dict[str, Any] = {
            "name": self.name,
            "language": language,
            "category": "utility",
            "parameter_format": "named",
            "components": [header, body] if self.has_ticket else [body],
        }
        return document | ({"message_send_ttl_seconds": self.ttl_seconds} if self.ttl_seconds else {})


_ALL: Final = (
    MessageTemplate(
        "e_ticket",
        id="Tiket Anda untuk {{title}} ({{when}}) terlampir. Tunjukkan QR-nya di pintu masuk, dan jangan dibagikan."
        " Balas TIKET untuk menerima semua tiket Anda di sini.",
        en="Your ticket for {{title}} ({{when}}) is attached. Show its QR at the entrance, and share it with nobody."
        " Reply TICKETS to get all your tickets here.",
        has_ticket=True,
    ),
    MessageTemplate(
        "goods_ready",
        id="Pesanan Anda untuk {{title}} sudah siap. Balas TIKET untuk menerima kode dan barang digitalnya di sini.",
        en="Your order for {{title}} is ready. Reply TICKETS to get its codes and digital goods here.",
    ),
    MessageTemplate(
        "ticket_delayed",
        id="Pembayaran untuk {{title}} sudah kami terima. Tiketnya sedang dibuat dan menyusul; Anda tidak perlu"
        " melakukan apa pun.",
        en="We have received the payment for {{title}}. Its tickets are being made and will follow; you need not do"
        " anything.",
    ),
    MessageTemplate(
        "payment_reminder",
        id="Pesanan Anda untuk {{title}} sebesar {{amount}} menunggu pembayaran sampai {{until}}. Sesudah itu"
        " pesanannya berakhir.",
        en="Your order for {{title}} over {{amount}} waits for its payment until {{until}}. After that the order ends.",
        ttl_seconds=PAYMENT_REMINDER_SECONDS,
    ),
    MessageTemplate(
        "event_reminder",
        id="Pengingat: {{title}} berlangsung pada {{when}} di {{where}}. Siapkan tiket Anda; balas TIKET untuk"
        " menerimanya lagi di sini.",
        en="A reminder: {{title}} takes place on {{when}} at {{where}}. Have your ticket ready; reply TICKETS to get it"
        " here again.",
    ),
    MessageTemplate(
        "event_changed",
        id="Penyelenggara mengubah {{title}}. Yang berubah: {{changes}}. Pesanan Anda tetap berlaku; balas ORANG bila"
        " Anda tidak bisa datang.",
        en="The organizer has changed {{title}}. What has changed: {{changes}}. Your order remains valid; reply AGENT"
        " if you can't come.",
    ),
    MessageTemplate(
        "event_cancelled",
        id="Mohon maaf, {{title}} dibatalkan, dan tiketnya tidak berlaku lagi. Semua yang Anda bayar kami kembalikan.",
        en="We are sorry: {{title}} is cancelled, and its tickets are no longer valid. We give back all you paid.",
    ),
    MessageTemplate(
        "payment_unusable",
        id="Pembayaran sebesar {{amount}} untuk {{title}} datang terlambat atau dua kali. Kami mengembalikannya penuh.",
        en="A payment of {{amount}} for {{title}} came too late or twice. We give all of it back.",
    ),
    MessageTemplate(
        "payment_in_review",
        id="Pembayaran Anda untuk {{title}} berbeda dari jumlah yang diminta, jadi sedang kami periksa. Jangan bayar"
        " lagi.",
        en="Your payment for {{title}} differs from what was asked, so we are looking at it. Don't pay again.",
    ),
    MessageTemplate(
        "top_up_needed",
        id="Pembayaran Anda untuk {{title}} kurang {{amount}}. Bayar sisanya sebelum {{until}} agar pesanannya tidak"
        " berakhir.",
        en="Your payment for {{title}} is short of {{amount}}. Pay the rest before {{until}}, so that the order does"
        " not end.",
    ),
    MessageTemplate(
        "refund_completed",
        id="Pengembalian dana sebesar {{amount}} untuk {{title}} sudah kami kirim. Bank atau e-wallet Anda mungkin"
        " memerlukan beberapa hari kerja.",
        en="The refund of {{amount}} for {{title}} is on its way. Your bank or wallet may need some working days.",
    ),
    MessageTemplate(
        "refund_rejected",
        id="Permintaan pengembalian dana Anda untuk {{title}} tidak disetujui. Alasannya: {{reason}}. Balas ORANG bila"
        " ada pertanyaan.",
        en="Your request for a refund for {{title}} was not approved. The reason: {{reason}}. Reply AGENT if you have"
        " questions.",
    ),
    MessageTemplate(
        "refund_account_needed",
        id="Pengembalian dana sebesar {{amount}} untuk {{title}} belum bisa kami kirim: kami memerlukan rekening bank"
        " Anda. Balas ORANG, dan kami membantu.",
        en="We can't send the refund of {{amount}} for {{title}} yet: we need a bank account of yours. Reply AGENT, and"
        " we help.",
    ),
)
TEMPLATES: Final[Mapping[str, MessageTemplate]] = {each.kind: each for each in _ALL}
"""Each kind of notice, and its text."""


def value(words: str) -> str:
    """A text as the value of a parameter: on one line, and not too long."""
    line = _SPACES.sub(" ", words).strip()
    return line if len(line) <= PARAMETER_LENGTH else line[: PARAMETER_LENGTH - 1] + "…"
