"""Messages about wrong fields, for people: in English as our code has them, and in Indonesian on request."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from flask import Request

from shared import rupiah
from shared.sentences import Sentence

Language = Literal["en", "id"]

_LANGUAGES: Final[dict[str, Language]] = {"en": "en", "id": "id", "in": "id"}
"""Languages by the tags that devices send; old ones call Indonesian `in`. The first is for all others."""
_CHOICE: Final = re.compile(r"'([^']*)'|(\w+)(?= or |$)")
_IN_RUPIAH: Final = frozenset(
    {"price", "early_bird_price", "price_min", "price_max", "amount", "max_discount", "minimum_spend", "budget"}
)
_IN_PERCENT: Final = frozenset({"percent"})

INVALID_FORMAT: Final = "is not written as it has to be"
_EMPTY: Final = "may not be empty"
_NOT_TEXT: Final = "must be text"
_NOT_WHOLE: Final = "must be a whole number"
_NOT_BOOLEAN: Final = "must be true or false"
_NOT_A_LIST: Final = "must be a list"
_NOT_AN_OBJECT: Final = "must be a JSON object with named fields"
_NOT_AN_ID: Final = "must be an id (a UUID) as our answers give it"
_NOT_A_DAY: Final = "must be a date as 2026-08-17"
_NOT_A_MOMENT: Final = "must be a date and time with its offset, as 2026-08-17T19:30:00+07:00"
_NOT_A_CHOICE: Final = "must be {choices}"

BY_TYPE: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here; leave it out",
    "string_type": _NOT_TEXT,
    "string_sub_type": _NOT_TEXT,
    "string_unicode": "holds signs that are not Unicode",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "may have at most {max_length} characters",
    "int_type": _NOT_WHOLE,
    "int_parsing": _NOT_WHOLE,
    "int_from_float": _NOT_WHOLE,
    "int_parsing_size": "is too large a number",
    "finite_number": "is too large a number",
    "greater_than": "must be more than {limit}",
    "greater_than_equal": "must be at least {limit}",
    "less_than": "must be less than {limit}",
    "less_than_equal": "may be at most {limit}",
    "bool_type": _NOT_BOOLEAN,
    "bool_parsing": _NOT_BOOLEAN,
    "literal_error": _NOT_A_CHOICE,
    "enum": _NOT_A_CHOICE,
    "uuid_type": _NOT_AN_ID,
    "uuid_parsing": _NOT_AN_ID,
    "uuid_version": _NOT_AN_ID,
    "datetime_type": _NOT_A_MOMENT,
    "datetime_parsing": _NOT_A_MOMENT,
    "datetime_from_date_parsing": _NOT_A_MOMENT,
    "datetime_object_invalid": _NOT_A_MOMENT,
    "timezone_naive": _NOT_A_MOMENT,
    "timezone_aware": _NOT_A_MOMENT,
    "date_type": _NOT_A_DAY,
    "date_parsing": _NOT_A_DAY,
    "date_from_datetime_parsing": _NOT_A_DAY,
    "date_from_datetime_inexact": _NOT_A_DAY,
    "list_type": _NOT_A_LIST,
    "too_short": "must list at least {min_length}",
    "too_long": "may list at most {max_length}",
    "model_type": _NOT_AN_OBJECT,
    "model_attributes_type": _NOT_AN_OBJECT,
    "dict_type": _NOT_AN_OBJECT,
    "union_tag_not_found": _NOT_AN_OBJECT,
    "union_tag_invalid": _NOT_AN_OBJECT,
    "none_required": "must be null",
}
"""Templates by pydantic's types of errors (docs.pydantic.dev/latest/errors/validation_errors)."""

BY_PATTERN: Final[Mapping[str, str]] = {
    r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$": "must be one line of text, without tabs or line breaks",
    r"^[^\x00]*$": "may not hold a NUL character",
    "^[0-9a-f]{64}$": "must be the 64 characters of the link that was mailed",
    "^[0-9a-f]{72}$": "must be the 72 characters of the link that was mailed",
    "^[0-9]{6}$": "must be the 6 digits of the code that was mailed",
    "^[0-9]{8}$": "must be the 8 digits of the code that was mailed",
    "^[0-9A-Za-z -]{6,40}$": "must be the code that was mailed, of letters and digits",
    r"^\+?[0-9][0-9 -]{5,18}$": "must be a telephone number of 6 to 19 digits, as +62 812 3456 7890",
    r"^[0-9]{5,20}$": "must be 5 to 20 digits",
    r"^[A-Za-z0-9][A-Za-z0-9_-]{2,49}$": "must be 3 to 50 letters, digits, hyphens or underscores",
    r"^[A-Za-z0-9][A-Za-z0-9-]{2,15}$": "must be 3 to 16 letters, digits or hyphens",
}

INDONESIAN: Final[Mapping[str, str]] = {
    INVALID_FORMAT: "tidak ditulis sebagaimana mestinya",
    _EMPTY: "tidak boleh kosong",
    # by type
    "is missing": "wajib diisi",
    "is more than is left of this payment": "melebihi sisa pembayaran ini",
    "is not known here; leave it out": "tidak dikenal di sini; hapus bidang ini",
    _NOT_TEXT: "harus berupa teks",
    "holds signs that are not Unicode": "berisi karakter yang bukan Unicode",
    "must have at least {min_length} characters": "minimal {min_length} karakter",
    "may have at most {max_length} characters": "maksimal {max_length} karakter",
    _NOT_WHOLE: "harus berupa bilangan bulat",
    "is too large a number": "angkanya terlalu besar",
    "must be more than {limit}": "harus lebih dari {limit}",
    "must be at least {limit}": "minimal {limit}",
    "must be less than {limit}": "harus kurang dari {limit}",
    "may be at most {limit}": "maksimal {limit}",
    _NOT_BOOLEAN: "harus true atau false",
    _NOT_A_CHOICE: "harus {choices}",
    "{others} or {last}": "{others} atau {last}",
    _NOT_AN_ID: "harus berupa id (UUID) seperti dalam jawaban kami",
    _NOT_A_MOMENT: "harus berupa tanggal dan jam dengan selisih waktunya, misalnya 2026-08-17T19:30:00+07:00",
    _NOT_A_DAY: "harus berupa tanggal, misalnya 2026-08-17",
    _NOT_A_LIST: "harus berupa daftar",
    "must list at least {min_length}": "daftarnya minimal berisi {min_length}",
    "may list at most {max_length}": "daftarnya maksimal berisi {max_length}",
    _NOT_AN_OBJECT: "harus berupa objek JSON dengan bidang bernama",
    "must be null": "harus null",
    # by pattern
    "must be one line of text, without tabs or line breaks": "harus satu baris teks, tanpa tab atau ganti baris",
    "may not hold a NUL character": "tidak boleh berisi karakter NUL",
    "must be the 64 characters of the link that was mailed": "harus 64 karakter dari tautan yang dikirim lewat e-mail",
    "must be the 72 characters of the link that was mailed": "harus 72 karakter dari tautan yang dikirim lewat e-mail",
    "must be the 6 digits of the code that was mailed": "harus 6 angka dari kode yang dikirim lewat e-mail",
    "must be the 8 digits of the code that was mailed": "harus 8 angka dari kode yang dikirim lewat e-mail",
    "must be the code that was mailed, of letters and digits": (
        "harus kode yang dikirim lewat e-mail, terdiri dari huruf dan angka"
    ),
    "must be a telephone number of 6 to 19 digits, as +62 812 3456 7890": (
        "harus berupa nomor telepon 6 sampai 19 angka, misalnya +62 812 3456 7890"
    ),
    "must be 5 to 20 digits": "harus 5 sampai 20 angka",
    "must be 3 to 16 letters, digits or hyphens": "harus 3 sampai 16 huruf, angka, atau tanda hubung",
    "must be 3 to 50 letters, digits, hyphens or underscores": (
        "harus 3 sampai 50 huruf, angka, tanda hubung, atau garis bawah"
    ),
    # any text
    "must lie between the years 2000 and 2200": "harus antara tahun 2000 dan 2200",
    "must be words only, without links, web addresses or e-mail addresses": (
        "harus berupa kata-kata saja, tanpa tautan, alamat web, atau alamat e-mail"
    ),
    "must hold something that can be seen": "harus berisi sesuatu yang terlihat",
    "may not be null; leave it out to keep it as it is": "tidak boleh null; hapus bidang ini agar tetap seperti semula",
    # accounts
    "is not an e-mail address, as name@example.com": "bukan alamat e-mail, misalnya nama@example.com",
    "must have {parts}": "harus memuat {parts}",
    "at least 8 characters": "minimal 8 karakter",
    "an upper-case letter": "huruf besar",
    "a lower-case letter": "huruf kecil",
    "a digit": "angka",
    "a symbol": "simbol",
    "must be at most {most} bytes long (a letter with an accent takes two or more)": (
        "maksimal {most} bita (huruf beraksen memakan dua atau lebih)"
    ),
    "give either password or code": "isi salah satu: password atau code",
    "must be token or cookie": "harus token atau cookie",
    "must be 1 to 255 printable ASCII characters": "harus 1 sampai 255 karakter ASCII yang dapat dicetak",
    # events and tiers
    "is not an IANA time zone, for example Asia/Jakarta": "bukan zona waktu IANA, misalnya Asia/Jakarta",
    "must be in the future": "harus di masa depan",
    "must be after start_date": "harus setelah start_date",
    "must be before end_date": "harus sebelum end_date",
    "must be at most {days} days before start_date": "paling awal {days} hari sebelum start_date",
    "must be after sale_start ({tier})": "harus setelah sale_start ({tier})",
    "must be before the event ends ({tier})": "harus sebelum acara berakhir ({tier})",
    "belongs to another tier, perhaps of another event; choose another one": (
        "sudah dipakai tiket atau barang lain, mungkin di acara lain; pilih yang lain"
    ),
    "must be lower than price ({tier})": "harus lebih rendah dari price ({tier})",
    "must say when the early-bird price ends ({tier})": "harus menyebut kapan harga early bird berakhir ({tier})",
    "must be after early_bird_start ({tier})": "harus setelah early_bird_start ({tier})",
    "the quotas add up to {quotas}, the capacity is {capacity}": (
        "jumlah semua kuota {quotas}, sedangkan kapasitasnya {capacity}"
    ),
    # promo codes
    "must say at whose event, where the platform does not pay": (
        "harus menyebut acara siapa, bila bukan platform yang membayar"
    ),
    "are for codes that the platform pays for": "hanya untuk kode yang dibayar platform",
    "give either percent or amount": "isi salah satu: percent atau amount",
    "is for percentages only": "hanya untuk potongan dalam persen",
    "must be after starts_at": "harus setelah starts_at",
    "need the event_id that they belong to": "memerlukan event_id dari acaranya",
    "must be tiers of the event": "harus jenis tiket dari acara itu",
    "must name every tier of the event once": "harus menyebut setiap jenis tiket acara ini satu kali",
    "This promo code {reason}.": "Kode promo ini {reason}.",
    "is no longer offered": "tidak ditawarkan lagi",
    "can't be used yet": "belum dapat dipakai",
    "can't be used any more: its time is over": "tidak dapat dipakai lagi: masanya sudah lewat",
    "is not for these tickets": "tidak berlaku untuk tiket ini",
    "needs tickets for at least {least}": "memerlukan tiket senilai minimal {least}",
    "has nothing to take off: these tickets are free": "tidak memotong apa pun: tiket ini gratis",
    "is not known for this event": "tidak dikenal untuk acara ini",
    # orders
    "give one attendee per ticket, or none and name them at checkout": (
        "isi satu peserta per tiket, atau kosongkan dan sebutkan saat checkout"
    ),
    "at most {most} of {tier} per order": "maksimal {most} dari {tier} per pesanan",
    "must be a passport number of 6 to 9 letters and digits, or a NIK of 16 digits": (
        "harus nomor paspor 6 sampai 9 huruf dan angka, atau NIK 16 angka"
    ),
    "must be a NIK of 16 digits as on the identity card, or set identity_type to passport": (
        "harus NIK 16 angka seperti di KTP, atau isi identity_type dengan passport"
    ),
    "is not an item of this order": "bukan bagian dari pesanan ini",
    "item {item}": "item {item}",
    "identity_number of item {item}": "identity_number untuk item {item}",
    "must be empty, as this order has sold nothing": "harus kosong, karena pesanan ini tidak menjual apa pun",
    "names a line that is not in this order": "menyebut baris yang tidak ada dalam pesanan ini",
    "names a ticket that is not, or no longer, good in this order": (
        "menyebut tiket yang tidak, atau tidak lagi, berlaku dalam pesanan ini"
    ),
    # money
    "`to` must be after `from`": "`to` harus setelah `from`",
    "`to` must not be before `from`": "`to` tidak boleh sebelum `from`",
    "is not as long as {bank} makes them": "panjangnya tidak sesuai dengan nomor rekening {bank}",
    "is not accepted by the bank": "tidak diterima oleh bank",
    "is not known to the bank": "tidak dikenal oleh bank",
    "is not the bank's name for it": "bukan nama pemilik menurut bank",
    "must be {gateway}: {through} has none of this money": "harus {gateway}: {through} tidak memegang uang ini",
    "must be events of yours": "harus acara Anda sendiri",
    # files
    "is missing; send the file under this name": "belum ada; kirim berkas dengan nama ini",
    "is damaged or incomplete; export the picture again": "rusak atau tidak lengkap; ekspor ulang gambarnya",
    "is made of too many parts; export the picture again": "terdiri dari terlalu banyak bagian; ekspor ulang gambarnya",
    "must be at most {side} pixels wide and high, and {millions} million pixels in all": (
        "maksimal {side} piksel lebar dan tinggi, dan {millions} juta piksel seluruhnya"
    ),
    "must have {least} characters or more, or be a BIB number": "minimal {least} karakter, atau berupa nomor BIB",
    # whole requests
    "has more than {most} mistakes; send only known fields": (
        "memuat lebih dari {most} kesalahan; kirim hanya bidang yang dikenal"
    ),
    "Some fields are not right. Correct the ones listed and send the request again.": (
        "Beberapa bidang belum benar. Perbaiki yang disebut lalu kirim lagi."
    ),
}
"""Indonesian texts by the English text or template. tests/unit/web/test_wording.py finds those without one here."""


def requested_language(request: Request) -> Language:
    """The language of the response, by the header Accept-Language; English if it names none of ours."""
    return _LANGUAGES[request.accept_languages.best_match(_LANGUAGES, default="en")]


def translate(message: str, language: Language) -> str:
    """A message of ours in that language, or as it is if it has no translation."""
    if language == "en":
        return message
    template = getattr(message, "template", message)
    translation = INDONESIAN.get(template)
    if translation is None:
        return message
    values = getattr(message, "values", {})
    if not values:
        return translation
    return translation.format(**{name: _in_indonesian(value) for name, value in values.items()})


def message(entry: Mapping[str, Any]) -> str:
    """The message of one of pydantic's errors, without expressions and prefixes."""
    kind, context = entry["type"], entry.get("ctx", {})
    if kind == "value_error":
        return _own(context.get("error"))
    if kind == "string_pattern_mismatch":
        return BY_PATTERN.get(context["pattern"], INVALID_FORMAT)
    if kind in ("string_too_short", "too_short") and context["min_length"] == 1:
        return _EMPTY
    template = BY_TYPE.get(kind, INVALID_FORMAT)
    values = _values(context, entry["loc"])
    return Sentence(template, **values) if "{" in template else template


def _own(error: Any) -> str:
    """The text of a ValueError that our own code has raised; a general one for a library's."""
    text = error.args[0] if isinstance(error, ValueError) and error.args else ""
    return text if getattr(text, "template", text) in INDONESIAN else INVALID_FORMAT


def _values(context: Mapping[str, Any], location: tuple[Any, ...]) -> dict[str, Any]:
    limits = [context[name] for name in ("ge", "gt", "le", "lt") if name in context]
    values = {name: context[name] for name in ("min_length", "max_length") if name in context}
    if limits:
        values["limit"] = _with_unit(limits[0], location[-1] if location else "")
    if "expected" in context:
        values["choices"] = _choices(context["expected"])
    return values


def _with_unit(limit: int, field: Any) -> Any:
    if field in _IN_RUPIAH:
        return rupiah.formatted(limit)
    return f"{limit}%" if field in _IN_PERCENT else limit


def _choices(expected: str) -> str:
    """The choices that pydantic writes as `'a', 'b' or True`, as people write them."""
    names = [quoted if quoted else bare.lower() for quoted, bare in _CHOICE.findall(expected)]
    if len(names) < 2:
        return "".join(names)
    return Sentence("{others} or {last}", others=", ".join(names[:-1]), last=names[-1])


def _in_indonesian(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(translate(text, "id") for text in value)
    if isinstance(value, Sentence):
        return translate(value, "id")
    return f"{value:,}".replace(",", ".") if isinstance(value, int) else str(value)
