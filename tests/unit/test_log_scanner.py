"""The scanner of the suite's logs catches what it is there for, and says so without repeating it."""

import logging

import pytest

from tests.log_scanner import LogScanner

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJl"
REFRESH_TOKEN = "vN3k-8hJ2pQ_rT5wXyZ0aBcDeFgHiJkLmNoPqRsTuVw"
PLANTED = {
    "an address": "siti.rahma@gmail.test",
    "an address in a URL": "to=siti%40gmail.test",
    "a number of a telephone": "081234567890",
    "one with spaces": "+62 812 3456 7890",
    "an identity number": "3174012345678901",
    "a signed token": JWT,
    "a bearer token": "Authorization: Bearer abcdefghij",
    "a refresh token": REFRESH_TOKEN,
    "a secret": "xnd_development_planted",
}


@pytest.fixture
def scanner() -> LogScanner:
    """One of this test's own, or the suite's would fail it."""
    made = LogScanner()
    made.keep_secret(["xnd_development_planted"])
    return made


@pytest.mark.parametrize("raw", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_line_is_caught_once_and_not_repeated(scanner: LogScanner, raw: str):
    scanner.see(f'{{"message": "order.paid", "planted": "{raw}"}}\n')
    with pytest.raises(AssertionError, match=r"order\.paid") as failure:
        scanner.check()
    assert raw not in str(failure.value)
    scanner.check()  # told already


@pytest.mark.parametrize(
    "line",
    [
        '{"message": "request", "route": "/api/v1/orders/{order_id}", "correlation_id": '
        '"7d9f0d0e-6281-4234-8567-89abcdef0812", "time": "2026-11-21T08:12:34.567890+00:00", "milliseconds": 12.5}',
        '{"to": "s***@example.com", "phone": "08****890", "identity": "************8901", "auth": "[token]"}',
        "local cloud: http://127.0.0.1:40123",
        "  customer   buyer@karcis.example",
        '{"amount": 62812345}',
    ],
)
def test_a_harmless_line_is_let_pass(scanner: LogScanner, line: str):
    scanner.see(line)
    scanner.check()


def test_it_hears_what_is_logged_in_this_process(scanner: LogScanner):
    scanner.setFormatter(logging.Formatter())  # as if nothing masked
    log = logging.getLogger("planted")
    log.propagate = False
    log.addHandler(scanner)
    log.warning("mail for %s", "siti@gmail.test")
    with pytest.raises(AssertionError, match=r"mail for"):
        scanner.check()


def test_what_the_product_logs_is_masked_before_it_is_heard(scanner: LogScanner):
    log = logging.getLogger("planted")
    log.propagate = False
    log.addHandler(scanner)
    log.warning("mail for %s", "siti@gmail.test", extra={"phone": "081234567890", "bearer": f"Bearer {JWT}"})
    scanner.check()
