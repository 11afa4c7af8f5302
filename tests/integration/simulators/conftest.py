"""One set of simulators for the module: served, with the local cloud's dispatcher sending their webhooks."""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from infra.local.cloud.dispatcher import Dispatcher
from infra.local.cloud.oidc import Signer
from infra.local.cloud.store import open_store
from infra.local.postgres import Postgres
from infra.local.simulators import inbox
from infra.local.simulators.application import application
from infra.local.simulators.settings import SimulatorSettings
from shared.gateways.http import Timeouts
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.sendgrid.client import Sender, SendGrid
from shared.gateways.whatsapp.client import WhatsApp
from shared.gateways.xendit.client import Xendit
from tests import migrated_cluster
from tests.integration.simulators.world import LateApplication, Payer, Receiver, served

XENDIT_KEY, CALLBACK_TOKEN = "xnd_development_test", "test-only-callback-token"
GOOGLE_CLIENT_ID = "test-only.apps.googleusercontent.com"
SERVER_KEY, CLIENT_KEY, SENDGRID_KEY = "SB-Mid-server-test", "SB-Mid-client-test", "SG.test"
WHATSAPP_TOKEN, APP_SECRET, PHONE_NUMBER_ID = "EAA-test", "app-secret-test", "208000000000001"

PATIENCE = Timeouts(
    read_seconds=60, total_seconds=90, first_wait_seconds=0.01, longest_wait_seconds=0.05, failures_to_open=1000
)


@pytest.fixture(scope="module")
def store_url(postgres: Postgres) -> Iterator[str]:
    """An empty store for the simulators."""
    name = f"simulators_{uuid4().hex[:12]}"
    postgres.create_database(name, template=migrated_cluster.STORE)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """The server to which the simulators send their webhooks."""
    taking = Receiver()
    with served(taking) as url:
        taking.url = url
        yield taking


@pytest.fixture(scope="module")
def base_url(store_url: str, receiver: Receiver) -> Iterator[str]:
    """The address of the simulators and the inbox, with their webhooks on the way."""
    apps = LateApplication()
    with ExitStack() as stack:
        url = stack.enter_context(served(apps))
        settings = SimulatorSettings(
            public_url=url,
            webhook_url=f"{receiver.url}/webhook",
            xendit_api_key=XENDIT_KEY,
            xendit_callback_token=CALLBACK_TOKEN,
            midtrans_server_key=SERVER_KEY,
            midtrans_client_key=CLIENT_KEY,
            sendgrid_api_key=SENDGRID_KEY,
            google_client_ids=(GOOGLE_CLIENT_ID,),
            mail_events_url=f"{receiver.url}/webhook/sendgrid",
            whatsapp_webhook_url=f"{receiver.url}/webhook/whatsapp",
            whatsapp_access_token=WHATSAPP_TOKEN,
            whatsapp_app_secret=APP_SECRET,
            whatsapp_phone_number_id=PHONE_NUMBER_ID,
            whatsapp_number="628110000001",
            first_retry_seconds=0.1,
            settle_seconds=0.4,
        )
        apps.parts = {"/simulators": application(store_url, settings), "/inbox": inbox.application(store_url)}
        for part in apps.parts.values():
            stack.callback(part.close)
        engine = open_store(store_url)
        stack.callback(engine.dispose)
        dispatcher = Dispatcher(engine, Signer(engine))
        dispatcher.start()
        stack.callback(dispatcher.stop)
        yield url


@pytest.fixture
def xendit(base_url: str) -> Xendit:
    """Our Xendit client."""
    return Xendit(f"{base_url}/simulators/xendit", XENDIT_KEY, CALLBACK_TOKEN, timeouts=PATIENCE)


@pytest.fixture
def midtrans(base_url: str) -> Midtrans:
    """Our Midtrans client."""
    return Midtrans(core_url=f"{base_url}/simulators/midtrans", server_key=SERVER_KEY, timeouts=PATIENCE)


@pytest.fixture
def sendgrid(base_url: str) -> SendGrid:
    """Our SendGrid client."""
    sender = Sender("tiket@karcis.example", "Karcis")
    return SendGrid(f"{base_url}/simulators/sendgrid", SENDGRID_KEY, sender, timeouts=PATIENCE)


@pytest.fixture
def whatsapp(base_url: str) -> WhatsApp:
    """Our WhatsApp client."""
    return WhatsApp(f"{base_url}/simulators/whatsapp", "v26.0", PHONE_NUMBER_ID, WHATSAPP_TOKEN, timeouts=PATIENCE)


@pytest.fixture
def xendit_payer(base_url: str) -> Payer:
    """Pays at Xendit."""
    return Payer(base_url, "xendit")


@pytest.fixture
def midtrans_payer(base_url: str) -> Payer:
    """Pays at Midtrans."""
    return Payer(base_url, "midtrans")
