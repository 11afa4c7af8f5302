"""A CSV for spreadsheets says what is in it, and never calculates."""

import csv
import io

import pytest

from shared import csv_text


def read_back(content: bytes) -> list[list[str]]:
    """The cells as a spreadsheet reads them."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "start",
    [*"=+-@\t\r\n＝＋－＠﹢﹣﹦﹫⁺⁼₊−", " =", "\u00a0=", "\u200b=", "\ufeff＝", "\x00=", "\u3000＠"],
)
def test_text_that_would_be_a_formula_is_text(start: str):
    formula = f'{start}HYPERLINK("https://example.com","Klik")'
    assert read_back(csv_text.to_bytes(["name"], [[formula]])) == [["name"], [f"'{formula}"]]


@pytest.mark.parametrize(
    "cell", ["Siti = Rahma", 'kutip "dua", koma', "baris\nbaru", "Ngũgĩ", "", " ", "\u200b", " spasi", "（１＝１）"]
)
def test_other_text_is_kept_as_it_is(cell: str):
    assert read_back(csv_text.to_bytes(["name"], [[cell]]))[1] == [cell]


def test_numbers_stay_numbers_and_nothing_is_empty():
    assert read_back(csv_text.to_bytes(["amount", "note"], [[-100_000, None]]))[1] == ["-100000", ""]
