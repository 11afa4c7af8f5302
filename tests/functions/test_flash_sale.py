"""The first second of a sale through HTTP: several server processes, many buyers, one hot tier (S-003)."""

from uuid import UUID, uuid4

import jwt
import pytest
from sqlalchemy import text

from shared.cloud import clock
from tests.people import World
from tests.stack import KEYS, Client, Stack
from tests.threads import at_the_same_time

BUYERS, SEATS = 120, 30


def crowd(stack: Stack, count: int) -> list[Client]:
    """Signed-in buyers, made at once: rows in the database and tokens signed with the product's key."""
    ids = [uuid4() for _ in range(count)]
    with stack.database() as database, database.begin() as tx:
        tx.execute(
            text("""
                INSERT INTO users (id, email, full_name, role, is_email_verified, terms_version, terms_accepted_at)
                VALUES (:id, :email, 'Siti Rahma', 'customer', true, '1', now())
            """),
            [{"id": user_id, "email": f"{user_id}@example.com"} for user_id in ids],
        )
    return [Client(stack.url, token(user_id)) for user_id in ids]


def token(user_id: UUID) -> str:
    """An access token as the product signs them."""
    now = int(clock.now().timestamp())
    claims = {
        "iss": "karcis",
        "aud": "karcis-api",
        "sub": str(user_id),
        "role": "customer",
        "iat": now,
        "exp": now + 600,
    }
    return jwt.encode(claims, KEYS["JWT_SIGNING_KEY"], algorithm="HS256")


@pytest.mark.parametrize("quantity", [1, 2])
def test_a_rush_for_a_few_seats_sells_each_once_and_tells_the_rest(stack: Stack, quantity: int):
    event = World(stack).somebody("organizer").publish({"name": "Festival", "price": 150_000, "quota": SEATS})
    body = {"event_id": event["id"], "items": [{"tier_id": event["tiers"][0]["id"], "quantity": quantity}]}
    answers = at_the_same_time(
        [lambda buyer=buyer: buyer.call("POST", "orders/reserve", json=body) for buyer in crowd(stack, BUYERS)]
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == SEATS // quantity
    assert statuses.count(409) == BUYERS - SEATS // quantity
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {"/problems/sold-out"}
    tier = World(stack).anybody.get(f"events/{event['id']}/tickets")["tiers"][0]
    assert (tier["reserved"], tier["available"], tier["sold_out"]) == (SEATS, 0, True)
