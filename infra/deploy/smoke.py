"""Tests the product from outside: certificate, routing, responses, and that internal endpoints refuse.

    python -m infra.deploy.smoke https://tickets.example.com

Changes nothing, needs no account.
"""

import sys
from collections.abc import Callable
from urllib.parse import urlsplit

import requests

TIMEOUT_SECONDS = 15

Check = Callable[[requests.Session, str], str | None]


def events_are_listed(session: requests.Session, url: str) -> str | None:
    """The catalogue answers: load balancer, function and database are there."""
    response = session.get(f"{url}/api/v1/events", params={"page_size": 1}, timeout=TIMEOUT_SECONDS)
    if response.status_code != 200 or "items" not in response.json():
        return f"GET /api/v1/events answers {response.status_code}"
    if "Strict-Transport-Security" not in response.headers:
        return "an answer lacks Strict-Transport-Security"
    return None


def strangers_are_refused(session: requests.Session, url: str) -> str | None:
    """An account's data is nobody else's."""
    status = session.get(f"{url}/api/v1/account", timeout=TIMEOUT_SECONDS).status_code
    return None if status == 401 else f"GET /api/v1/account without a token answers {status}"


def unsigned_notifications_are_refused(session: requests.Session, url: str) -> str | None:
    """An unsigned notification is refused, and by the function: the WAF lets notifications through."""
    status = session.post(f"{url}/api/v1/payments/webhook/xendit", json={}, timeout=TIMEOUT_SECONDS).status_code
    return None if status in {400, 401} else f"an unsigned notification is answered {status}"


def internal_endpoints_are_closed(session: requests.Session, url: str) -> str | None:
    """Check that the load balancer refuses the routes that only Google calls."""
    for path in ("/messages/payment.success", "/tasks/expire", "/jobs/sweep"):
        status = session.post(f"{url}{path}", json={}, timeout=TIMEOUT_SECONDS).status_code
        if status < 400:
            return f"POST {path} answers {status}"
    return None


def plain_http_is_redirected(session: requests.Session, url: str) -> str | None:
    """Plain HTTP is only redirected."""
    host = urlsplit(url).netloc
    response = session.get(f"http://{host}/api/v1/events", timeout=TIMEOUT_SECONDS, allow_redirects=False)
    is_redirect = response.status_code in {301, 308} and response.headers.get("Location", "").startswith("https://")
    return None if is_redirect else f"plain HTTP answers {response.status_code}"


CHECKS: tuple[Check, ...] = (
    events_are_listed,
    strangers_are_refused,
    unsigned_notifications_are_refused,
    internal_endpoints_are_closed,
)


def smoke(url: str) -> list[str]:
    """Everything that is wrong at `url`, an https address without a trailing slash."""
    checks = CHECKS + ((plain_http_is_redirected,) if url.startswith("https://") else ())
    faults = []
    with requests.Session() as session:
        for check in checks:
            try:
                fault = check(session, url)
            except (requests.RequestException, ValueError) as error:
                fault = f"{check.__name__}: {type(error).__name__}: {error}"
            if fault:
                faults.append(fault)
    return faults


def main() -> int:
    """1 where anything is wrong."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    faults = smoke(sys.argv[1].rstrip("/"))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
