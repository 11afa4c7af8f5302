"""Identity numbers are checked by their form, and do not show themselves (REG-1)."""

from uuid import uuid4

import pytest
from pydantic import ValidationError

from shared.payments.checkout import NamedAttendee
from shared.sales.identity_numbers import normalize
from shared.sales.registrations import mask
from shared.sales.reservation_requests import Attendee


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("3171234508900001", "3171234508900001"),
        ("3171 2345 0890 0001", "3171234508900001"),
        ("31.71.2345.0890-0001", "3171234508900001"),
        ("c1234567", "C1234567"),
        ("X 1234567", "X1234567"),
    ],
)
def test_a_nik_or_a_passport_number_however_it_is_written(written, compared):
    assert normalize(written) == compared


@pytest.mark.parametrize(
    "nik",
    [
        "1101010101000001",  # the first of 2000 in Aceh
        "9601011512790001",  # Papua Barat Daya, a province since 2022
        "3171236902000001",  # a woman of 29 February 2000
        "3171237112991234",  # a woman of the 31st
        "3578103112259999",  # a century old
    ],
)
def test_whoever_can_have_been_born_in_a_province_can_have_a_nik(nik):
    assert normalize(nik) == normalize(nik, "nik") == nik


@pytest.mark.parametrize(
    "nik",
    [
        "0000000000000000",
        "9999999999999999",
        "9971234508900001",  # no province
        "2071234508900001",
        "3100234508900001",  # no regency
        "3171004508900001",  # no district
        "3171239908900001",  # day 99
        "3171230008900001",
        "3171234008900001",  # day 40: neither a man's nor a woman's
        "3171233208900001",
        "3171237208900001",
        "3171233104900001",  # 31 April
        "3171232902010001",  # 29 February of no leap year
        "3171234500900001",
        "3171234513900001",
        "3171234508900000",  # serials begin with 0001
        "123456",
        "317123450890001",
    ],
)
def test_digits_that_are_no_nik_are_refused(nik):
    for identity_type in (None, "nik"):
        with pytest.raises(ValueError, match="NIK of 16 digits"):
            normalize(nik, identity_type)


def test_a_passport_is_told_by_its_type_or_its_letters():
    assert normalize("340020013", "passport") == "340020013", "the United States number them by digits alone"
    assert normalize("X 1234567") == normalize("x1234567", "passport") == "X1234567"
    for number, identity_type in (("340020013", None), ("X1234567", "nik"), ("000000", "passport")):
        with pytest.raises(ValueError, match="must be a"):
            normalize(number, identity_type)
    with pytest.raises(ValueError, match="passport"):
        normalize("3171234508900001", "passport")


@pytest.mark.parametrize("model", [Attendee, NamedAttendee])
def test_the_type_belongs_to_the_number(model):
    item = {"item_id": uuid4()} if model is NamedAttendee else {}
    person = {"name": "Ada", "email": "ada@example.com", **item}
    passport = model(**person, identity_type="passport", identity_number="340020013")
    assert passport.identity_number == "340020013"
    with pytest.raises(ValidationError) as refused:
        model(**person, identity_number="340020013")
    [error] = refused.value.errors()
    assert error["loc"] == ("identity_number",)
    assert model(**person).identity_number is None


@pytest.mark.parametrize(
    "written", ["", "12345", "31712345089000012", "317123456789000", "PASPORKU", "C123456/7", "Ⅷ1234567"]
)
def test_anything_else_is_none(written):
    with pytest.raises(ValueError, match="NIK"):
        normalize(written)


def test_four_characters_are_shown():
    assert mask("0001") == "************0001"


def test_a_request_does_not_show_the_number():
    attendee = Attendee(name="Siti", email="siti@example.com", identity_number="3171234508900001")
    assert "3171" not in f"{attendee!r} {attendee}"
