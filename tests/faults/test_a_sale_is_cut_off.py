"""The product is killed (-9, all of it) in the middle of a sale, and the sale comes to its end all the same.

What may be used for that: the buyer's next click, the gateway's next word, redelivery, and what runs on schedule.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.faults.points import CLOUD, LONG, cut_off, locked, rows, run, time_passes, until_waiting_for
from tests.invariants import GATEWAYS
from tests.people import Person, World
from tests.stack import KEYS, Stack, until


def stock(stack: Stack, event: dict[str, Any]) -> tuple[int, int]:
    """How many of the event's first tier are reserved, and sold."""
    row = rows(stack, "SELECT reserved, sold FROM ticket_tiers WHERE id = :id", id=event["tiers"][0]["id"])[0]
    return row.reserved, row.sold


def e_tickets(world: World, buyer: Person) -> int:
    """How many mails with tickets the buyer has."""
    return sum(mail["template"] == "e_ticket" for mail in world.mails(buyer.address))


def test_a_reservation_whose_answer_was_lost_is_answered_again_and_held_once(stack, world, organizer):
    event, buyer = organizer.publish(), world.somebody()
    tap = {"Idempotency-Key": "tap-1"}
    with stack.stalled(CLOUD), cut_off(lambda: buyer.reserve(event, [2], **tap)):
        held = until(lambda: rows(stack, "SELECT id FROM orders WHERE event_id = :id", id=event["id"]))
        stack.kill()
    stack.start()

    buyer.reserve(event, [2], status=409, **tap)  # for a minute the first tap may still be running
    time_passes(stack, minutes=2)
    order = buyer.reserve(event, [2], **tap)
    assert order["id"] == str(held[0].id)
    assert stock(stack, event) == (2, 0)
