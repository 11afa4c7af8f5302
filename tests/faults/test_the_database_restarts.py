"""The database goes and comes back while people buy: they are told to try again, and nothing is lost or doubled."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.local.postgres import Postgres
from tests.faults.points import run, stock, time_passes
from tests.people import Person, World
from tests.stack import ANSWER_SECONDS, Stack
from tests.waiting import until

MAY_BE_TOLD = [
    (503, "try-again"),
    (409, "idempotency-in-progress"),
    (409, "checkout-in-progress"),
    (429, "hold-again-later"),
]
WAITS = {
    # What failed with the database could not let go of its key, or of its order's checkout.
    "idempotency-in-progress": """
        UPDATE idempotency_keys SET locked_until = locked_until - interval '1 minute'
        WHERE key = :key AND CAST(:event_id AS uuid) IS NOT NULL
    """,
    # Who has let several holds go waits before the next one.
    "hold-again-later": """
        UPDATE event_buyers SET hold_again_at = NULL, abandoned_score = 0
        WHERE event_id = CAST(:event_id AS uuid) AND CAST(:key AS text) IS NOT NULL
    """,
}
"""The condition that is waited for, and how the test lets that time pass."""


class Shopper:
    """Somebody who reserves, perhaps starts to pay, thinks better of it and begins again: one sale in the end.

    Repeats each request, with its Idempotency-Key, until it is done; may be told nothing but to try again later.
    """

    def __init__(self, stack: Stack, person: Person, event: dict[str, Any], gateway: str | None) -> None:
        self.rounds = 0
        self.refusals = 0
        self.person = person
        self._stack = stack
        self._event = event
        self._gateway = gateway

    def shop(self, time_to_decide: threading.Event) -> dict[str, Any]:
        """Begin again and again until it is `time_to_decide`; give the order that is then to be paid."""
        tier_id = self._event["tiers"][0]["id"]
        me = {"name": "Siti Rahma", "email": self.person.address}
        wish = {"event_id": self._event["id"], "items": [{"tier_id": tier_id, "quantity": 1, "attendees": [me]}]}
        while True:
            order = self._insist("orders/reserve", wish)
            is_decided = time_to_decide.is_set()
            if self._gateway or is_decided:
                how = {"payment_method": "QRIS", "gateway": self._gateway or "xendit"}
                order = self._insist(f"orders/{order['id']}/checkout", how)
            if is_decided:
                return order
            self._insist(f"orders/{order['id']}/cancel", {})
            self.rounds += 1

    def _insist(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        key = str(uuid4())
        return until(lambda: self._ask(path, body, key), seconds=ANSWER_SECONDS, what=f"for {path}")

    def _ask(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any] | None:
        answer = self.person.api.call("POST", path, json=body, headers={"Idempotency-Key": key})
        if answer.ok:
            done: dict[str, Any] = answer.json()
            return done
        self.refusals += 1
        kind = answer.json()["type"].removeprefix("/problems/")
        assert (answer.status_code, kind) in MAY_BE_TOLD
        assert int(answer.headers["Retry-After"]) >= 1
        if kind in WAITS:
            self._change(WAITS[kind], key=key)
        return None

    def _change(self, sql: str, **values: str) -> None:
        """Change something, unless the database has just gone: then the next answer says so."""
        with suppress(DBAPIError, OSError), self._stack.database() as database, database.begin() as tx:
            tx.execute(text(sql), {"event_id": self._event["id"], **values})


@pytest.mark.slow("it repeats requests until PostgreSQL and the local cloud are back")
def test_a_restart_of_the_database_under_load_loses_and_doubles_nothing(stack: Stack, world: World, organizer: Person):
    event = organizer.publish()
    shoppers = [Shopper(stack, world.somebody(), event, gateway) for gateway in (None, None, "xendit", "midtrans")]
    server = Postgres(stack.data_dir / "postgres")
    time_to_decide = threading.Event()
    with ThreadPoolExecutor(len(shoppers)) as pool:
        shopping = [pool.submit(shopper.shop, time_to_decide) for shopper in shoppers]
        try:
            until(lambda: all(shopper.rounds for shopper in shoppers))
            server.stop()
            # Who was just publishing waits for Pub/Sub, whose local server has lost its database too.
            until(lambda: all(shopper.refusals for shopper in shoppers), seconds=ANSWER_SECONDS)
        finally:
            server.start()
            time_to_decide.set()
        orders = [future.result(timeout=ANSWER_SECONDS) for future in shopping]

    time_passes(stack, minutes=2)
    run(stack, "reconcile-light")
    for shopper, order in zip(shoppers, orders, strict=True):
        [payment] = order["payments"]
        world.gateway(payment["gateway"], payment["gateway_reference"], "pay")
        assert len(shopper.person.until_tickets(order, 1)["items"]) == 1
    assert stock(stack, event) == (0, len(shoppers))
    for _ in range(2):  # what was claimed when the database went is for a later run of the schedule
        time_passes(stack, minutes=2)
        run(stack, "reconcile-light")
