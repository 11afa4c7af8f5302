"""The keys that tickets are signed with."""

import pytest

from shared.cloud import secrets
from shared.tickets import qr
from tests.conftest import SECRETS


@pytest.fixture(autouse=True)
def signing_keys():
    """Keys of our own."""
    secrets.provide({name: SECRETS[name] for name in (qr.KEY, qr.SIGNATURE_KEY)})
