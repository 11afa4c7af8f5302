"""Xendit, Midtrans, SendGrid and WhatsApp: the simulators of infra/local in this process, on a database in memory."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from flask import Flask
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, func, select

from infra.local.cloud import webhooks as policies
from infra.local.cloud.store import metadata
from infra.local.simulators import application, faults, payments, tables, webhooks
from infra.local.simulators.payments import SimulatedStatus
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.webhooks import Webhook
from shared.messages.sending import EMAIL_ID_ARGUMENT
from tests.simulation.clock import BEGINNING, Clock
from tests.simulation.delivery import Deliveries, DeliveryKind

_TABLES = [table for table in metadata.sorted_tables if table.name.startswith(("simulated_", "oidc_"))]
# A page of Snap on which nobody has chosen a method can't be cancelled at Midtrans; what is paid there goes back.
_PAYABLE = "(status IN ('pending', 'challenged') OR status = 'open' AND gateway = 'xendit') AND expires_at > :now"
_PAYABLE_TWICE = f"""
    SELECT substr(external_id, 1, 36) AS order_id, gateway, external_id, reference
    FROM simulated_payments WHERE {_PAYABLE} AND substr(external_id, 1, 36) IN (
        SELECT substr(external_id, 1, 36) FROM simulated_payments WHERE {_PAYABLE} GROUP BY 1 HAVING count(*) > 1)
"""
_OPENED_TWICE = """
    SELECT DISTINCT first.external_id FROM simulated_payments first JOIN simulated_payments second
        ON second.external_id = first.external_id AND second.reference <> first.reference
        AND second.created_at >= first.created_at
    WHERE first.expires_at > second.created_at
        AND (first.status IN ('open', 'pending', 'challenged') OR first.updated_at > second.created_at)
"""
_NEWEST_MAIL = "SELECT COALESCE(max(id), 0) FROM simulated_mails"
_FUNCTIONS = {"/payments/webhook/": "webhook", "/messages/webhook/": "mail_events", "/chat/webhook/": "chat_webhook"}


class Gateways:
    """The services that the product calls, and their webhooks on the way back."""

    def __init__(self, settings: SimulatorSettings, clock: Clock, deliveries: Deliveries) -> None:
        self._clock, self._deliveries = clock, deliveries
        self.store = _in_memory()
        self._direct: Any = self.store.raw_connection().driver_connection
        """The store's one connection: what is asked after each step goes there by the shortest way."""
        self.application: Flask = application.simulators(self.store, settings)

    def reset(self, deliveries: Deliveries) -> None:
        """Forget everything but the keys."""
        self._deliveries = deliveries
        with self.store.begin() as tx:
            for table in _TABLES:
                if not table.name.endswith("_keys"):
                    tx.execute(table.delete())

    def moved(self) -> dict[tuple[str, str], int]:
        """The money that has moved so far at each gateway, by its name and our id: in is positive."""
        found: dict[tuple[str, str], int] = {}
        query = tables.movements.select().where(tables.movements.c.at <= self._clock.now)
        with self.store.connect() as tx:
            for row in tx.execute(query):
                key = (row.gateway, row.external_id)
                found[key] = found.get(key, 0) + row.amount
        return found

    def has_kept_since(self, reference: str, moment: datetime) -> bool:
        """True if the money of one of a gateway's payments had come in by then, and has not all gone back."""
        columns = tables.movements.c
        query = select(func.min(columns.at), func.sum(columns.amount)).where(columns.reference == reference)
        with self.store.connect() as tx:
            came_at, left = tx.execute(query).one()
        return came_at is not None and came_at <= moment and left > 0

    def unpaid_besides(self, references: Iterable[str]) -> list[tuple[str, str, int]]:
        """The gateway, reference and amount of each payment that waits, but for those of `references`."""
        query = tables.payments.select().where(tables.payments.c.status == "pending")
        known = set(references)
        with self.store.connect() as tx:
            rows = tx.execute(query.order_by(tables.payments.c.created_at, tables.payments.c.reference)).all()
        return [(row.gateway, row.reference, row.amount) for row in rows if row.reference not in known]

    def paid_by_card(self) -> list[tuple[str, str, int]]:
        """The gateway, reference and amount of each payment by card whose money is there."""
        columns = tables.payments.c
        query = tables.payments.select().where(
            columns.channel == "CREDIT_CARD", columns.status.in_(("paid", "partially_refunded"))
        )
        with self.store.connect() as tx:
            rows = tx.execute(query.order_by(columns.created_at, columns.reference)).all()
        return [(row.gateway, row.reference, row.amount) for row in rows]

    def mails_to(self, address: str) -> list[str]:
        """The texts of the mails to an address, oldest first."""
        query = tables.mails.select().where(tables.mails.c.recipient == address).order_by(tables.mails.c.id)
        with self.store.connect() as tx:
            return [row.text for row in tx.execute(query)]

    def mails_after(self, newest: int) -> list[tuple[int, str | None]]:
        """The number of each mail after one, and our id of it."""
        if self._direct.execute(_NEWEST_MAIL).fetchone()[0] <= newest:
            return []
        query = tables.mails.select().where(tables.mails.c.id > newest).order_by(tables.mails.c.id)
        with self.store.connect() as tx:
            return [(row.id, row.custom_args.get(EMAIL_ID_ARGUMENT)) for row in tx.execute(query)]

    def payable_twice(self) -> dict[str, list[tuple[str, str, str]]]:
        """Of each order with several payments that can still be paid: (gateway, our id, the gateway's id)."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        for order_id, *payment in self._direct.execute(_PAYABLE_TWICE, {"now": _moment()}):
            found.setdefault(order_id, []).append(tuple(payment))
        return found

    def sent_by_hand(self, gateway: str, name: str, amount: int) -> None:
        """Somebody sends money at a dashboard, under the id that the books have it by."""
        with self.store.begin() as tx:
            payments.note_movement(tx, gateway, "payout", "by hand", name, -amount, self._clock.now)

    def invoices(self, external_id: str) -> list[tuple[str, str]]:
        """The gateway and the reference there of each payment under one of our ids."""
        columns = tables.payments.c
        query = select(columns.gateway, columns.reference).where(columns.external_id == external_id)
        with self.store.connect() as tx:
            return [(row.gateway, row.reference) for row in tx.execute(query.order_by(columns.reference))]

    def payable(self, external_id: str) -> set[str]:
        """The references of what can be paid under one of our ids."""
        columns = tables.payments.c
        query = select(columns.reference).where(
            columns.external_id == external_id,
            columns.status == SimulatedStatus.PENDING,
            columns.expires_at > self._clock.now,
        )
        with self.store.connect() as tx:
            return set(tx.execute(query).scalars())

    def opened_twice(self) -> list[str]:
        """Our ids under which a gateway made a payment while another could still be paid."""
        return sorted(row[0] for row in self._direct.execute(_OPENED_TWICE))

    def transfers(self) -> dict[str, tuple[str, str, int]]:
        """Of each transfer by our id: the channel of its bank, the number of its account, and its amount."""
        columns = tables.payouts.c
        with self.store.connect() as tx:
            rows = tx.execute(select(columns.reference, columns.amount, columns.request)).all()
        return {
            row.reference: (
                row.request["channel_code"],
                row.request["channel_properties"]["account_number"],
                row.amount,
            )
            for row in rows
        }

    def taken_back(self) -> dict[tuple[str, str], int]:
        """The amounts that a bank took back, by the gateway's name and our id of the payment, in rupiah."""
        return self._taken("reversal")

    def disputed(self) -> dict[tuple[str, str], int]:
        """The amounts that a card's owner got back by a dispute, likewise."""
        return self._taken("chargeback")

    def _taken(self, kind: str) -> dict[tuple[str, str], int]:
        columns = tables.movements.c
        query = select(columns.gateway, columns.external_id, -func.sum(columns.amount)).where(columns.kind == kind)
        with self.store.connect() as tx:
            rows = tx.execute(query.group_by(columns.gateway, columns.external_id))
            return {(gateway, external_id): int(amount) for gateway, external_id, amount in rows}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let the simulators send their webhooks as deliveries of the simulation, and misbehave only as it wants."""
        with (
            mock.patch.object(webhooks, "send", self._send),
            mock.patch.object(webhooks, "withdraw", lambda _, name: self._deliveries.withdraw(name)),
            mock.patch.object(faults, "take", return_value=None),
        ):
            yield

    def _send(
        self, _: Connection, webhook: Webhook, *, due_at: datetime | None = None, name: str | None = None
    ) -> None:
        path = webhook.url.split("/api/v1", 1)[1]
        due = (due_at - BEGINNING).total_seconds() if due_at else self._clock.seconds
        self._deliveries.add(
            DeliveryKind.WEBHOOK,
            next(function for start, function in _FUNCTIONS.items() if path.startswith(start)),
            f"/api/v1{path}",
            webhook.body,
            due,
            waits=policies.POLICIES[webhook.policy].waits,
            headers={"Content-Type": "application/json", **webhook.headers},
            name=name,
        )


def _in_memory() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # so that BEGIN and SAVEPOINT are SQLAlchemy's
        connection.create_function("clock_timestamp", 0, _moment)
        connection.create_function("pg_advisory_xact_lock", 1, lambda _: None)  # there is one process

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    with engine.begin() as tx:
        metadata.create_all(tx, tables=_TABLES)
    return engine


def _moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
