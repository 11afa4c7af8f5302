"""Our clients at the gateways live as long as their keys."""

from collections.abc import Callable

import pytest

from shared.cloud import secrets
from shared.gateways import registry

KEYS = {
    "xendit-api-key": registry.xendit,
    "xendit-callback-token": registry.xendit,
    "midtrans-server-key": registry.midtrans,
    "midtrans-client-key": registry.midtrans,
    "sendgrid-api-key": registry.sendgrid,
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Secret Manager gives, for these tests alone."""
    monkeypatch.setattr(secrets, "_cache", {})
    secrets.provide(dict.fromkeys(KEYS, "of these tests only"))


@pytest.mark.parametrize("client", dict.fromkeys(KEYS.values()), ids=lambda client: client.__name__)
def test_a_client_is_kept_for_its_connections(client: Callable[[], object]):
    assert client() is client()


@pytest.mark.parametrize(("key", "client"), KEYS.items())
def test_a_rotated_key_is_used_without_a_deploy(key: str, client: Callable[[], object]):
    before = client()
    secrets.provide({key: "a newer one"})
    assert client() is not before
