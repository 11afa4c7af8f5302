"""One WhatsApp for the module, and the payment gateways' simulators served in this process."""

import itertools
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from infra.local.postgres import Postgres
from shared.cloud.settings import settings
from shared.gateways import registry
from tests.doubles import Published
from tests.integration.chat.phones import NUMBER_ID, FakeWhatsApp, Phone
from tests.model.gateways import Gateways, gateways

_counted = itertools.count(1)


@pytest.fixture(scope="module")
def paying(postgres: Postgres) -> Iterator[Gateways]:
    """The payment gateways."""
    with gateways(postgres, f"gateways_{uuid4().hex[:12]}") as running:
        yield running


@pytest.fixture
def whatsapp(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWhatsApp]:
    """WhatsApp, which takes everything unless told otherwise."""
    double = FakeWhatsApp()
    monkeypatch.setenv("WHATSAPP_PHONE_NUMBER_ID", NUMBER_ID)
    settings.cache_clear()
    monkeypatch.setattr(registry, "whatsapp", lambda: double)
    yield double
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def a_phone(whatsapp: FakeWhatsApp, published: Published) -> Callable[..., Phone]:
    """Makes phones, each with a number and a user id of its own."""

    def make(name: str = "Budi Contoh", *, has_number: bool = True) -> Phone:
        count = next(_counted)
        number = f"62812{count:08}" if has_number else None
        return Phone(whatsapp, published, number, f"ID.{count:016}", name)

    return make
