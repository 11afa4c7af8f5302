"""Strangers guess at passwords and codes of one account from many networks: who gets in, and who doesn't.

    python -m tests.attacks.lockout --buyers 2000

Then that many buyers sign in from one address at about the same time, as behind a carrier's, by password and as many by
a mailed code: how many get in in a minute, and what each costs the processor.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

import requests
from sqlalchemy import text

from shared.identity import login_throttling, passwords
from tests.attacks import run
from tests.attacks.run import Figure
from tests.people import PASSWORD, World
from tests.stack import Client, Stack

BUYERS = 30
NETWORKS = 20
TRIES = 8
AT_ONCE = 16
_CARRIER = "198.51.100.200"
_MAX_GUESSES = login_throttling.ACCOUNT.most + NETWORKS
"""Those of the account's budget, and one of each network after it is used up."""
_MAX_REPEATS = 100
_SIGN_IN_CODE = re.compile(r"^\s*([0-9]{8})\s*$", re.MULTILINE)
_CODE = re.compile(r"^\s*([0-9A-Z]{10})\s*$", re.MULTILINE)

_ADD = text("""
    INSERT INTO users (email, full_name, password_hash, role, organizer_id, is_email_verified, terms_version,
        terms_accepted_at)
    SELECT unnest(CAST(:emails AS text[])), 'Siti Rahma', :password_hash, :role, :organizer_id, true, '1', now()
    RETURNING id
""")


@dataclass(frozen=True)
class Target:
    """An account that strangers guess at."""

    stack: Stack
    email: str

    @cached_property
    def known_device(self) -> dict[str, str]:
        """The cookie of a browser that has signed in to it."""
        browser = _client(self.stack, "203.0.113.50")
        answer = browser.call("POST", "auth/login", json=self.credentials, headers={"X-Session": "cookie"}, status=200)
        return {"device": answer.cookies["device"]}

    @cached_property
    def token(self) -> str:
        """An access token of it."""
        answer = _client(self.stack, "203.0.113.51").post("auth/login", self.credentials, status=200)
        return str(answer["access_token"])

    @property
    def credentials(self) -> dict[str, str]:
        """The address and password of its owner."""
        return {"email": self.email, "password": PASSWORD}


def attack(stack: Stack, buyers: int = BUYERS) -> Sequence[Figure]:
    """Strangers guess at one account from many networks; and a crowd signs in from one address."""
    with stack.database() as database, database.begin() as tx:
        password_hash = passwords.hash_password(PASSWORD)

        def added(emails: list[str], role: str = "customer", organizer_id: Any = None) -> Any:
            values = {"emails": emails, "password_hash": password_hash, "role": role, "organizer_id": organizer_id}
            return tx.execute(_ADD, values).scalars().all()

        owner, organizer, staff, *crowd = [f"{uuid4().hex[:12]}@example.com" for _ in range(buyers + 3)]
        added([owner, *crowd])
        (organizer_id,) = added([organizer], "organizer")
        added([staff], "staff", organizer_id)
    return [
        *_besieged(Target(stack, owner), "the owner"),
        *_besieged(Target(stack, staff), "gate staff"),
        *_reset(Target(stack, owner)),
        *_crowd(stack, crowd),
        *_newcomers(stack, buyers),
    ]


def _besieged(target: Target, who: str) -> Sequence[Figure]:
    device, token = target.known_device, target.token
    statuses = Counter(
        _login(target.stack, _stranger(number), target.email, "Salah-123!").status_code
        for _ in range(TRIES)
        for number in range(NETWORKS)
    )
    worst = _stranger(0)
    known = _login(target.stack, worst, target.email, cookies=device).status_code
    fresh = _login(target.stack, "203.0.113.52", target.email).status_code
    signed_in = _client(target.stack, worst, token).call("POST", "auth/confirm", json={"password": PASSWORD})
    return [
        Figure(
            f"guesses at {who} that were looked at, of {NETWORKS * TRIES}",
            statuses[401],
            f"{_MAX_GUESSES}",
            0 < statuses[401] <= _MAX_GUESSES,
        ),
        Figure("refused for their number (429)", statuses[429], "the rest", set(statuses) == {401, 429}),
        _passes(f"{who}, from a device that is known, in a stranger's network", known),
        _passes(f"{who}, with the right password, from where nobody has failed", fresh),
        _passes(f"{who}, signed in, giving the password again", signed_in.status_code),
    ]


def _reset(target: Target) -> Sequence[Figure]:
    """Strangers spend what they can of the code that the owner has asked for."""
    asked = _client(target.stack, "203.0.113.53")
    asked.post("auth/forgot-password", {"email": target.email}, status=202)
    mail = World(target.stack).mail(target.email, "reset_password")["text"]
    code = _CODE.findall(mail)[0]
    statuses = Counter(
        _choose(target, _stranger(number), "0123456789") for _ in range(TRIES) for number in range(NETWORKS)
    )
    chosen = _choose(target, "203.0.113.53", code)
    return [
        Figure(f"junk codes that were taken, of {NETWORKS * TRIES}", statuses[204], "0", statuses[204] == 0),
        Figure("the owner's code, after them", chosen, "204", chosen == 204),
        _passes("the owner, with the new password", _login(target.stack, "203.0.113.54", target.email).status_code),
    ]


def _choose(target: Target, address: str, code: str) -> int:
    wanted = {"email": target.email, "code": code, "password": PASSWORD}
    return _client(target.stack, address).call("POST", "auth/reset-password", json=wanted).status_code


def _crowd(stack: Stack, crowd: Sequence[str]) -> Sequence[Figure]:
    used, begun = _processor(stack), time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = sum(threads.map(lambda email: _until_in(stack, email), crowd), Counter[int]())
    seconds, used = time.monotonic() - begun, _processor(stack) - used
    return [
        _passes_all(f"{len(crowd)} buyers behind one address: signed in", statuses[200], len(crowd)),
        Figure("signed in, each minute", f"{60 * statuses[200] / seconds:.0f}", "", True),
        Figure("asked to come back (503), each minute", f"{60 * statuses[503] / seconds:.0f}", "", True),
        Figure("refused for their number (429)", statuses[429], "0", statuses[429] == 0),
        Figure("processor for each, of the web server", f"{used / len(crowd):.2f} s", "", True),
    ]


def _newcomers(stack: Stack, count: int) -> Sequence[Figure]:
    """Newcomers sign in by a mailed code, as many, behind the same address."""
    emails, begun = [f"{uuid4().hex[:12]}@example.com" for _ in range(count)], time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = Counter(threads.map(lambda email: _by_code(stack, email), emails))
    seconds = time.monotonic() - begun
    return [
        _passes_all(f"{count} without an account behind it: signed in by a mailed code", statuses[200], count),
        Figure("signed in by it, each minute", f"{60 * statuses[200] / seconds:.0f}", "", True),
    ]


def _by_code(stack: Stack, email: str) -> int:
    client = _client(stack, _CARRIER)
    client.post("auth/code", {"email": email, "accept_terms": True}, status=202)
    [code] = _SIGN_IN_CODE.findall(World(stack).mail(email, "sign_in")["text"])
    return client.call("POST", "auth/code/verify", json={"email": email, "code": code}).status_code


def _until_in(stack: Stack, email: str) -> Counter[int]:
    """Try again when asked to, until let in; the responses on the way."""
    statuses: Counter[int] = Counter()
    for _ in range(_MAX_REPEATS):
        answer = _login(stack, _CARRIER, email)
        statuses[answer.status_code] += 1
        if answer.status_code not in (429, 503):
            break
        time.sleep(float(answer.headers["Retry-After"]))
    return statuses


def _login(stack: Stack, address: str, email: str, password: str = PASSWORD, **options: Any) -> requests.Response:
    credentials = {"email": email, "password": password}
    return _client(stack, address).call("POST", "auth/login", json=credentials, **options)


def _client(stack: Stack, address: str, token: str | None = None) -> Client:
    client = Client(stack.url, token)
    client.headers["X-Forwarded-For"] = run.from_address(address)
    return client


def _stranger(number: int) -> str:
    return f"100.64.{number}.7"


def _processor(stack: Stack) -> float:
    """Seconds of processor that those who answer people have used."""
    return sum(sum(each.cpu_times()[:2]) for each in stack.web_workers())


def _passes(what: str, status: int) -> Figure:
    return Figure(what, status, "200", status == 200)


def _passes_all(what: str, count: int, of: int) -> Figure:
    return Figure(what, count, f"{of}", count == of)


def main() -> int:
    """Read how large the crowd is, and run."""
    parser = argparse.ArgumentParser(description="Guesses at one account, and a crowd that signs in.")
    parser.add_argument("--buyers", type=int, default=BUYERS)
    buyers = parser.parse_args().buyers
    return run.one("lockout", lambda stack: attack(stack, buyers), TIMEOUT_FACTOR="1")


if __name__ == "__main__":
    sys.exit(main())
