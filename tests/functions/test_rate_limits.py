"""Rate limits on a running product (SEC-003): told, refused with a time to come again, and shared by its processes."""

from collections.abc import Iterator
from statistics import median
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from tests.folders import a_folder
from tests.people import PASSWORD, World
from tests.processes import starts_processes
from tests.stack import KEYS, Client, Stack
from tests.waiting import until

PROXY = "35.191.0.1"


@pytest.fixture(scope="module")
@starts_processes
def stack() -> Iterator[Stack]:
    """A product that counts, behind a load balancer as in the cloud: two entries of X-Forwarded-For are ours."""
    with a_folder() as folder:
        running = Stack(folder, RATE_LIMITS="on", TRUSTED_PROXIES="2")
        try:
            yield running.start()
        finally:
            running.stop()


def somewhere(stack: Stack) -> Client:
    """Somebody at an address of their own."""
    client = Client(stack.url)
    number = uuid4().int
    address = f"10.{number % 250}.{number // 250 % 250}.{number // 62500 % 250}"
    client.headers["X-Forwarded-For"] = f"8.8.8.8, {address}, {PROXY}"
    return client


def signed_in(stack: Stack, role: str = "customer") -> Client:
    """Somebody with an account, who made it elsewhere."""
    world = World(stack)
    world.anybody = somewhere(stack)
    return world.somebody(role).api


def calls(client: Client, method: str, path: str, count: int, **options) -> list[requests.Response]:
    return [client.call(method, path, **options) for _ in range(count)]


def refused(answers: list[requests.Response]) -> int:
    return sum(answer.status_code == 429 for answer in answers)


def test_the_hundred_and_first_read_of_a_minute_is_refused(stack):
    answers = calls(signed_in(stack), "GET", "orders/my-orders", 110)
    assert [answer.status_code for answer in answers[:100]] == [200] * 100
    assert refused(answers) >= 9  # each of the two processes may let one in that the other has not told of
    last = answers[-1]
    assert last.headers["Content-Type"] == "application/problem+json"
    assert last.json()["type"] == "/problems/too-many-requests"
    assert 1 <= int(last.headers["Retry-After"]) <= 120
    assert last.headers["RateLimit-Policy"] == '"reads";q=100;w=60'
    assert last.headers["RateLimit"].startswith('"reads";r=0;t=')
    assert last.headers["Strict-Transport-Security"]


def test_every_answer_tells_what_is_left(stack):
    client = somewhere(stack)
    first, second = calls(client, "GET", "events", 2)
    assert first.headers["RateLimit"].startswith('"reads";r=5999;t=')
    assert second.headers["RateLimit"].startswith('"reads";r=5998;t=')
    missing = client.call("GET", f"events/{uuid4()}")
    assert (missing.status_code, missing.headers["RateLimit"].split(";")[1]) == (404, "r=5997")


def test_the_twenty_first_write_is_refused_and_reads_go_on(stack):
    buyer = signed_in(stack)
    answers = calls(buyer, "POST", "orders/reserve", 25, json={})
    assert [answer.status_code for answer in answers[:20]] == [422] * 20
    assert refused(answers) >= 4
    buyer.call("GET", "orders/my-orders", status=200)


def test_a_signed_in_caller_is_counted_as_themselves_wherever_they_are(stack):
    first, second = signed_in(stack), signed_in(stack)
    for n in range(30):
        first.headers["X-Forwarded-For"] = f"10.99.0.{n}, {PROXY}"
        first.call("POST", "orders/reserve", json={})
    first.call("POST", "orders/reserve", status=429, json={})
    second.headers["X-Forwarded-For"] = f"10.99.0.1, {PROXY}"
    second.call("POST", "orders/reserve", status=422, json={})


def left(answers: list[requests.Response]) -> int:
    """Requests left, by the process that has answered most of these."""
    return min(int(answer.headers["RateLimit"].split(";")[1].removeprefix("r=")) for answer in answers)


def test_a_client_cannot_invent_an_address(stack):
    client = somewhere(stack)
    mine = client.headers["X-Forwarded-For"]
    answers = []
    for n in range(30):
        client.headers["X-Forwarded-For"] = mine.replace("8.8.8.8", f"8.8.8.{n}")
        answers.append(client.call("POST", "auth/refresh-token", json={}))
    assert left(answers) <= 3000 - len(answers) // 2


def test_a_forged_token_does_not_escape_the_count(stack):
    client = somewhere(stack)
    answers = []
    for n in range(25):
        answers.append(client.call("POST", "orders/reserve", json={}, headers={"Authorization": f"Bearer x{n}"}))
    assert {answer.status_code for answer in answers} == {401}
    assert left(answers) <= 600 - len(answers) // 2


@pytest.mark.parametrize("path", ["login", "verify", "reset-password", "forgot-password", "code", "code/verify"])
def test_many_accounts_are_signed_in_to_from_one_address(stack, path):
    """A carrier gives thousands of buyers one address."""
    client = somewhere(stack)
    bodies = [{"email": f"{uuid4().hex}@example.com", "password": "x", "code": "no code"} for _ in range(40)]
    assert refused([client.call("POST", f"auth/{path}", json=body) for body in bodies]) == 0


@pytest.mark.parametrize("path", ["login", "verify", "reset-password", "forgot-password", "code", "code/verify"])
def test_secrets_of_one_account_are_guessed_ten_times_a_minute_from_one_address(stack, path):
    client = somewhere(stack)
    spellings = [address := f"{uuid4().hex}@example.com", address.upper()]
    answers = [
        client.call("POST", f"auth/{path}", json={"email": spellings[n % 2], "code": "no code"})
        for n in range(14)  # no code, as wrong ones are refused after five already
    ]
    assert refused(answers) == 4


def test_strangers_guesses_do_not_use_up_the_owners_tries(stack):
    address = f"{uuid4().hex}@example.com"
    answers = [
        somewhere(stack).call("POST", "auth/verify", json={"email": address, "code": "no code"}) for _ in range(14)
    ]
    assert refused(answers) == 0


def test_who_asks_for_anothers_codes_does_not_keep_them_from_signing_in(stack):
    world = World(stack)
    world.anybody = somewhere(stack)
    owner = world.somebody()
    asked = [somewhere(stack).call("POST", "auth/forgot-password", json={"email": owner.address}) for _ in range(14)]
    assert refused(asked) == 4
    somewhere(stack).call("POST", "auth/login", json={"email": owner.address, "password": PASSWORD}, status=200)


def test_gateways_are_never_refused(stack):
    client = somewhere(stack)
    assert {answer.status_code for answer in calls(client, "POST", "payments/webhook/xendit", 30, json={})} == {401}


def test_forged_notifications_are_counted_sampled_into_the_audit_and_limited(stack):
    """A signed request is taken from the same address, however many were forged there."""
    forger = somewhere(stack)
    body = {"order_id": "x", "status_code": "200", "gross_amount": "1.00", "signature_key": "0" * 128}
    forged = calls(forger, "POST", "payments/webhook/midtrans", 200, json=body)
    assert {answer.status_code for answer in forged} == {401, 429}
    assert refused(forged) >= 20
    assert forged[-1].headers["Retry-After"]
    minutes = sum(answer.elapsed.total_seconds() for answer in forged) / 60
    with stack.database() as database, database.connect() as connection:
        count = text("SELECT count(*) FROM audit_log WHERE action = 'webhook.rejected' AND subject_id = 'midtrans'")
        assert 1 <= connection.execute(count).scalar_one() <= 4 + 2 * minutes  # two processes, at a minute's turn
    counted = f'karcis_webhook_rejections_total{{gateway="midtrans"}} {float(len(forged))}'
    assert counted in forger.call("GET", "/metrics").text
    signed = {"id": uuid4().hex, "external_id": "ORDER-of-nobody", "status": "PAID", "amount": 1, "currency": "IDR"}
    token = {"x-callback-token": KEYS["XENDIT_CALLBACK_TOKEN"]}
    for _ in range(70):
        forger.call("POST", "payments/webhook/xendit", json={}, headers={"x-callback-token": "wrong"})
    forger.call("POST", "payments/webhook/xendit", json=signed, headers=token, status=200)


def test_without_the_shared_counters_buyers_go_on_and_guesses_end(stack):
    """Usual requests are let in at once; passwords are not tried at all."""
    buyer, guesser = signed_in(stack), somewhere(stack)
    with stack.stalled("cloud"):
        answers = calls(buyer, "GET", "orders/my-orders", 30)
        assert {answer.status_code for answer in answers} == {200}
        assert median(answer.elapsed.total_seconds() for answer in answers) < 5
        answer = guesser.call("POST", "auth/login", json={"email": "a@example.com", "password": PASSWORD})
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/try-again"
        assert int(answer.headers["Retry-After"]) >= 1
    until(lambda: "limits.unavailable" in stack.output())
    until(
        lambda: (
            guesser.call("POST", "auth/login", json={"email": "b@example.com", "password": PASSWORD}).status_code != 503
        ),
        what="for logins to go on",
    )
