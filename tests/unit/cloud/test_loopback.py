"""A database on this machine is spoken to in the clear, any other one encrypted wherever it can."""

import pytest

from shared.cloud import loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_on_this_machine_nothing_is_encrypted(host: str):
    assert loopback.connect_args(f"postgresql+pg8000://postgres@{host}:5432/karcis") == {"ssl_context": False}


@pytest.mark.parametrize("host", ["10.0.0.3", "db.example.com", "localhost.example.com"])
def test_elsewhere_it_is_left_to_the_server(host: str):
    assert loopback.connect_args(f"postgresql+pg8000://postgres@{host}:5432/karcis") == {}
