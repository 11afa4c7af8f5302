"""Both simulated gateways and the mail service, served in this process: real wire format, settled at once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import requests

from infra.local.postgres import Postgres
from infra.local.simulators.application import application
from infra.local.simulators.settings import SimulatorSettings
from shared.gateways import registry
from shared.gateways.http import Timeouts
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.xendit.client import Xendit
from tests import migrated_cluster
from tests.integration.simulators.world import LateApplication, served

PATIENCE = Timeouts(
    read_seconds=60, first_wait_seconds=0.001, longest_wait_seconds=0.002, total_seconds=90, failures_to_open=100_000
)
KEY = "of these tests only"


@dataclass(frozen=True)
class Gateways:
    """Payers, banks and bad luck at `url`."""

    url: str
    session: requests.Session

    def does(self, gateway: str, reference: str, action: str, **how: Any) -> None:
        """Press a button of a payment; one that is not possible any more does nothing."""
        answer = self.session.post(f"{self.url}/{gateway}/payments/{reference}/{action}", json=how, timeout=60)
        told = f"{gateway} {reference} {action} {how}: {answer.status_code} {answer.text}"
        assert answer.status_code in (200, 409), told

    def fails(self, gateway: str, **fault: Any) -> None:
        """Let the next API calls fail."""
        self.session.post(f"{self.url}/{gateway}/faults", json=fault, timeout=60).raise_for_status()

    def behaves(self, gateway: str) -> None:
        """Let no further call fail."""
        self.session.post(f"{self.url}/{gateway}/faults", json={"count": 0}, timeout=60).raise_for_status()

    def moved(self, gateway: str) -> dict[str, int]:
        """The money that came in (positive) and went out by each of our ids."""
        items = self.session.get(f"{self.url}/{gateway}/transactions", timeout=60).json()["items"]
        found: dict[str, int] = {}
        for item in items:
            found[item["external_id"]] = found.get(item["external_id"], 0) + item["amount"]
        return found


@contextmanager
def gateways(postgres: Postgres, database: str) -> Iterator[Gateways]:
    """Serve them, and let the product's own clients find them."""
    postgres.create_database(database, template=migrated_cluster.STORE)
    apps = LateApplication()
    with ExitStack() as stack:
        stack.callback(postgres.drop_database, database)
        url = stack.enter_context(served(apps))
        settings = SimulatorSettings(
            public_url=url,
            webhook_url=f"{url}/nobody-listens",
            xendit_api_key=KEY,
            xendit_callback_token=KEY,
            midtrans_server_key=KEY,
            sendgrid_api_key=KEY,
            settle_seconds=0,
        )
        part = application(postgres.url(database), settings)
        stack.callback(part.close)
        apps.parts = {"/simulators": part}
        root = f"{url}/simulators"
        xendit = Xendit(f"{root}/xendit", KEY, KEY, timeouts=PATIENCE)
        midtrans = Midtrans(core_url=f"{root}/midtrans", snap_url=f"{root}/midtrans", server_key=KEY, timeouts=PATIENCE)
        stack.enter_context(mock.patch.object(registry, "xendit", return_value=xendit))
        stack.enter_context(mock.patch.object(registry, "midtrans", return_value=midtrans))
        yield Gateways(root, stack.enter_context(requests.Session()))
