"""Every operation of the OpenAPI document, called by everybody: who may, and on whose things (ISO-1).

The document comes from the declarations that serve the requests, so that no operation can be forgotten. It
says which roles may call; ids are always those of strangers, who must look as if they weren't there.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from schemas import openapi
from shared.cloud import manual_tasks
from tests.functions.specimens import Specimen
from tests.people import PASSWORD, Person, World
from tests.stack import Client, Stack
from tests.waiting import until

DOCUMENT = json.loads(openapi.FILE.read_text(encoding="utf-8"))
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
ROLES = ("anonymous", "customer", "staff", "organizer", "admin")
"""In this order: what an admin does to strangers comes last."""
ENDS_THE_CALLERS_SESSION = ("account_change_password", "privacy_delete", "sessions_logout_everywhere")
"""They are called last, and the one that needs no password last of all: whoever has signed out is nobody any more."""
OPEN_TO_STRANGERS = {
    "reserve_reserve": {409},  # everybody may buy from everybody; tiers of a draft are not on sale
    "orders_quote": {409},  # and be told what it would cost
    "events_set_banner": {415},  # asked without a file, it never comes to the event
    "waiting_room_join": {409},  # everybody may queue for everybody's event; this one is not open
    "waiting_room_enter": {422},  # a token that is none is read before anything of the event
}

AS_OF = re.compile(rb'"(as_of|taken_at|complete_until|cursor|token|phase)":"[^"]+"')
"""The moment of a report or of a snapshot, what is signed, and what a clock changes: another one each time."""
OVER_FOR_ITS_OWNER = ("cancellations_cost",)
"""Their event is cancelled: that costs nothing any more."""
ASKED_WITH = {"gate_search": "?q=Peserta"}
"""The body and query that an address needs."""


@dataclass
class Strangers:
    """People with an event, an order, a payment and a ticket, and the ids of all that."""

    organizer: Person
    buyer: Person
    ids: dict[str, str]
    queued: str
    """The event in whose waiting room the buyer has a place."""

    def belongings(self) -> list[Any]:
        """Their things, as they see them."""
        seen = []
        for method, path, operation in OPERATIONS:
            if operation["operationId"] in OVER_FOR_ITS_OWNER:
                continue
            if method == "GET" and names(path) and operation.get("x-roles") != ["admin"]:
                address = self.address(path) + ASKED_WITH.get(operation["operationId"], "")
                answers = [person.api.call("GET", address) for person in (self.buyer, self.organizer)]
                good = [answer for answer in answers if answer.status_code == 200]
                assert good, f"{operation['operationId']}: not even its owner sees {address}"
                seen.append((operation["operationId"], len(good), AS_OF.sub(b"", good[0].content)))
        return seen

    def address(self, path: str) -> str:
        """The path with their ids."""
        missing = set(names(path)) - set(self.ids)
        assert not missing, f"say in the fixture `strangers` what {missing} of {path} is"
        return path.format(**self.ids | ({"event_id": self.queued} if "/waiting-rooms/" in path else {}))


def names(path: str) -> list[str]:
    """The variables of a path."""
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


@pytest.fixture(scope="module")
def strangers(stack: Stack) -> Strangers:
    world = World(stack)
    organizer, buyer = world.somebody("organizer"), world.somebody()
    order = buyer.buy(organizer.publish())
    stack.until_delivered(order["id"], "e_ticket")
    promo = organizer.api.post("promos", {"code": f"ASING-{order['id'][:8]}", "percent": 10}, status=201)
    draft = organizer.publish()
    organizer.api.call("PUT", f"events/{draft['id']}", json={"status": "draft"}, status=200)
    refund = buyer.api.post("refunds/request", {"order_id": order["id"], "reason": "Sakit"}, status=201)
    buyer.set_bank_account()
    organizer.set_bank_account()
    cancelled = a_cancelled_event(organizer)
    staff = {"email": f"{uuid4().hex[:12]}@example.com", "full_name": "Dewi", "event_ids": [draft["id"]]}
    ids = {
        "event": draft["id"],
        "event_id": cancelled["id"],
        "refund_id": refund["id"],
        **payout_and_account(stack, order),
        "staff_id": organizer.api.post("organizer/staff", staff, status=201)["id"],
        "user_id": buyer.api.get("account")["id"],
        "tier": draft["tiers"][0]["id"],
        "tier_id": cancelled["tiers"][0]["id"],
        "order_id": order["id"],
        "letter_id": a_dead_letter(stack),
        "task_id": a_manual_task(stack),
        "approval_id": an_approval(stack, cancelled),
        "run_id": a_run(stack),
        "email_id": str(uuid4()),
        **{name: str(uuid4()) for name in ("arrival_id", "batch_id", "difference_id")},  # only admins get to them
        "payment_id": order["payments"][0]["id"],
        "ticket_id": order["tickets"][0]["id"],
        "promo_id": promo["id"],
    }
    return Strangers(organizer, buyer, ids, a_queued_event(organizer, buyer))


def a_queued_event(organizer: Person, buyer: Person) -> str:
    """An event in whose waiting room the buyer has a place, which opens again in some days."""
    opened, again = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 5))
    event = organizer.publish(waiting_room_opens_at=opened.isoformat())
    buyer.api.post(f"waiting-rooms/{event['id']}/place", status=200)
    change = {"waiting_room_opens_at": again.isoformat()}
    organizer.api.call("PUT", f"events/{event['id']}", json=change, status=200)
    return str(event["id"])


def a_cancelled_event(organizer: Person) -> dict[str, Any]:
    """An event that was cancelled before anybody bought anything."""
    event = organizer.publish()
    organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Penyanyi sakit"}, status=202)
    progress = f"events/{event['id']}/cancellation"
    until(lambda: organizer.api.get(progress)["finished_at"], what="for the cancellation")
    return event


def a_dead_letter(stack: Stack) -> str:
    """A message that was given up."""
    with stack.database() as database, database.begin() as tx:
        return str(
            tx.execute(
                text("""
                    INSERT INTO dead_letters (kind, source, target, payload, message_id)
                    VALUES ('message', 'order.ended', 'expire.order.ended', '{}', :id) RETURNING id
                """),
                {"id": str(uuid4())},
            ).scalar_one()
        )


def a_manual_task(stack: Stack) -> str:
    """Something that waits for a person."""
    with stack.database() as database, database.begin() as tx:
        manual_tasks.add(tx, "mail_failed", subject="email", subject_id=uuid4())
        return str(tx.execute(text("SELECT id FROM manual_tasks ORDER BY created_at DESC LIMIT 1")).scalar_one())


def an_approval(stack: Stack, event: dict[str, Any]) -> str:
    """Something that waits for a second admin."""
    with stack.database() as database, database.begin() as tx:
        row = tx.execute(
            text("""
                INSERT INTO approvals (action, subject_id, reason, requested_by)
                SELECT 'event_cancellation', id, 'Hujan', organizer_id FROM events WHERE id = :id RETURNING id
            """),
            {"id": event["id"]},
        )
        return str(row.scalar_one())


def a_run(stack: Stack) -> str:
    """A run of reconcile."""
    add = "INSERT INTO reconcile_runs (thorough, started_at, finished_at) VALUES (false, now(), now()) RETURNING id"
    with stack.database() as database, database.begin() as tx:
        return str(tx.execute(text(add)).scalar_one())


def payout_and_account(stack: Stack, order: dict[str, Any]) -> dict[str, str]:
    """A payout of the order's event that has been made, and its organizer's bank account."""
    with stack.database() as database, database.begin() as tx:
        row = tx.execute(
            text("""
                INSERT INTO payouts (organizer_id, event_id, amount, status)
                SELECT organizer_id, event_id, 1, 'completed' FROM orders WHERE id = :id
                RETURNING id, (SELECT b.id FROM bank_accounts b WHERE b.user_id = organizer_id) AS account_id
            """),
            {"id": order["id"]},
        ).one()
    return {"payout_id": str(row.id), "account_id": str(row.account_id)}


@pytest.fixture(scope="module")
def callers(stack: Stack) -> dict[str, Client]:
    """Somebody of each role who has nothing to do with the strangers."""
    world = World(stack)
    found = {"anonymous": world.anybody, "customer": world.somebody().api, "organizer": world.somebody("organizer").api}
    with stack.database() as database:
        for role in ("staff", "admin"):
            person = world.somebody()
            rival = world.somebody("organizer")
            with database.begin() as tx:
                tx.execute(
                    text("""
                        UPDATE users SET role = :role, organizer_id =
                            (SELECT id FROM users WHERE email = :rival AND :role = 'staff')
                        WHERE email = :email
                    """),
                    {"role": role, "rival": rival.address, "email": person.address},
                )
            tokens = world.anybody.post("auth/login", {"email": person.address, "password": PASSWORD}, status=200)
            found[role] = Client(stack.url, tokens["access_token"])
    return found


def walk() -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation, in an order in which the caller stays signed in."""

    def turn(operation: dict[str, Any]) -> int:
        name = operation["operationId"]
        return ENDS_THE_CALLERS_SESSION.index(name) + 1 if name in ENDS_THE_CALLERS_SESSION else 0

    return sorted(OPERATIONS, key=lambda each: turn(each[2]))


def verdict(role: str, operation: dict[str, Any], concerns_strangers: bool) -> set[int]:
    """The statuses that are right."""
    security = operation["security"]
    if role == "anonymous" and security and {} not in security:
        return {401}
    if role != "anonymous" and security and role not in operation["x-roles"]:
        return {403}
    if concerns_strangers and role != "admin":
        return OPEN_TO_STRANGERS.get(operation["operationId"], {404})
    refusals = {403} if security else set()
    return set(range(200, 500)) - refusals - ({401} if security else set())


@pytest.mark.parametrize("role", ROLES)
def test_everybody_gets_what_their_role_allows_and_nothing_of_strangers(role, callers, strangers):
    before = strangers.belongings()
    wrong = []
    for method, path, operation in walk():
        specimen = Specimen(DOCUMENT, strangers.ids)
        body = specimen.body(operation)
        concerns_strangers = bool(names(path) or specimen.named)
        address = strangers.address(path) + ASKED_WITH.get(operation["operationId"], "")
        answer = callers[role].call(method, address, **({} if body is None else {"json": body}))
        if answer.status_code not in verdict(role, operation, concerns_strangers):
            wrong.append(f"{operation['operationId']}: {answer.status_code} {answer.text[:300]}")
    assert not wrong, "\n".join(wrong)
    if role != "admin":
        assert strangers.belongings() == before


def test_the_document_has_every_public_address():
    assert set(ENDS_THE_CALLERS_SESSION) <= {operation["operationId"] for _, _, operation in OPERATIONS}
    assert len(OPERATIONS) == len({(method, path) for method, path, _ in OPERATIONS})
    assert all("security" in operation for _, _, operation in OPERATIONS)
