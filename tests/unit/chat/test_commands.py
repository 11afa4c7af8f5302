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
        ("beli K7M2QP 0", Command("buy", "id", "K7M2QP", 0)),
        ("Menu.", Command("menu")),
        ("sudah   bayar?", Command("paid", "id")),
        ("*BATAL*", Command("cancel", "id")),
        ("English", Command("language", "en")),
        ("id", Command("language", "id")),
    ],
)
def test_a_command_is_known_whatever_is_around_it(typed: str, command: Command):
    assert commands.read(typed) == command


@pytest.mark.parametrize(
    "typed", ["", "?!", "beli", "beli x 1", "beli kode -1", "beli kode satu", "saya mau beli", "1"]
)
def test_anything_else_is_no_command(typed: str):
    assert commands.read(typed) is None
