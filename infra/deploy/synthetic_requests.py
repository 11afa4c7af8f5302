"""Synthetic requests and purchases, by which a new revision is judged when it has too few real ones.

The requests are anonymous GETs of one address of each function, through the load balancer. A function answers 200, or
refuses with 401, 404 or 405. The purchases are those of the function `synthetic_purchase`, whose job is run.
"""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import requests

from functions.manifest import Function, manifest
from infra.deploy.gcloud import gcloud
from infra.deploy.traffic import service_name

REQUESTS_EACH = 200
"""Requests to each function, and purchases, during a step: the tenth that a new revision gets must be enough for
health.py. One every three seconds is what the synthetic buyers may do (shared/catalog/synthetic_events.py)."""
SELLING = frozenset(service_name(name) for name in ("reserve", "checkout", "issue_ticket", "send_email"))
"""The services that every purchase goes through."""
PURCHASE = "synthetic-purchase-purchase"
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
    """A function that waits so many seconds and meanwhile sends requests to the functions of these services.

    If one of them sells, purchases are run too.
    """
    buys = not SELLING.isdisjoint(services)
    targets = [each for each in manifest().functions.values() if each.is_public and service_name(each.name) in services]
    addresses = [f"{url}{found}" for each in targets if (found := address(each))]
    numbers = count()

    def wait(seconds: float) -> None:
        end = now() + seconds
        with requests.Session() as session, ThreadPoolExecutor(CONCURRENCY) as threads:
            for turn in range(REQUESTS_EACH):
                sends = [partial(_send_request, session, f"{address}?request={next(numbers)}") for address in addresses]
                list(threads.map(lambda act: act(), [*sends, _buy] if buys else sends))
                pause(max(0.0, (end - now()) / (REQUESTS_EACH - turn)))

    return wait


def _buy() -> None:
    """Run one purchase. Its outcome is in the function's log, and the services that took part in Cloud Monitoring."""
    try:
        gcloud("scheduler", "jobs", "run", PURCHASE, f"--location={os.environ['CLOUDSDK_RUN_REGION']}")
    except subprocess.CalledProcessError:
        print(f"{PURCHASE} could not be run", flush=True)


def _send_request(session: requests.Session, address: str) -> None:
    """Send one request, past the CDN. Cloud Monitoring records the answer."""
    try:
        session.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        print(f"{address}: {type(error).__name__}", flush=True)
