"""Which identity numbers are taken, and that they do not show themselves (REG-1)."""

import pytest

from shared.sales.registrations import masked, normalised
from shared.sales.reservations import Attendee


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("3171234567890001", "3171234567890001"),
        ("3171 2345 6789 0001", "3171234567890001"),
        ("31.71.2345.6789-0001", "3171234567890001"),
        ("c1234567", "C1234567"),
        ("X 1234567", "X1234567"),
        ("340020013", "340020013"),  # the United States number their passports by digits alone
    ],
)
def test_a_nik_or_a_passport_number_however_it_is_written(written, compared):
    assert normalised(written) == compared


@pytest.mark.parametrize(
    "written", ["", "12345", "31712345678900012", "317123456789000", "PASPORKU", "C123456/7", "Ⅷ1234567"]
)
def test_anything_else_is_none(written):
    with pytest.raises(ValueError, match="NIK"):
        normalised(written)


def test_four_characters_are_shown():
    assert masked("0001") == "************0001"


def test_a_request_does_not_show_the_number():
    attendee = Attendee(name="Siti", email="siti@example.com", identity_number="3171234567890001")
    assert "3171" not in f"{attendee!r} {attendee}"
