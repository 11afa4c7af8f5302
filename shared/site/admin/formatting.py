"""Words that several pages of the admin desk need: amounts of rupiah, gateways by their names."""

from typing import Final

from shared import rupiah
from shared.gateways.names import BRANDS
from shared.web.pages import Language

_UNBREAKABLE_SPACE: Final = "\u00a0"


def money(language: Language, amount: int) -> str:
    """An amount of rupiah, in one piece."""
    return rupiah.formatted(amount, language).replace(" ", _UNBREAKABLE_SPACE)


def gateway(name: str | None) -> str:
    """A gateway by its name."""
    return BRANDS.get(name or "", name or "–")
