"""A line of text shows something, and nothing in it is hidden."""

import unicodedata
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.field_types import MAX_COMBINING_MARKS, limit_marks, line, paragraphs, plain_name

LINE = TypeAdapter(Annotated[str, line(20)])
PARAGRAPHS = TypeAdapter(Annotated[str, paragraphs(20)])

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    "words",
    [
        "Konser Senja",
        "Malam \u2764\ufe0f",  # a red heart: a sign and its variation
        f"Hari {FAMILY}",
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # the rainbow flag
        "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc",  # Persian, with a joiner that parts two letters
        "Nguy\u1ec5n",
        "Jose\u0301",
        "100%",
        "東京",
    ],
)
def test_what_people_write_is_taken_as_it_is(words: str):
    assert LINE.validate_python(words) == words
    assert PARAGRAPHS.validate_python(words) == words


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ("Kon\u200bser", "Konser"),
        ("\ufeffKonser\u200e", "Konser"),
        ("Konser \u202exslx.exe", "Konser xslx.exe"),
        ("Kon\u00adser", "Konser"),
        ("Kon\u200dser", "Konser"),
        ("Kon\u200b\u200d\u200bser", "Konser"),
        ("東\u200d\u200d京", "東京"),
        ("\u200b  Konser\u2060  ", "Konser"),
        ("Konser\U000e0041", "Konser"),
    ],
)
def test_what_nobody_can_see_is_left_out(words: str, taken: str):
    assert LINE.validate_python(words) == taken
    assert PARAGRAPHS.validate_python(words) == taken


@pytest.mark.parametrize(
    "words",
    [
        "",
        " ",
        "\u200b",
        "\u200d",
        "\ufe0f",
        "\u3164",
        "\u2800 \u2800",
        "\u00a0",
        "\u0301",
        "\u202e\u202c",
        "\u00ad \u2060",
    ],
)
def test_a_line_that_shows_nothing_is_refused(words: str):
    with pytest.raises(ValidationError):
        LINE.validate_python(words)


@pytest.mark.parametrize("sign", ["\n", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"])
def test_a_line_has_no_control_characters(sign: str):
    with pytest.raises(ValidationError):
        LINE.validate_python(f"a{sign}b")


def test_paragraphs_have_lines_and_no_other_control_characters():
    assert PARAGRAPHS.validate_python("a\r\nb\tc\u2028d\n") == "a\r\nb\tc\u2028d"
    assert PARAGRAPHS.validate_python("") == ""
    for sign in ("\x00", "\x0c", "\x1b", "\x85"):
        assert PARAGRAPHS.validate_python(f"a{sign}b") == "ab"


def test_lengths_count_what_was_sent():
    for adapter in (LINE, PARAGRAPHS):
        assert adapter.validate_python("a" * 20)
        with pytest.raises(ValidationError):
            adapter.validate_python("a" * 21)
    assert LINE.json_schema()["maxLength"] == 20


@pytest.mark.parametrize(
    "words",
    [
        "สมชาย ใจดีที่สุด",
        "בְּרֵאשִׁ֖ית בָּרָ֣א",
        "مُحَمَّدٌ اللّٰه",
        unicodedata.normalize("NFD", "Nguyễn Thị Ngọc Hạnh"),
        "ꦲꦤꦏ꧀ꦏꦿꦺꦴꦁ ꦱꦸꦠꦿꦶꦱ꧀ꦤ",
        "प्रिया शर्मा",
    ],
)
def test_marks_that_a_language_needs_stay(words):
    assert limit_marks(words) == words


def test_marks_that_nobody_reads_are_left_out():
    piled = "Z" + "\u0301" * 200 + "algo"
    assert limit_marks(piled) == "Z" + "\u0301" * MAX_COMBINING_MARKS + "algo"
    assert (
        TypeAdapter(Annotated[str, line(10)]).validate_python("A" + "\u0301" * 9)
        == "A" + "\u0301" * MAX_COMBINING_MARKS
    )


@pytest.mark.parametrize(
    "name",
    [
        "Akun Anda dibekukan. Buka https://karcis-bantuan.example/masuk",
        "Menangkan hadiah di hadiah-karcis.com",
        "karcis．com",
        "karcis。id sekarang",
        "www.karcis",
        "tulis ke admin@example.com",
        "WA: 0812",
        "bit.ly/x1",
        "mailto:a",
    ],
)
def test_a_name_holds_nothing_to_follow(name: str):
    with pytest.raises(ValueError, match="without links"):
        plain_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Siti Rahma, S.Kom.",
        "Dr.Ir. Budi Santoso, M.Sc",
        "Moh.Rizki",
        "H. A. Wahid",
        "PT Maju Jaya Tbk.",
        "Nur'aini",
        "R.A. Kartini",
        "CV Sinar/Terang",
        "Ph.D Andi",
        "安田 太郎",
        "O’Brien-Smith Jr.",
    ],
)
def test_names_with_titles_are_names(name: str):
    assert plain_name(name) == name
