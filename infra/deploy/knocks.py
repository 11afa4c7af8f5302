"""Requests that show how a new revision does while nobody else asks: one address of each function, again and again.

They are GETs from nobody, through the load balancer: a function answers them with 200, or refuses with 401, 404 or 405.
Nothing is bought: an order would need an account, and a gateway that pays.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import requests

from functions.manifest import Function, manifest
from infra.deploy.traffic import service

TIMES = 200
"""How often each function is asked while a step is watched: a tenth of it is enough to see (health.py)."""
TIMEOUT_SECONDS = 15
AT_ONCE = 4
NOBODYS_ID = "00000000-0000-0000-0000-000000000000"


def address(function: Function) -> str | None:
    """An address that the function answers, if anybody may ask it."""
    pages = [page for page in function.pages if not page.endswith("/*")]
    routes = [f"/api/v1{route.split()[1]}" for route in function.routes]
    found = next(iter([*routes, *pages]), None)
    if found is None:
        return None
    parts = [NOBODYS_ID if part.startswith("{") else part for part in found.split("/")]
    return "/".join(parts)


def knocking(
    url: str,
    services: Sequence[str],
    *,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Callable[[float], None]:
    """A way to wait: so many seconds, while the functions of these services are asked."""
    asked = [each for each in manifest().functions.values() if each.is_public and service(each.name) in services]
    addresses = [f"{url}{found}" for each in asked if (found := address(each))]
    numbers = count()

    def wait(seconds: float) -> None:
        end = now() + seconds
        with requests.Session() as session, ThreadPoolExecutor(AT_ONCE) as threads:
            for turn in range(TIMES):
                list(threads.map(lambda address: _ask(session, f"{address}?knock={next(numbers)}"), addresses))
                pause(max(0.0, (end - now()) / (TIMES - turn)))

    return wait


def _ask(session: requests.Session, address: str) -> None:
    """Ask once, past the CDN. What becomes of it Cloud Monitoring has seen."""
    try:
        session.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        print(f"{address}: {type(error).__name__}", flush=True)
