"""Exact money. An amount is an `int` of whole rupiah everywhere; floats never touch it."""


def percent_of(amount: int, percent: int) -> int:
    """`percent` % of a non-negative amount, rounded half up to whole rupiah (TS-005)."""
    return (amount * percent + 50) // 100


def formatted(amount: int, language: str = "id") -> str:
    """An amount as Indonesians write it, `Rp 150.000` or `−Rp 150.000`, or in English `Rp 150,000`."""
    return f"{'−' if amount < 0 else ''}Rp {grouped(abs(amount), language)}"


def grouped(number: int, language: str = "id") -> str:
    """A number in groups of three digits: `12.500` in Indonesian, `12,500` in English."""
    in_english = f"{number:,}"
    return in_english if language == "en" else in_english.replace(",", ".")
