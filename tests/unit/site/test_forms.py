"""A redirect after signing in stays with us."""

import pytest

from shared.site import forms


@pytest.mark.parametrize("address", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/a\n"])
def test_strangers_addresses_are_not_gone_on_to(address):
    assert forms.safe_next(address, "/orders") == "/orders"


@pytest.mark.parametrize("address", ["/orders/1?x=1", "/buy/konser?t_1=2"])
def test_ours_are(address):
    assert forms.safe_next(address, "/orders") == address
