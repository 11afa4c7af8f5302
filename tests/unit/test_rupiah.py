"""Amounts of rupiah as people read them."""

import pytest

from shared import rupiah


@pytest.mark.parametrize(
    ("amount", "language", "written"),
    [
        (0, "id", "Rp 0"),
        (1_250_000, "id", "Rp 1.250.000"),
        (1_250_000, "en", "Rp 1,250,000"),
        (-261_000, "id", "−Rp 261.000"),
    ],
)
def test_the_sign_of_an_amount_comes_before_its_currency(amount: int, language: str, written: str):
    assert rupiah.formatted(amount, language) == written
