"""The texts of a conversation, in Indonesian and English."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from shared import local_time, rupiah
from shared.chat.contents import OrderSummary
from shared.cloud.settings import settings
from shared.gateways.whatsapp import messages

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "events": (
        "Halo! Pilih acara di bawah, juga dengan angka (1 yang pertama), atau ketik BELI, kode, dan jumlah,"
        " misalnya: BELI K7M2QP 1.",
        "Hello! Choose an event below, by its number too (1 is the first), or type BUY, a code and a quantity,"
        " as in: BUY K7M2QP 1.",
    ),
    "choose_event": ("Pilih acara", "Choose an event"),
    "no_events": ("Belum ada acara yang dijual sekarang.", "No event is on sale right now."),
    "tiers": ("{title}\nPilih yang ingin dibeli:", "{title}\nChoose what to buy:"),
    "more_on_site": ("Lainnya ada di situs kami: {url}", "There are more on our site: {url}"),
    "choose_tier": ("Pilih tiket", "Choose a ticket"),
    "quantity": (
        "{title}\n{tier}, {price} (belum termasuk biaya layanan).\nBerapa? Tekan tombol atau ketik angka, paling banyak"
        " {most}.",
        "{title}\n{tier}, {price} (before fees).\nHow many? Press a button or type a number, at most {most}.",
    ),
    "quantity_wrong": ("Ketik angka dari 1 sampai {most}.", "Type a number from 1 to {most}."),
    "unknown_code": (
        "Kode {code} tidak dikenal. Ketik MENU untuk melihat yang dijual.",
        "The code {code} is not known. Type MENU to see what is on sale.",
    ),
    "sold_out": (
        "Maaf, ini sudah habis atau tidak sedang dijual. Ketik MENU untuk yang lain.",
        "Sorry, this is sold out or not on sale. Type MENU for others.",
    ),
    "fewer_left": (
        "Sisa {available}. Ketik lagi dengan jumlah yang lebih kecil.",
        "Only {available} left. Type it again with a smaller quantity.",
    ),
    "too_many_names": (
        "Lewat chat paling banyak {most} tiket sekali beli. Untuk lebih banyak, silakan beli di situs kami.",
        "By chat you can buy {most} tickets at once. For more, please buy on our site.",
    ),
    "needs_site": (
        "Pendaftaran ini memerlukan nomor identitas, jadi dibuat di situs kami.",
        "This registration needs an identity number, so it is made on our site.",
    ),
    "open_site": ("Buka situs", "Open the site"),
    "name_wrong": (
        "Nama itu tidak bisa dipakai. Ketik nama seperti di kartu identitas, tanpa tautan.",
        "That name can't be used. Type a name as on an identity card, without links.",
    ),
    "ask_name": (
        "Atas nama siapa tiketnya? Ketik namanya.",
        "Whose ticket is it? Type the name.",
    ),
    "ask_name_of": (
        "Nama untuk tiket {number} dari {count}?",
        "The name for ticket {number} of {count}?",
    ),
    "terms": (
        "Dengan melanjutkan, Anda menyetujui syarat dan kebijakan privasi kami: {url}",
        "By going on you accept our terms and privacy policy: {url}",
    ),
    "cancel_button": ("Batal", "Cancel"),
    "pay_button": ("Bayar QRIS", "Pay by QRIS"),
    "paid_button": ("Sudah bayar", "I have paid"),
    "open_payment": ("Bayar", "Pay"),
    "waiting": (
        "Pesanan Anda menunggu pembayaran. Ketik BANTUAN untuk bantuan.",
        "Your order waits for its payment. Type HELP for help.",
    ),
    "order_waits": ("Pesanan Anda menunggu pembayaran:", "Your order waits for its payment:"),
    "other_order": (
        "Anda masih punya pesanan lain. Bayar atau batalkan dulu:",
        "You have another order still. Pay or cancel it first:",
    ),
    "not_paid": (
        "Pembayaran belum kami terima. Bila baru saja membayar, tunggu sebentar.",
        "We have not received the payment yet. If you have just paid, wait a moment.",
    ),
    "payment_received": (
        "Pembayaran sudah kami terima. Pesanan Anda sedang disiapkan dan dikirim ke sini.",
        "We have received the payment. Your order is being prepared and comes here.",
    ),
    "order_ended": (
        "Waktu pembayaran sudah habis dan pesanan tidak berlaku lagi. Ketik MENU untuk memesan lagi.",
        "The time to pay is over and the order has ended. Type MENU to order again.",
    ),
    "no_order": ("Tidak ada pesanan yang menunggu. Ketik MENU.", "No order is waiting. Type MENU."),
    "nothing_to_cancel": ("Tidak ada yang perlu dibatalkan. Ketik MENU.", "There is nothing to cancel. Type MENU."),
    "cancelled": ("Pesanan dibatalkan. Ketik MENU untuk memesan lagi.", "The order is cancelled. Type MENU to order."),
    "no_tickets": ("Belum ada tiket atau barang yang Anda beli di sini.", "You have bought no tickets or goods here."),
    "refund": (
        "Pengembalian dana dapat diminta sampai 7 hari sebelum acara: bila penyelenggara menyetujui, 90% harga tiket"
        " kembali, biaya layanan tidak. Ketik ORANG, dan kami membantu.",
        "A refund can be asked for until 7 days before the event: if the organizer agrees, 90% of the ticket's price"
        " comes back, the service fee does not. Type AGENT, and we help.",
    ),
    "help": (
        "MENU: yang dijual\nBELI KODE JUMLAH: membeli, dengan kode promo di akhir bila ada\nBAYAR: QRIS lagi"
        "\nSTATUS: pesanan Anda\nSUDAH BAYAR: periksa pembayaran\nBATAL: batalkan pesanan"
        "\nTIKET: kirim ulang tiket\nKABARI: dikabari di sini\nSTOP: berhenti dikabari"
        "\nEMAIL ALAMAT: hubungkan akun\nPENGEMBALIAN DANA, ORANG (bicara dengan kami), EN (English)",
        "MENU: what is on sale\nBUY CODE QUANTITY: buy, with a promo code at the end if you have one\nPAY: the QRIS"
        " again\nSTATUS: your order\nPAID: check the payment\nCANCEL: cancel the order"
        "\nTICKETS: send tickets again\nNOTIFY: be told here\nSTOP: end that"
        "\nEMAIL ADDRESS: link your account\nREFUND, AGENT (talk to us), ID (Bahasa Indonesia)",
    ),
    "person_called": (
        "Baik, seseorang dari kami akan menjawab Anda di sini.",
        "All right, one of us will answer you here.",
    ),
    "person_called_number": (
        "Baik, seseorang dari kami akan menjawab Anda di sini. Bila boleh kami telepon, bagikan nomor Anda dengan"
        " tombol ini.",
        "All right, one of us will answer you here. If we may call you, share your number by this button.",
    ),
    "number_kept": ("Terima kasih, nomor Anda kami simpan.", "Thank you, we keep your number."),
    "link_later": (
        "Bayar atau batalkan dulu pesanan yang menunggu, lalu ulangi.",
        "Pay or cancel the order that waits first, then try again.",
    ),
    "code_sent": (
        "Bila {address} benar, di sana ada kode 8 angka dari kami. Ketik kodenya di sini dalam 10 menit. Chat ini lalu"
        " memakai akun alamat itu. {terms}",
        "If {address} is right, an 8-digit code of ours is there. Type it here within 10 minutes. This chat then uses"
        " the account of that address. {terms}",
    ),
    "code_wrong": (
        "Kode itu tidak cocok atau sudah tidak berlaku. Ketik lagi, atau minta yang baru dengan EMAIL dan alamat Anda.",
        "That code is wrong or no longer valid. Type it again, or get a new one by EMAIL and your address.",
    ),
    "address_wrong": (
        "Itu bukan alamat e-mail. Contoh: EMAIL nama@contoh.com",
        "That is no e-mail address. For example: EMAIL name@example.com",
    ),
    "too_many_codes": (
        "Anda sudah meminta beberapa kode hari ini. Coba lagi besok.",
        "You have asked for several codes today. Try again tomorrow.",
    ),
    "linked": (
        "Alamat Anda terbukti, dan chat ini terhubung ke akunnya. Pesanan Anda juga ada di situs kami.",
        "Your address is proved, and this chat is linked to its account. Your orders are on our site too.",
    ),
    "not_linkable": (
        "Akun itu tidak bisa dihubungkan ke chat ini. Ketik ORANG bila perlu bantuan.",
        "That account can't be linked to this chat. Type AGENT if you need help.",
    ),
    "delete_data": (
        "Semua data Anda, juga chat ini, dihapus bersama akun Anda: masuk di {url} dengan kode ke e-mail Anda. Belum"
        " menghubungkan e-mail? Ketik EMAIL dan alamat Anda dulu.",
        "All your data, this chat too, is deleted with your account: sign in at {url} with a code to your e-mail. No"
        " e-mail linked yet? Type EMAIL and your address first.",
    ),
    "language_set": ("Baik, kita lanjutkan dalam bahasa Indonesia.", "All right, we go on in English."),
    "ask_notices": (
        "Mau kami kabari di sini bila acara Anda berubah atau batal, soal pengembalian dana, dan sehari sebelum acara?"
        " Ketik STOP kapan saja untuk berhenti.",
        "Shall we tell you here if your event changes or is cancelled, about refunds, and on the day before? Type STOP"
        " at any time to end it.",
    ),
    "notices_yes": ("Ya, kabari saya", "Yes, tell me"),
    "notices_no": ("Tidak", "No, thanks"),
    "notices_on": (
        "Baik, kami kabari di sini. Ketik STOP kapan saja untuk berhenti.",
        "All right, we tell you here. Type STOP at any time to end it.",
    ),
    "notices_off": (
        "Baik. Ketik KABARI bila berubah pikiran.",
        "All right. Type NOTIFY if you change your mind.",
    ),
    "notices_stopped": (
        "Kami berhenti mengabari Anda di sini. Tiket yang sudah dibayar tetap bisa diminta dengan TIKET; ketik MULAI"
        " untuk dikabari lagi.",
        "We no longer write to you here by ourselves. Paid tickets still come when you type TICKETS; type START to be"
        " told again.",
    ),
    "unsupported": (
        "Pesan seperti itu belum bisa kami baca. Ketik BANTUAN untuk melihat perintahnya.",
        "We can't read messages like that. Type HELP to see the commands.",
    ),
    "put_off": (
        "Maaf, chat kami sudah penuh untuk hari ini. Silakan beli di situs kami: {url}",
        "Sorry, our chat is full for today. Please buy on our site: {url}",
    ),
    "late": (
        "Pesan Anda baru sampai sekarang, jadi belum kami jalankan. Ketik lagi bila masih perlu.",
        "Your message has reached us only now, so we have not acted on it. Write it again if you still want it.",
    ),
    "stale": (
        "Tombol itu tidak berlaku lagi. Ketik MENU untuk mulai lagi.",
        "That button is no longer valid. Type MENU to begin again.",
    ),
    "waiting_room": (
        "Acara ini sedang dijual lewat ruang tunggu di situs kami: {url}",
        "This event is being sold through the waiting room on our site: {url}",
    ),
    "too_many_tickets": ("Terlalu banyak untuk sekali beli. Ketik jumlah yang lebih kecil.", "Too many for one order."),
    "promo_invalid": (
        "Kode promo itu tidak berlaku di sini. Periksa ejaannya, atau ketik lagi tanpa kode promo.",
        "That promo code is not valid here. Check its spelling, or type it again without one.",
    ),
    "promo_exhausted": (
        "Kode promo itu sudah habis dipakai. Ketik lagi tanpa kode promo.",
        "That promo code has been used up. Type it again without one.",
    ),
    "limit_reached": (
        "Batas pembelian Anda untuk acara ini sudah tercapai.",
        "You have reached your limit for this event.",
    ),
    "hold_later": (
        "Anda sudah beberapa kali memesan tanpa membayar. Coba lagi nanti.",
        "You have ordered several times without paying. Try again later.",
    ),
    "above_limit": (
        "Jumlah ini melebihi batas QRIS. Silakan beli di situs kami.",
        "This amount is above what QRIS takes. Please buy on our site.",
    ),
    "in_review": (
        "Pembayaran Anda sedang kami periksa. Jangan bayar lagi.",
        "We are looking at your payment. Don't pay again.",
    ),
    "payment_away": (
        "Layanan pembayaran tidak menjawab. Pesanan tetap disimpan; ketik BAYAR untuk mencoba lagi.",
        "The payment service does not answer. Your order is kept; type PAY to try again.",
    ),
    "trouble": (
        "Maaf, ada gangguan di pihak kami. Coba lagi sebentar lagi.",
        "Sorry, something went wrong on our side. Try again in a moment.",
    ),
    "fees": ("Biaya layanan", "Fees"),
    "discount": ("Potongan", "Discount"),
    "total": ("Total", "Total"),
    "qris": (
        "Berlaku sampai {until}. Simpan gambar ini, lalu buka m-banking atau e-wallet: QRIS, unggah dari galeri."
        "\n\n{terms}",
        "Valid until {until}. Save this picture, then open your bank's or wallet's app: QRIS, upload from gallery."
        "\n\n{terms}",
    ),
    "link_to_pay": ("Bayar sebelum {until} di halaman ini.", "Pay before {until} on this page."),
    "ticket": (
        "Tiket {number} dari {count}: {title}. Tunjukkan QR-nya di pintu masuk, dan jangan dibagikan.",
        "Ticket {number} of {count}: {title}. Show its QR at the entrance, and share it with nobody.",
    ),
    "pickup": (
        "Kode pengambilan: {code}. Tunjukkan di loket; berlaku sekali.",
        "Pickup code: {code}. Show it at the counter; it is valid once.",
    ),
    "unit": ("{name}: {secret}", "{name}: {secret}"),
    "goods": ("Terima kasih! Ini pesanan Anda:", "Thank you! Here is your order:"),
}
"""Each sentence in Indonesian and in English."""

_REFUSALS: Final[Mapping[str, str]] = {
    "sold-out": "sold_out",
    "sale-closed": "sold_out",
    "too-many-tickets": "too_many_tickets",
    "promo-invalid": "promo_invalid",
    "promo-exhausted": "promo_exhausted",
    "queue-pass-required": "waiting_room",
    "person-limit-reached": "limit_reached",
    "hold-again-later": "hold_later",
    "reservation-expired": "order_ended",
    "not-found": "order_ended",
    "payment-in-review": "in_review",
    "amount-above-limit": "above_limit",
    "payment-method-refused": "payment_away",
    "try-again": "payment_away",
    "checkout-in-progress": "payment_away",
    "code-invalid": "code_wrong",
    "address-unreadable": "address_wrong",
    "too-many-codes": "too_many_codes",
    "too-many-attempts": "too_many_codes",
    "not-linkable": "not_linkable",
    "order-waits": "link_later",
}
"""The text for each refusal, by the slug of its problem."""


def sentence(key: str, language: str, **values: object) -> str:
    """One sentence with its values."""
    return _SENTENCES[key][1 if language == "en" else 0].format(**values)


def refusal(slug: str) -> str:
    """The key of the sentence for a refusal."""
    return _REFUSALS.get(slug, "trouble")


def amount(rupiahs: int, language: str) -> str:
    """An amount."""
    return rupiah.formatted(rupiahs, language)


def event_row(title: str, starts_at: datetime, zone: str, language: str) -> str:
    """The second line of an event in a list: when it begins."""
    begins = f"{local_time.short_date(starts_at, zone, language)}, {local_time.time_of_day(starts_at, zone, language)}"
    return _second_line(title, begins)


def tier_row(name: str, code: str, price: int, available: int, language: str) -> str:
    """The second line of a tier in a list: its price, how many are left where they are few, and its code."""
    left = f", sisa {available}" if language == "id" else f", {available} left"
    return _second_line(name, f"{amount(price, language)}{left if available <= _FEW else ''} · {code}")


def _second_line(title: str, told: str) -> str:
    """The description of a row, after its title where that is cut off above."""
    if len(title) <= messages.ROW_TITLE_LENGTH:
        return told
    return f"{messages.cut(title, messages.ROW_DESCRIPTION_LENGTH - len(told) - 3)} · {told}"


_FEW = 20


def summary(order: OrderSummary, language: str) -> str:
    """An order with what it costs, fees and all."""
    lines = [order.event_title, *order.lines, ""]
    if order.platform_fee:
        lines.append(f"{sentence('fees', language)}: {amount(order.platform_fee, language)}")
    if order.discount:
        lines.append(f"{sentence('discount', language)}: {amount(-order.discount, language)}")
    return "\n".join([*lines, f"{sentence('total', language)}: {amount(order.total, language)}"])


def ask_name(number: int, count: int, language: str) -> str:
    """The question for the name on a ticket."""
    return (
        sentence("ask_name", language) if count == 1 else sentence("ask_name_of", language, number=number, count=count)
    )


def terms(language: str) -> str:
    """The terms that are accepted by going on."""
    return sentence("terms", language, url=f"{settings().public_url}/{language}/terms")


def qris_caption(order: OrderSummary, language: str) -> str:
    """The text under a QRIS picture: what it is for, what it costs, until when, and how to pay it."""
    asked = summary(order, language)
    if order.payment_amount != order.total:  # with its unique code, or the rest of an order
        asked += f"\nQRIS: {amount(order.payment_amount, language)}"
    return f"{asked}\n\n{sentence('qris', language, until=_until(order, language), terms=terms(language))}"


def payment_link(order: OrderSummary, language: str) -> str:
    """The text with a link to the page where an order is paid."""
    return f"{summary(order, language)}\n\n{sentence('link_to_pay', language, until=_until(order, language))}"


def ticket_caption(order: OrderSummary, number: int, language: str) -> str:
    """The text under a ticket's PDF."""
    return sentence("ticket", language, number=number, count=len(order.ticket_ids), title=order.event_title)


def site_url() -> str:
    """The address of our site."""
    return settings().public_url


def deletion_url() -> str:
    """The page where an account is deleted, with all that is known of its chats."""
    return f"{settings().public_url}/account/delete"


def event_url(slug: str, language: str) -> str:
    """The page of an event."""
    return f"{settings().public_url}/{language}/events/{slug}"


def order_url(order_id: UUID) -> str:
    """The page of an order, for its buyer."""
    return f"{settings().public_url}/orders/{order_id}"


def _until(order: OrderSummary, language: str) -> str:
    return local_time.time_of_day(order.expires_at, local_time.HOME_ZONE, language)
