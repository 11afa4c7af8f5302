"""The least that reserving could cost: the bare transaction in SQL, sent straight to the same PostgreSQL server.

One UPDATE of the tier guarded by its quota, one INSERT of the order and one of its item, in one
transaction, on the product's own schema in a scratch database, with the same durability.
"""

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import create_engine

from infra.local.postgres import Postgres
from tests.benchmarks.tools import Transaction, tool
from tests.stack import ROOT

_TEMPLATE = "baseline"
_RUN = "baseline_run"
_TIERS = 100
_BUYERS = 100_000

# Ids are made of numbers, so that no statement has to ask for one: buyers take turns, orders are random.
_TIER = "('00000000-0000-4000-8000-' || lpad(CAST(:tier AS text), 12, '0'))::uuid"
_BUYER = "('00000000-0000-4000-9000-' || lpad(CAST(nextval('buyers') AS text), 12, '0'))::uuid"
_ORDER = "md5(CAST(:order AS text))::uuid"
_EVENT = "'00000000-0000-4000-a000-000000000000'"
_ORGANIZER = "'00000000-0000-4000-9000-000000000000'"

_RESERVE: Transaction = (
    f"UPDATE ticket_tiers SET reserved = reserved + 1 WHERE id = {_TIER} AND reserved + sold + 1 <= quota",
    f"""
    INSERT INTO orders (id, user_id, event_id, organizer_id, subtotal, platform_fee, total_amount,
        reservation_expires_at)
    VALUES ({_ORDER}, {_BUYER}, {_EVENT}, {_ORGANIZER}, 100000, 5000, 105000, now() + interval '15 minutes')
    """,
    f"""
    INSERT INTO order_items (id, order_id, tier_id, position, unit_price, platform_fee, commission,
        attendee_name, attendee_email)
    VALUES (gen_random_uuid(), {_ORDER}, {_TIER}, 1, 100000, 5000, 5000, 'Siti Rahma', 'siti.rahma@example.com')
    """,
)
# The trigger that recognises a person's other addresses locks each one: too many for one transaction.
_PREPARE = f"""
    ALTER TABLE users DISABLE TRIGGER recognise_person;
    INSERT INTO users (id, email, full_name, role, terms_version, terms_accepted_at)
    SELECT ('00000000-0000-4000-9000-' || lpad(number::text, 12, '0'))::uuid, number || '@example.com',
        'Siti Rahma', CASE number WHEN 0 THEN 'organizer' ELSE 'customer' END, '1', now()
    FROM generate_series(0, {_BUYERS}) AS number;
    ALTER TABLE users ENABLE TRIGGER recognise_person;
    INSERT INTO events (id, organizer_id, title, slug, category, location, start_date, end_date, capacity, status)
    VALUES ({_EVENT}, {_ORGANIZER}, 'Konser Senja', 'konser-senja', 'musik', 'Jakarta', now() + interval '30 days',
        now() + interval '31 days', 1000000, 'published');
    INSERT INTO ticket_tiers (id, event_id, organizer_id, name, price, quota, event_ends_at, is_on_sale)
    SELECT ('00000000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid, {_EVENT}, {_ORGANIZER},
        'Kelas ' || number, 100000, 1000000, now() + interval '31 days', true
    FROM generate_series(1, {_TIERS}) AS number;
    CREATE SEQUENCE buyers CACHE 100;
"""


class Baseline:
    """The bare transaction on `server`, in scratch databases made here. `tool` is what runs it, for the report."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self._server = server
        server.create_database(_TEMPLATE)
        url = server.url(_TEMPLATE)
        migrate = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(migrate, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, check=True)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(_PREPARE)
            connection.exec_driver_sql("VACUUM ANALYZE")
        engine.dispose()
        self._tool = tool(server, _RUN, folder)
        self.tool = self._tool.name

    def per_second(self, *, clients: int, tiers: int, seconds: int) -> float:
        """Transactions per second of `clients` on one tier, or on `tiers` chosen at random, in a fresh database."""
        self._server.drop_database(_RUN)
        self._server.create_database(_RUN, template=_TEMPLATE)
        return self._tool.run(_RESERVE, clients=clients, tiers=tiers, seconds=seconds)
