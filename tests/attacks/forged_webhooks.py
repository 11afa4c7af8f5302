"""Notifications that no gateway has signed: what is measured is what they leave behind, and how true ones fare."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

import requests
from sqlalchemy import text

from tests.attacks import run
from tests.attacks.run import Figure
from tests.stack import KEYS, Stack

FORGED = 200
_MAX_ROWS = 2
"""The first of a minute; and they may fall into two minutes."""
_ANSWER_SECONDS = 30
_ATTACKER = run.from_address("198.51.100.7")
_REJECTED = text("SELECT count(*) FROM audit_log WHERE action = 'webhook.rejected'")


def attack(stack: Stack) -> Sequence[Figure]:
    """Notifications that no gateway has signed."""
    begun = time.monotonic()
    statuses = Counter(_notify(stack, "wrong") for _ in range(FORGED))
    seconds = time.monotonic() - begun
    signed = _notify(stack, KEYS["XENDIT_CALLBACK_TOKEN"])
    rows, counted = _audited(stack), _counted(stack)
    return [
        Figure(f"{FORGED} forged: accepted", statuses[200], "0", statuses[200] == 0),
        Figure("refused for the signature (401)", statuses[401], "60 a minute", statuses[401] <= _most(seconds)),
        Figure("refused for their number (429)", statuses[429], "the rest", statuses[429] > 0),
        Figure("rows in the audit trail", rows, f"{_most_rows(seconds)}", 1 <= rows <= _most_rows(seconds)),
        Figure("counted in the metrics", counted, f"{FORGED}", counted == FORGED),
        Figure("a signed one from the same address", signed, "200", signed == 200),
        Figure("seconds", f"{seconds:.1f}", "", True),
    ]


def _most(seconds: float) -> int:
    return 60 * (1 + int(seconds / 60) + 1)


def _most_rows(seconds: float) -> int:
    return _MAX_ROWS + int(seconds / 60)


def _notify(stack: Stack, token: str) -> int:
    body = {"id": uuid4().hex, "external_id": "ORDER-of-nobody", "status": "PAID", "amount": 1, "currency": "IDR"}
    headers = {"X-Forwarded-For": _ATTACKER, "x-callback-token": token}
    address = f"{stack.url}/api/v1/payments/webhook/xendit"
    return requests.post(address, json=body, headers=headers, timeout=_ANSWER_SECONDS).status_code


def _audited(stack: Stack) -> int:
    with stack.database() as database, database.connect() as connection:
        return connection.execute(_REJECTED).scalar_one()


def _counted(stack: Stack) -> int:
    lines = requests.get(f"{stack.url}/metrics", timeout=_ANSWER_SECONDS).text.splitlines()
    found = [line for line in lines if line.startswith('karcis_webhook_rejections_total{gateway="xendit"}')]
    return int(float(found[0].split()[-1])) if found else 0


if __name__ == "__main__":
    sys.exit(run.one(__name__, attack))
