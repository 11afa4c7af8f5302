"""Callers are counted by account and address (SEC-003); an address that many share may do more."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from flask import Request

from shared.cloud import counters
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from shared.web import rate_limits
from shared.web.rate_limiter import Limit, RateLimiter
from shared.web.rate_limits import TooManyRequests

NOON = 1_800_000_000.0
FEW = Limit("few", 20)
SHARED = Limit("shared", 5, per_address=50)


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A minute that stands, in one instance without the shared counters."""

    def add(amounts: Mapping[str, int], **_: Any) -> dict[str, int]:
        raise counters.CountersUnavailable

    monkeypatch.setenv("RATE_LIMITS", "on")
    monkeypatch.setattr(counters, "add", add)
    monkeypatch.setattr(rate_limits, "_rate_limiter", RateLimiter(lambda: NOON))
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def refused(limit: Limit, addresses: list[str], caller: Principal | None = None) -> int:
    """The number of these requests that are refused, one from each address."""
    count = 0
    for address in addresses:
        request = Request({"REMOTE_ADDR": address, "wsgi.input": BytesIO()})
        try:
            rate_limits.check(limit, request, caller)
        except TooManyRequests:
            count += 1
    return count


def is_let_in(limit: Limit, content: str, *, query: str = "", is_form: bool = False) -> bool:
    """Whether a request of this content is let in."""
    sent = content.encode()
    kind = "application/x-www-form-urlencoded" if is_form else "application/json"
    environ = {
        "REMOTE_ADDR": "100.64.0.3",
        "CONTENT_LENGTH": str(len(sent)),
        "CONTENT_TYPE": kind,
        "QUERY_STRING": query,
        "REQUEST_METHOD": "POST",
        "wsgi.input": BytesIO(sent),
    }
    try:
        rate_limits.check_body(limit, Request(environ), None)
    except TooManyRequests:
        return False
    return True


@pytest.mark.parametrize("limit", [rate_limits.CREDENTIALS, rate_limits.CODE_MAILS], ids=lambda limit: limit.name)
def test_an_account_is_tried_by_the_api_and_by_a_page_ten_times_together(monkeypatch, limit):
    monkeypatch.setattr(counters, "add", lambda amounts, **_: dict(amounts))
    by_api = [is_let_in(limit, '{"email": "siti@example.com"}') for _ in range(6)]
    by_page = [is_let_in(limit, "email=Siti%40example.com&promo=X", is_form=True) for _ in range(6)]
    assert [*by_api, *by_page] == [True] * 10 + [False] * 2


@pytest.mark.parametrize(
    "guess",
    [
        {"limit": rate_limits.QUOTES, "content": '{"promo_code": "X"}'},
        {"limit": rate_limits.QUOTES, "content": "", "query": "promo=X"},
        {"limit": rate_limits.CODE_MAILS, "content": "email=none&promo=X", "is_form": True},
    ],
)
def test_prices_with_a_promo_code_are_counted_apart_however_they_are_asked_for(guess):
    assert all(is_let_in(**guess) for _ in range(600))
    assert not is_let_in(**guess)
    assert is_let_in(rate_limits.QUOTES, '{"promo_code": null}')


def test_an_address_may_do_what_its_callers_do_together_and_each_who_signs_in_what_is_theirs():
    assert refused(SHARED, ["100.64.0.1"] * 53) == 3
    assert refused(SHARED, ["100.64.0.1"] * 8, Principal(uuid4(), "customer", None)) == 3


def test_a_limit_that_names_no_address_is_the_same_for_all():
    assert refused(FEW, ["100.64.0.2"] * 23) == 3


def test_a_dozen_phones_at_gates_share_an_account():
    """Each scans once a second, and asks for the counts every 15 seconds and for snapshot and counts every minute."""
    helper, of_one_phone = Principal(uuid4(), "staff", uuid4()), 60 + 4 + 2
    assert refused(rate_limits.GATE, ["100.64.0.4"] * 12 * of_one_phone, helper) == 0


def test_an_ipv6_customer_with_many_networks_is_one_caller_in_the_end():
    """Each /64 may do 20, a /56 four times as much, a /48 four times that."""
    networks = [f"2001:db8:1:{network:x}::1" for network in range(100)]
    assert refused(FEW, networks[:80]) == 0
    assert refused(FEW, networks[80:]) == 20
    assert refused(FEW, ["2001:db8:1:a00::1"]) == 0, "of the same site, another home"
