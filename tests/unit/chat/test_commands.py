"""Commands in a chat, however they are typed (CHAT-1)."""

import pytest

from shared.chat import commands
from shared.chat.commands import Command


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("buymidtrans viu1b 1", Command("buy", "", "VIU1B", 1, "midtrans")),
        ("  Beli   jazz-reg  2 !", Command("buy", "id", "JAZZ-REG", 2)),
        ("BUY K7M2QP", Command("buy", "en", "K7M2QP")),
        ("beli k7m2qp 2 tiket", Command("buy", "id", "K7M2QP", 2)),
        ("buy K7M2QP two", Command("buy", "en", "K7M2QP", 2)),
        ("beli VIU1B 2x SENJA10", Command("buy", "id", "VIU1B", 2, promo="SENJA10")),
        ("beli K7M2QP 0", Command("buy", "id", "K7M2QP", 0)),
        ("Menu.", Command("menu")),
        ("sudah   bayar?", Command("paid", "id")),
        ("*BATAL*", Command("cancel", "id")),
        ("Pengembalian dana", Command("refund", "id")),
        ("refund", Command("refund")),
        ("English", Command("language", "en")),
        ("id", Command("language", "id")),
    ],
)
def test_a_command_is_known_whatever_is_around_it(typed: str, command: Command):
    assert commands.read(typed) == command


@pytest.mark.parametrize(
    "typed", ["", "?!", "beli", "beli x 1", "beli kode -1", "beli kode enam", "saya mau beli", "1", "beli kode ſatu"]
)
def test_anything_else_is_no_command(typed: str):
    assert commands.read(typed) is None


@pytest.mark.parametrize(
    ("typed", "number"), [("2", 2), (" 1 tiket.", 1), ("Dua", 2), ("3x", 3), ("two tickets", 2), ("0", 0)]
)
def test_a_number_is_known_with_what_it_counts(typed: str, number: int):
    assert commands.number(typed) == number


@pytest.mark.parametrize("typed", ["", "2 ekor", "-", "dua belas", "1234567", "1.5", "Budi 2", "ſatu", "tıga", "١"])
def test_other_words_are_no_number(typed: str):
    assert commands.number(typed) is None


def test_a_code_alone_is_a_purchase_and_a_command_is_none():
    assert commands.purchase_without_verb("k7m2qp 2 senja10") == Command("buy", "", "K7M2QP", 2, promo="senja10")
    assert commands.purchase_without_verb("menu") is None
