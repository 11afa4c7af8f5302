"""Our clients at the gateways live as long as their keys."""

from collections.abc import Callable

import pytest

from shared.cloud import secrets
from shared.cloud.settings import Settings
from shared.gateways import names, registry

KEYS = {
    "xendit-api-key": registry.xendit,
    "xendit-callback-token": registry.xendit,
    "midtrans-server-key": registry.midtrans,
    "sendgrid-api-key": registry.sendgrid,
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets for these tests alone."""
    monkeypatch.setattr(secrets, "_cache", {})
    secrets.provide(dict.fromkeys([*KEYS, "midtrans-client-key"], "of these tests only"))


def test_every_name_has_a_gateway_and_a_brand():
    assert list(names.NAMES) == list(registry.GATEWAYS) == list(names.BRANDS)
    assert all(registry.GATEWAYS[name]().name == name for name in names.NAMES)
    assert registry.transfer_gateway().name == registry.TRANSFERS


@pytest.mark.parametrize("client", dict.fromkeys(KEYS.values()), ids=lambda client: client.__name__)
def test_a_client_is_kept_for_its_connections(client: Callable[[], object]):
    assert client() is client()


def test_the_popup_s_script_is_beside_the_pages_of_midtrans_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch):
    real = Settings(midtrans_snap_url="https://app.sandbox.midtrans.com/")
    local = Settings(midtrans_snap_script_url="http://127.0.0.1:8080/simulators/midtrans/snap/snap.js")
    for chosen, url, origin in (
        (real, "https://app.sandbox.midtrans.com/snap/snap.js", "https://app.sandbox.midtrans.com"),
        (local, "http://127.0.0.1:8080/simulators/midtrans/snap/snap.js", "http://127.0.0.1:8080"),
    ):
        monkeypatch.setattr(registry, "settings", lambda chosen=chosen: chosen)
        script = registry.snap_script()
        assert (script.url, script.origin, script.client_key) == (url, origin, "of these tests only")


@pytest.mark.parametrize(("key", "client"), KEYS.items())
def test_a_rotated_key_is_used_without_a_deploy(key: str, client: Callable[[], object]):
    before = client()
    secrets.provide({key: "a newer one"})
    assert client() is not before
