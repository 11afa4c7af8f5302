"""Dead letters are listed, replayed or discarded, and never lost (PS-028)."""

import json
import os
from typing import Any

import pytest
from google.cloud.pubsub_v1 import PublisherClient
from sqlalchemy import text

from infra.local.layout import HOST, PROJECT
from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS, until


def give_up(stack: Stack, topic: str, payload: bytes) -> None:
    """Put a message where Pub/Sub puts it after its last delivery."""
    port = stack.ports()["grpc_port"]
    os.environ["PUBSUB_EMULATOR_HOST"] = f"{HOST}:{port}"
    try:
        publisher = PublisherClient()
        attributes = {
            "CloudPubSubDeadLetterSourceSubscription": f"send-email.{topic}",
            "CloudPubSubDeadLetterSourceDeliveryCount": "10",
        }
        publisher.publish(f"projects/{PROJECT}/topics/{topic}.dead", payload, **attributes).result(PATIENCE_SECONDS)
    finally:
        del os.environ["PUBSUB_EMULATOR_HOST"]


def letter(stack: Stack, admin: Person, **payload: str) -> dict[str, Any]:
    """The dead letter with that payload, once it has been taken in."""

    def found() -> dict[str, Any] | None:
        stack.run_job("dead-letter-collection-collect")
        items = admin.api.get("admin/dead-letters", page_size=100)["items"]
        return next((item for item in items if item["payload"] == payload), None)

    return until(found, what="for the dead letter")


def e_tickets(world: World, buyer: Person) -> set[str]:
    """The mails with tickets, by our ids: one may be handed over twice."""
    mails = world.mails(buyer.address)
    return {mail["custom_args"]["karcis_email_id"] for mail in mails if mail["template"] == "e_ticket"}


@pytest.fixture
def admin(world: World) -> Person:
    return world.somebody("admin")


def test_a_replayed_message_goes_the_way_of_the_original(world: World, stack: Stack, admin: Person):
    buyer = world.somebody()
    order = buyer.buy(world.somebody("organizer").publish())
    world.mail(buyer.address, "e_ticket")
    with stack.database() as database, database.begin() as tx:  # as if nobody had ever heard of the tickets
        mails = "SELECT id FROM emails WHERE order_id = :id AND template = 'e_ticket'"
        tx.execute(text(f"{mails} FOR UPDATE"), {"id": order["id"]})  # SendGrid may tell of it at this moment
        for table, column in (("mail_events", "email_id"), ("emails", "id")):
            tx.execute(text(f"DELETE FROM {table} WHERE {column} IN ({mails})"), {"id": order["id"]})
    give_up(stack, "ticket.created", json.dumps({"order_id": order["id"]}).encode())
    found = letter(stack, admin, order_id=order["id"])
    assert (found["source"], found["target"], found["attempts"]) == ("ticket.created", "send-email.ticket.created", 10)

    done = admin.api.post(f"admin/dead-letters/{found['id']}/replay", {"reason": "SendGrid is back"}, status=200)
    assert done["decision"] == "replayed"
    until(lambda: len(e_tickets(world, buyer)) == 2)
    again = admin.api.post(f"admin/dead-letters/{found['id']}/discard", {"reason": "No"}, status=409)
    assert again["type"].endswith("dead-letter-decided")


def test_what_can_not_be_read_is_kept_and_discarded_with_a_reason(stack: Stack, admin: Person):
    give_up(stack, "order.ended", b"\xff not JSON")
    found = letter(stack, admin, unreadable="� not JSON")
    shown = admin.api.get(f"admin/dead-letters/{found['id']}")
    assert shown["decision"] is None
    admin.api.post(f"admin/dead-letters/{found['id']}/discard", {"reason": "Nonsense"}, status=200)
    items = admin.api.call("GET", "admin/dead-letters", params={"status": "decided"}, status=200).json()["items"]
    assert {item["id"]: item["reason"] for item in items}[found["id"]] == "Nonsense"


def test_taken_in_twice_it_is_listed_once(stack: Stack, admin: Person):
    payload = {"order_id": "00000000-0000-4000-8000-000000000001"}
    give_up(stack, "order.ended", json.dumps(payload).encode())
    letter(stack, admin, **payload)
    for _ in range(3):
        stack.run_job("dead-letter-collection-collect")
    items = [item for item in admin.api.get("admin/dead-letters", page_size=100)["items"] if item["payload"] == payload]
    assert len(items) == 1
