"""Forms and addresses give us where to go on after signing in, and numbers."""

import pytest

from shared.site import forms


@pytest.mark.parametrize("address", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/a\n"])
def test_strangers_addresses_are_not_gone_on_to(address):
    assert forms.safe_next(address, "/orders") == "/orders"


@pytest.mark.parametrize("address", ["/orders/1?x=1", "/buy/konser?t_1=2"])
def test_ours_are(address):
    assert forms.safe_next(address, "/orders") == address


@pytest.mark.parametrize(
    ("given", "number"),
    [("3", 3), ("0", 0), ("500", 100), ("9" * 5000, 100), ("-1", None), ("\u00b2", None), ("", None)],
)
def test_a_number_that_somebody_typed_has_a_limit_and_breaks_nothing(given: str, number: int | None):
    assert forms.whole_number(given, 100) == number
