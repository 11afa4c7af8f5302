"""The world of a seed: the product, what it stands on, the people around it, and what they were told."""

import gc
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import pg8000.dbapi
import pg8000.legacy
from jwt.api_jws import PyJWS

from functions.manifest import manifest
from infra.local.postgres import Postgres
from infra.local.simulators import sendgrid
from infra.local.simulators.settings import SimulatorSettings
from shared.cloud.settings import settings
from tests import product_database
from tests.conftest import ENVIRONMENT, SECRETS
from tests.simulation import database as databases
from tests.simulation import logs, randomness, seasons
from tests.simulation.clock import Clock
from tests.simulation.cloud_tasks import CloudTasks
from tests.simulation.database import Database
from tests.simulation.delivery import Deliveries
from tests.simulation.faults import Fault, Faults
from tests.simulation.firestore import Firestore
from tests.simulation.functions import Functions
from tests.simulation.gateways import Gateways
from tests.simulation.mail_promises import MailPromises
from tests.simulation.network import GATEWAYS, Network
from tests.simulation.outages import Outages
from tests.simulation.people import People
from tests.simulation.phones import Phones
from tests.simulation.promises import Promises
from tests.simulation.pubsub import DeadLetters, PubSub
from tests.simulation.revisions import CLIENTS, Revisions
from tests.simulation.scheduler import Scheduler
from tests.simulation.storage import Storage
from tests.simulation.violations import Violation

OURS = "http://karcis.test"
NOT_RUN = frozenset({"synthetic_purchase", "prewarm"})
"""Functions whose jobs watch a deployed product: they buy as everybody else does here, or start instances."""

SETTINGS = {
    **ENVIRONMENT,
    "CANCELLATION_APPROVAL": "required",
    "DATABASE_ROLE": "",
    "POOL_SIZE": "4",
    "POOL_TIMEOUT_SECONDS": "1",
    "PUBLIC_URL": OURS,
    "FUNCTION_URL_TEMPLATE": f"{OURS}/functions/{{name}}",
    "XENDIT_BASE_URL": f"{GATEWAYS}/xendit",
    "MIDTRANS_BASE_URL": f"{GATEWAYS}/midtrans",
    "MIDTRANS_SNAP_URL": f"{GATEWAYS}/midtrans",
    "SENDGRID_BASE_URL": f"{GATEWAYS}/sendgrid",
    "WHATSAPP_BASE_URL": f"{GATEWAYS}/whatsapp",
    "WHATSAPP_PHONE_NUMBER_ID": "106540352242922",
    "WHATSAPP_NUMBER": "6281100000000",
}


MAX_STATEMENTS = 2000
"""How many statements stay prepared on a connection: here it serves all functions."""
OBJECTS_BEFORE_COLLECTION = 100_000
TOKEN_PARTS = 1000


class World:
    """One process's world, used for one seed after the other."""

    def __init__(self, errors: logs.LastErrors, revisions: Revisions) -> None:
        self.errors, self.revisions = errors, revisions
        self.clock = Clock()
        self.faults = Faults()
        self.manifest = manifest()
        self.database = Database(self.clock, self.faults)
        self.deliveries = Deliveries()
        self.gateways = Gateways(_simulator_settings(), self.clock, self.deliveries)
        self.outages = Outages(self.clock)
        self.network = Network(self.gateways.application, self.clock, self.faults, self.outages)
        self.functions = Functions(self.manifest, revisions, self.database, self.clock, self.faults)
        self.phones = Phones(self.network)
        self.promises = Promises()
        self.mail_promises = MailPromises()
        self.meanwhile: list[str] = []
        """The events of this step while a process stood still."""
        self.broken_meanwhile: Violation | None = None
        self.outcomes: Counter[str] = Counter()
        """The outcomes of the acts, counted by act and outcome."""

    def begin(self, seed: int) -> None:
        """Begin a seed with nothing but its people and events."""
        randomness.reseed(seed)
        self.clock.restart()
        self.end_faults()
        self.database.reset(seed)
        self.deliveries = Deliveries()
        self.gateways.reset(self.deliveries)
        self.network.not_listed.clear()
        self.phones.begin()
        self.functions.begin()
        self.storage = Storage(self.faults)
        self.scheduler = Scheduler(self.manifest, self.clock, self.deliveries, NOT_RUN)
        self.pubsub = PubSub(self.manifest, self.clock, self.faults, self.deliveries)
        cloud = {
            "publisher": self.pubsub,
            "subscriber": DeadLetters(self.deliveries),
            "tasks": CloudTasks(self.manifest, self.clock, self.faults, self.deliveries),
            "storage": self.storage,
            "firestore": Firestore(self.clock, self.faults),
        }
        os.environ.update(seasons.settings_of(seed))
        for revision in self.revisions.all:
            revision.use(cloud)
            revision.reread_settings()
        self.promises = Promises()
        self.mail_promises = MailPromises()
        chance = random.Random(seed)
        with self.database.owner.begin() as tx:
            season = seasons.of(seed)
            self.people = People.gather(tx, chance, season.days, is_rush=season.has_waiting_room)

    def arm(self, fault: Fault | None) -> None:
        """Begin a step, with its fault."""
        self.errors.records.clear()
        self.mail_promises.end_step(is_unclear=self.is_step_unclear)
        self.faults.arm(fault)
        self.outages.have_struck = False
        self.meanwhile.clear()
        self.broken_meanwhile = None
        self.database.replace_cut_connections()

    def end_faults(self) -> None:
        """Let no fault strike any more, and no gateway be away."""
        self.arm(None)
        self.outages.end()

    def advance(self, seconds: float) -> None:
        """Let time pass, and the jobs of the minutes that have come be sent."""
        self.clock.advance(seconds)
        self.scheduler.fire_due()

    def raise_if_broken(self) -> None:
        """Raise the Violation that was seen in the middle of a call."""
        if self.broken_meanwhile:
            raise self.broken_meanwhile

    @property
    def is_step_unclear(self) -> bool:
        """True if a fault has struck in this step, or somebody stood still in it."""
        return self.faults.has_struck or self.faults.is_dead or self.outages.have_struck or bool(self.meanwhile)

    def check_mails(self) -> None:
        """Ask whether the mails that were just sent are true."""
        try:
            self.mail_promises.check_new(self)
        except Violation as violation:  # the product, which may be in the middle of something, must not catch it
            self.broken_meanwhile = violation

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Look into the database, unseen by the product."""
        return self.database.rows(query, **values)


@contextmanager
def world(postgres: Postgres, name: str, beside: Path | None = None) -> Iterator[World]:
    """A world on a database of its own, installed in this process; `beside` holds the sources of a second revision."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, SETTINGS))
        stack.enter_context(_driver_as_it_was())
        postgres.create_database(name, template=databases.TEMPLATE)
        stack.callback(postgres.drop_database, name)
        product_database.use(postgres.url(name))
        made = World(stack.enter_context(logs.kept()), Revisions(beside))
        stack.callback(made.database.close)
        stack.callback(settings.cache_clear)
        for revision in made.revisions.all:
            stack.callback(revision.use, dict.fromkeys(CLIENTS))
            statements = revision.module("shared.cloud.prepared_statements")
            stack.enter_context(mock.patch.object(statements, "MAX_STATEMENTS", MAX_STATEMENTS))
        stack.enter_context(_collecting_rarely())
        stack.enter_context(_reading_tokens_once())
        stack.enter_context(made.clock.installed())
        stack.enter_context(randomness.installed())
        stack.enter_context(made.network.installed())
        stack.enter_context(made.gateways.installed())
        with made.gateways.store.begin() as tx:
            known = {**SECRETS, "sendgrid-webhook-key": sendgrid.public_key(tx)}
        for revision in made.revisions.all:
            revision.use_secrets(known)
        yield made


@contextmanager
def _reading_tokens_once() -> Iterator[None]:
    """Decode each part of a token once, as everybody shows theirs over and over; signatures are verified each time."""
    decode = lru_cache(maxsize=TOKEN_PARTS)(PyJWS._decode_base64url_segment)
    with mock.patch.object(PyJWS, "_decode_base64url_segment", staticmethod(decode)):
        yield


@contextmanager
def _driver_as_it_was() -> Iterator[None]:
    """Take back what a second revision's prepared statements have replaced in pg8000."""
    with ExitStack() as stack:
        for module in (pg8000.dbapi, pg8000.legacy):
            stack.enter_context(mock.patch.object(module, "convert_paramstyle", module.convert_paramstyle))
        yield


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Let the collector of garbage pass over what is there to stay, and look at the rest less often."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION, *before[1:])
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def _simulator_settings() -> SimulatorSettings:
    return SimulatorSettings(
        public_url=OURS,
        webhook_url=f"{OURS}/api/v1/payments/webhook",
        xendit_api_key=SECRETS["xendit-api-key"],
        xendit_callback_token=SECRETS["xendit-callback-token"],
        midtrans_server_key=SECRETS["midtrans-server-key"],
        midtrans_client_key=SECRETS["midtrans-client-key"],
        sendgrid_api_key=SECRETS["sendgrid-api-key"],
        mail_events_url=f"{OURS}/api/v1/messages/webhook/sendgrid",
        whatsapp_webhook_url=f"{OURS}/api/v1/chat/webhook/whatsapp",
        whatsapp_access_token=SECRETS["whatsapp-access-token"],
        whatsapp_app_secret=SECRETS["whatsapp-app-secret"],
        whatsapp_phone_number_id=SETTINGS["WHATSAPP_PHONE_NUMBER_ID"],
        whatsapp_number=SETTINGS["WHATSAPP_NUMBER"],
        settle_seconds=60.0,
    )
