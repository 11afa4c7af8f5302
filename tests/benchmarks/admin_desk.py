"""`python -m tests.benchmarks.admin_desk`: the admin desk with as many orders as are asked for.

    python -m tests.benchmarks.admin_desk [--orders 1000000] [--rounds 40]

Prints p50 and p95 in milliseconds of what each page reads from the database, its audit line included.
"""

import argparse
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.admin import event_record, mails, order_record, overview, payment_record, search, user_record, webhooks
from shared.admin.mails import MailQuery
from shared.admin.search import AdminSearch
from shared.admin.webhooks import WebhookQuery
from shared.cloud.database import Transaction, snapshot
from shared.identity.tokens import Principal
from tests.benchmarks.admin_data import fill_more
from tests.benchmarks.reports import filled_database, print_line

_ADMIN = text("""
    INSERT INTO users (email, full_name, role, is_email_verified, terms_version, terms_accepted_at)
    VALUES ('admin@example.com', 'Ayu', 'admin', true, '1', now()) RETURNING id
""")


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.admin_desk")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    with filled_database(chosen.orders // 2, fill_more) as (_, event):
        with snapshot() as tx:
            admin = Principal(tx.execute(_ADMIN).scalar_one(), "admin", None)
        _measure(admin, event.id, chosen.rounds)


def _measure(admin: Principal, event_id: UUID, rounds: int) -> None:
    with snapshot() as tx:
        orders = _some_orders(tx, rounds)
        print(f"{tx.execute(text('SELECT count(*) FROM orders')).scalar_one()} orders, ms:")
    chance = random.Random(1)

    def measured(what: str, read: Callable[[Transaction, Any], object]) -> None:
        def once() -> None:
            with snapshot() as tx:
                read(tx, chance.choice(orders))

        print_line(what, rounds, once)

    def searched(words: Callable[[Any], str]) -> Callable[[Transaction, Any], object]:
        return lambda tx, each: search.search(tx, admin, AdminSearch(q=words(each)))

    measured("overview", lambda tx, _: overview.read(tx, admin))
    measured("search by an id", searched(lambda each: str(each.payment_id)))
    measured("search by an address", searched(lambda each: each.email))
    measured("search by a gateway's reference", searched(lambda each: each.gateway_reference))
    measured("search by an event's name", searched(lambda _: f"konser {chance.randrange(50)}"))
    measured("search by the beginning of an id", searched(lambda each: str(each.order_id)[:8]))
    measured("an order's record", lambda tx, each: order_record.read(tx, admin, each.order_id))
    measured("a payment's record", lambda tx, each: payment_record.read(tx, admin, each.payment_id))
    measured("a person with a thousandth of all orders", lambda tx, each: user_record.read(tx, admin, each.user_id))
    measured("an event with half of all orders", lambda tx, _: event_record.read(tx, admin, event_id))
    measured("webhooks, the first page", lambda tx, _: webhooks.list_page(tx, admin, WebhookQuery(status="all")))
    measured("mails that did not arrive", lambda tx, _: mails.list_page(tx, admin, MailQuery()))


def _some_orders(tx: Transaction, number: int) -> list[Row[Any]]:
    """Orders from anywhere, with what they can be found by."""
    ids = tx.execute(text("SELECT id FROM orders TABLESAMPLE SYSTEM (1) LIMIT :number"), {"number": number * 20})
    rows = tx.execute(
        text("""
            SELECT o.id AS order_id, p.id AS payment_id, o.user_id, u.email, p.gateway_reference
            FROM orders o JOIN payments p ON p.order_id = o.id JOIN users u ON u.id = o.user_id WHERE o.id = ANY(:ids)
        """),
        {"ids": list(ids.scalars())},
    ).all()
    return list(rows)


if __name__ == "__main__":
    main()
