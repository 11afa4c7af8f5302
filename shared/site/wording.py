"""Numbers, money and short dates as the two languages write them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from shared.web.pages import Language

# fmt: off
_MONTHS: dict[Language, tuple[str, ...]] = {
    "id": ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_DAYS: dict[Language, tuple[str, ...]] = {
    "id": ("Sen", "Sel", "Rab", "Kam", "Jum", "Sab", "Min"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
# fmt: on


def number(value: int, language: Language) -> str:
    """`12.500` in Indonesian, `12,500` in English."""
    written = f"{value:,}"
    return written.replace(",", ".") if language == "id" else written


def rupiah(amount: int, language: Language) -> str:
    """`Rp 150.000` in Indonesian, `Rp 150,000` in English; with a space that does not break."""
    return f"Rp\u00a0{number(amount, language)}"


def grouped(number: str) -> str:
    """A long number in groups of four, to be read and compared."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def short_date(moment: datetime, zone: str, language: Language) -> str:
    """`Sab, 26 Des 2026`: the day of `moment` in `zone`."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{_DAYS[language][local.weekday()]}, {local.day} {_MONTHS[language][local.month - 1]} {local.year}"
