"""Synthetic requests, by which a new revision is judged when it has too few real ones.

They are anonymous GETs of one address of each function, through the load balancer. A function answers 200, or refuses
with 401, 404 or 405. They buy nothing: an order would need an account, and a gateway that pays.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import requests

from functions.manifest import Function, manifest
from infra.deploy.traffic import service_name

REQUESTS_EACH = 200
"""Requests to each function during a step: the tenth that a new revision gets must be enough for health.py."""
TIMEOUT_SECONDS = 15
CONCURRENCY = 4
UNKNOWN_ID = "00000000-0000-0000-0000-000000000000"


def address(function: Function) -> str | None:
    """The first address of a function's API or pages, with an unknown id in it; None where it has none."""
    pages = [page for page in function.pages if not page.endswith("/*")]
    routes = [f"/api/v1{route.split()[1]}" for route in function.routes]
    found = next(iter([*routes, *pages]), None)
    if found is None:
        return None
    parts = [UNKNOWN_ID if part.startswith("{") else part for part in found.split("/")]
    return "/".join(parts)


def wait_sending(
    url: str,
    services: Sequence[str],
    *,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Callable[[float], None]:
    """A function that waits so many seconds and meanwhile sends requests to the functions of these services."""
    asked = [each for each in manifest().functions.values() if each.is_public and service_name(each.name) in services]
    addresses = [f"{url}{found}" for each in asked if (found := address(each))]
    numbers = count()

    def wait(seconds: float) -> None:
        end = now() + seconds
        with requests.Session() as session, ThreadPoolExecutor(CONCURRENCY) as threads:
            for turn in range(REQUESTS_EACH):
                list(threads.map(lambda address: _ask(session, f"{address}?request={next(numbers)}"), addresses))
                pause(max(0.0, (end - now()) / (REQUESTS_EACH - turn)))

    return wait


def _ask(session: requests.Session, address: str) -> None:
    """Send one request, past the CDN. Cloud Monitoring records the answer."""
    try:
        session.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        print(f"{address}: {type(error).__name__}", flush=True)
