"""Identity numbers: a NIK is checked by its structure, a passport number by its format.

The rules and their sources are in docs/reference/identity-numbers.md. Only the issuer can tell whether a number exists.
"""

import re
from calendar import monthrange
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from shared.cloud import clock
from shared.field_types import SeparatorsRemoved, remove_separators
from shared.models import RequestModel

IdentityType = Literal["nik", "passport"]

_NIK: Final = re.compile(
    r"(?P<province>[0-9]{2})(?P<regency>[0-9]{2})(?P<district>[0-9]{2})"
    r"(?P<day>[0-9]{2})(?P<month>[0-9]{2})(?P<year>[0-9]{2})(?P<serial>[0-9]{4})"
)
_PROVINCES: Final = frozenset(
    (*range(11, 20), 21, *range(31, 37), *range(51, 54), *range(61, 66), *range(71, 77), 81, 82, *range(91, 97))
)
_ADDED_FOR_WOMEN: Final = 40
_PASSPORT: Final = re.compile(r"(?=.*[0-9])(?!0*$)[A-Z0-9]{6,9}")
_LETTER: Final = re.compile(r"[A-Z]")


_Number = Annotated[str, StringConstraints(max_length=40), SeparatorsRemoved]


class IdentityFields(RequestModel):
    """The identity document of a person, where a tier asks for it. The type defaults to NIK."""

    identity_type: IdentityType | None = None
    """`nik` (16 digits) or `passport`. Left out, a number with letters is a passport's and any other a NIK."""
    identity_number: Annotated[_Number | None, Field(repr=False)] = None
    """Kept only where the tier asks for it; left out of every `repr`, so that no log can show it."""

    @field_validator("identity_number")
    @classmethod
    def _as_compared(cls, number: str | None, info: ValidationInfo) -> str | None:
        return number and normalize(number, info.data.get("identity_type"))


def normalize(number: str, identity_type: IdentityType | None = None) -> str:
    """Normalize an identity number for comparison: no separators, upper case. Raises ValueError."""
    plain = remove_separators(number).upper()
    if identity_type == "passport" or (identity_type is None and _LETTER.search(plain)):
        if not _PASSPORT.fullmatch(plain):
            raise ValueError("must be a passport number of 6 to 9 letters and digits, or a NIK of 16 digits")
    elif not _is_nik(plain):
        raise ValueError("must be a NIK of 16 digits as on the identity card, or set identity_type to passport")
    return plain


def _is_nik(plain: str) -> bool:
    parts = _NIK.fullmatch(plain)
    if parts is None:
        return False
    return (
        int(parts["province"]) in _PROVINCES
        and "00" not in (parts["regency"], parts["district"])
        and parts["serial"] != "0000"
        and _is_birth_date(int(parts["day"]), int(parts["month"]), int(parts["year"]))
    )


def _is_birth_date(day: int, month: int, year: int) -> bool:
    """True if the date is a possible date of birth in this century or the last; women's days are raised by 40."""
    if day > _ADDED_FOR_WOMEN:
        day -= _ADDED_FOR_WOMEN
    return any(_is_past_date(century + year, month, day) for century in (1900, 2000))


def _is_past_date(year: int, month: int, day: int) -> bool:
    if not (1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
        return False
    return date(year, month, day) <= clock.now().date()
