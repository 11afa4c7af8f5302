"""2,000 buyers behind one carrier's address browse, sign in and buy within a minute; whoever guesses there does not.

What each request is counted against (SEC-003) is asked of the product's own routes. Signing in and buying is done in
PostgreSQL (SEC-004, AUTH-1, TS-002): all 2,000 hold a ticket, and every twentieth signs in after the others' mails are
counted there, and pays.
`python -m tests.attacks.lockout --buyers 2000` has all of them sign in, by HTTP.
"""

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Request
from sqlalchemy import text

from functions.manifest import manifest
from shared.cloud import counters
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity import code_mails, code_sign_in, login_throttling, password_sign_in, passwords, tokens
from shared.identity.accounts import AccountEmail
from shared.identity.client_networks import ClientNetwork
from shared.identity.code_sign_in import SignInCodeRequest, SignInProof
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_sign_in import Credentials, InvalidCredentials
from shared.identity.tokens import Principal
from shared.sales import orders, reservations
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse
from shared.web import rate_limits
from shared.web.app import API
from shared.web.rate_limiter import Limit, RateLimiter
from shared.web.rate_limits import TooManyRequests
from tests.factories import a_tier, an_event, stock

pytestmark = pytest.mark.usefixtures("database")

BUYERS = 2000
WALKERS = BUYERS // 20
TOGETHER = 50
"""How many reserve in one statement, so that the test is done soon."""
PASSWORD = "Rahasia#1"
CARRIER, SPRAYER = "100.64.7.7", "198.51.100.66"
NOON = 1_800_000_000.0

_ADD = text("""
    INSERT INTO users (email, full_name, password_hash, role, is_email_verified, terms_version, terms_accepted_at)
    SELECT unnest(CAST(:emails AS text[])), 'Siti Rahma', :password_hash, 'customer', true, '1', now()
""")


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limits as in production, in a minute that stands, with counters that answer at once."""
    totals: dict[str, int] = {}

    def add(amounts: Mapping[str, int], **_: Any) -> dict[str, int]:
        for name, amount in amounts.items():
            totals[name] = totals.get(name, 0) + amount
        return {name: totals[name] for name in amounts}

    monkeypatch.setenv("RATE_LIMITS", "on")
    monkeypatch.setattr(counters, "add", add)
    monkeypatch.setattr(rate_limits, "_rate_limiter", RateLimiter(lambda: NOON))
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def network(address: str) -> ClientNetwork:
    return ClientNetwork(address.rpartition(".")[0] + ".0/24")


def addresses(count: int) -> list[str]:
    return [f"{uuid4().hex}@example.com" for _ in range(count)]


def members(count: int) -> list[str]:
    """The addresses of so many accounts with a password."""
    emails = addresses(count)
    with transaction() as tx:
        tx.execute(_ADD, {"emails": emails, "password_hash": passwords.hash_password(PASSWORD, cost=4)})
    return emails


@lru_cache
def limit_of(method: str, path: str) -> Limit:
    """The limit of the route at this path."""
    app = importlib.import_module(f"functions.{manifest().serving(API + path)}.main").app
    [route] = [each for each in app.routes if (each.method, each.path) == (method, API + path)]
    return route.limit


def is_let_in(address: str, method: str, path: str, body: Any = None, *, by: Principal | None = None) -> bool:
    """True if the limits of the route at this path let a request in."""
    sent = json.dumps(body).encode()
    request = Request({"REMOTE_ADDR": address, "CONTENT_LENGTH": str(len(sent)), "wsgi.input": BytesIO(sent)})
    try:
        rate_limits.check(limit_of(method, path), request, by)
        rate_limits.check_body(limit_of(method, path), request, by)
    except TooManyRequests:
        return False
    return True


def by_code(email: str, place: ClientNetwork) -> Principal | None:
    """Sign in by a mailed code; an account comes to be where there is none."""
    letters: list[AccountEmail] = []
    asked = SignInCodeRequest(email=email, accept_terms=True)
    code_sign_in.send_code(asked, place, lambda _, letter: letters.extend([letter] if letter else []))
    proof = SignInProof(email=email, code=letters[0].context["code"])
    return tokens.principal_of(code_sign_in.sign_in(proof, place).access_token)


def by_password(email: str, place: ClientNetwork) -> Principal | None:
    answer = password_sign_in.login(Credentials(email=email, password=PASSWORD), place)
    return tokens.principal_of(answer.access_token)


def hold(buyers: Sequence[Principal], body: ReservationBody) -> list[UUID]:
    """Hold a ticket for each of them."""
    held = []
    for begin in range(0, len(buyers), TOGETHER):
        asked = [ReservationRequest(buyer.id, body) for buyer in buyers[begin : begin + TOGETHER]]
        held += [order.id for order in reservations.reserve(asked) if isinstance(order, OrderResponse)]
    return held


def pay(order_ids: Sequence[UUID]) -> None:
    """Have these orders paid."""
    with transaction() as tx:
        for order_id in order_ids:
            orders.mark_paid(tx, orders.lock(tx, order_id), paid_at=datetime.now(UTC))


@pytest.mark.slow("a crowd of thousands")
def test_a_crowd_signs_in_by_code_or_password_and_each_gets_a_ticket():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=BUYERS, price=0)])
    body = ReservationBody(event_id=event.id, items=[ReservationItem(tier_id=event.tier_ids[0], quantity=1)])
    carrier, others = network(CARRIER), members(BUYERS - WALKERS)
    with transaction() as tx:
        for _ in others:
            code_mails.count(tx, carrier)
        query = text("SELECT id FROM users WHERE email = ANY(:emails)")
        came = [Principal(user_id, "customer", None) for user_id in tx.execute(query, {"emails": others}).scalars()]
    walked = [by_code(email, carrier) for email in addresses(WALKERS // 2)]
    walked += [by_password(email, carrier) for email in members(WALKERS // 2)]
    assert len(hold(came, body)) == BUYERS - WALKERS
    pay(hold([each for each in walked if each], body))
    left = stock(event.tier_ids[0])
    assert (left.reserved, left.sold) == (BUYERS - WALKERS, WALKERS)


@pytest.mark.slow("a crowd of thousands")
def test_none_of_the_crowd_is_refused_for_its_number():
    basket = {"event_id": str(uuid4()), "items": []}
    refused = [
        path
        for email in addresses(BUYERS)
        for buyer in [Principal(uuid4(), "customer", None)]
        for method, path, sent, by in [
            ("GET", "/events", None, None),
            ("GET", "/events/{event}", None, None),
            ("POST", "/orders/quote", basket, None),
            ("POST", "/auth/code", {"email": email}, None),
            ("POST", "/auth/code/verify", {"email": email, "code": "12345678"}, None),
            ("POST", "/orders/reserve", basket, buyer),
            ("POST", "/orders/{order_id}/checkout", {}, buyer),
            ("GET", "/orders/{order_id}", None, buyer),
            ("POST", "/auth/refresh-token", {"refresh_token": "x"}, None),
        ]
        if not is_let_in(CARRIER, method, path, sent, by=by)
    ]
    assert refused == []


@pytest.mark.slow("a crowd of thousands")
def test_nor_where_they_sign_in_with_passwords():
    bodies = [{"email": email, "password": PASSWORD} for email in addresses(BUYERS)]
    assert all(is_let_in(CARRIER, "POST", "/auth/login", body) for body in bodies)


@pytest.mark.slow("a crowd of thousands")
@pytest.mark.parametrize(
    ("path", "most"),
    [("/auth/login", 3000), ("/auth/code/verify", 3000), ("/auth/code", 3000), ("/auth/register", 600)],
)
def test_an_address_that_tries_account_after_account_is_refused(path, most):
    bodies = [{"email": email, "password": "x"} for email in addresses(most + 50)]
    let_in = [is_let_in(SPRAYER, "POST", path, body) for body in bodies]
    assert let_in == [True] * most + [False] * 50
    assert is_let_in(CARRIER, "POST", path, bodies[0]), "its neighbours elsewhere are not"


@pytest.mark.parametrize("path", ["/auth/login", "/auth/code/verify", "/auth/reset-password"])
def test_one_account_is_tried_ten_times_a_minute_from_a_network_and_others_go_on(path):
    attacked, others = {"email": addresses(1)[0]}, [{"email": email} for email in addresses(100)]
    assert [is_let_in(CARRIER, "POST", path, attacked) for _ in range(12)] == [True] * 10 + [False] * 2
    assert all(is_let_in(CARRIER, "POST", path, body) for body in others)
    assert is_let_in(SPRAYER, "POST", path, attacked)


def test_codes_for_one_mailbox_are_asked_for_ten_times_a_minute_wherever_from():
    body = {"email": addresses(1)[0]}
    asked = [is_let_in(f"203.0.113.{number}", "POST", "/auth/code", body) for number in range(12)]
    assert asked == [True] * 10 + [False] * 2


def test_promo_codes_are_guessed_by_quotes_no_faster_than_by_reservations():
    basket = {"event_id": str(uuid4()), "items": [], "promo_code": "TEBAKAN"}
    guesser, buyer = Principal(uuid4(), "customer", None), Principal(uuid4(), "customer", None)
    assert [is_let_in(SPRAYER, "POST", "/orders/quote", basket, by=guesser) for _ in range(25)] == [True] * 20 + [
        False
    ] * 5
    assert is_let_in(SPRAYER, "POST", "/orders/quote", {**basket, "promo_code": None}, by=guesser)
    assert is_let_in(SPRAYER, "POST", "/orders/quote", basket, by=buyer)
    signed_out = [is_let_in(SPRAYER, "POST", "/orders/quote", basket) for _ in range(605)]
    assert signed_out == [True] * 600 + [False] * 5


def test_where_somebody_sprays_passwords_their_neighbours_still_get_in_by_a_code():
    """A carrier's network is shared with whoever attacks from it."""
    member, sprayed = members(1)[0], network(SPRAYER)
    with transaction() as tx:
        for email in addresses(login_throttling.NETWORK.most + 20):
            login_throttling.record_failure(tx, email, sprayed)
    with pytest.raises(TooManyAttempts):
        by_password(member, sprayed)
    assert by_code(member, sprayed)
    assert by_password(member, network(CARRIER))


def test_an_attacked_account_is_closed_to_the_network_that_guesses_and_open_to_its_owner():
    member, stranger = members(1)[0], ClientNetwork("203.0.113.0/24")
    for wrong in ["Salah#1"] * 5:
        with pytest.raises(InvalidCredentials):
            password_sign_in.login(Credentials(email=member, password=wrong), stranger)
    with pytest.raises(TooManyAttempts):
        by_password(member, stranger)
    assert by_password(member, network(CARRIER))
