"""The health of a revision, read from Cloud Monitoring, and whether it may get more traffic."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import requests

from infra.deploy.gcloud import token

MONITORING = "https://monitoring.googleapis.com"
MAX_ERROR_RATE = 0.01
"""M-007: the highest healthy share of answers with 5xx."""
MAX_P99_MS = 2_000
"""The highest healthy 99th percentile."""
MIN_REQUESTS_FOR_RATES = 100
"""Below this a percentage says little, and single errors are counted instead."""
MIN_ERRORS = 3
MIN_REQUESTS = 3
"""Fewer answers than these say nothing about a public revision, and fewer good ones nothing about one that sells. The
canary's two hundred synthetic requests and purchases bring it twenty at a tenth of the traffic."""


@dataclass(frozen=True)
class Health:
    """A revision's answers in a window of time."""

    requests: int
    errors: int
    p99_ms: float
    successes: int = 0
    """Answers with 2xx."""

    @property
    def error_rate(self) -> float:
        """The share of answers with 5xx."""
        return self.errors / self.requests if self.requests else 0.0


ReadHealth = Callable[[str, str, int], Health]
"""Reads the health of a service's revision over the last seconds."""


def regression(old: Health, new: Health, *, is_public: bool = False, sells: bool = False) -> str | None:
    """The reason why the new revision must not get more traffic; None where it may.

    Faults that the old revision has too are not held against it: their cause is elsewhere. A public service needs a few
    requests to go on, and one that `sells` a few that it answered well: refusals are no proof that people can buy.
    Others go on without any, unless several of them were answered by errors.
    """
    if is_public and new.requests < MIN_REQUESTS:
        return f"{new.requests} requests were seen: too few to know how it does"
    if sells and new.successes < MIN_REQUESTS:
        return f"{new.successes} requests were answered well: too few to know that people can buy"
    if new.requests < MIN_REQUESTS_FOR_RATES:
        return f"{new.errors} of {new.requests} answers are errors" if new.errors >= MIN_ERRORS else None
    if new.error_rate > max(MAX_ERROR_RATE, 2 * old.error_rate):
        return f"{new.error_rate:.1%} errors, the old revision {old.error_rate:.1%}"
    if new.p99_ms > max(MAX_P99_MS, 1.5 * old.p99_ms):
        return f"p99 of {new.p99_ms:.0f} ms, the old revision {old.p99_ms:.0f} ms"
    return None


def monitoring_reader() -> ReadHealth:
    """A function that reads a revision's last seconds from Cloud Monitoring, with one token for all calls.

    It raises requests.RequestException.
    """
    bearer = token()

    def read_health(service: str, revision: str, window_seconds: int) -> Health:
        labels = f'monitored_resource="cloud_run_revision",service_name="{service}",revision_name="{revision}"'
        window = f"[{window_seconds}s]"
        count = "run_googleapis_com:request_count"
        latencies = "run_googleapis_com:request_latencies_bucket"
        increase = f"sum by (le) (increase({latencies}{{{labels}}}{window}))"
        return Health(
            requests=round(_number(f"sum(increase({count}{{{labels}}}{window}))", bearer)),
            errors=round(_number(f'sum(increase({count}{{{labels},response_code_class="5xx"}}{window}))', bearer)),
            p99_ms=_number(f"histogram_quantile(0.99, {increase})", bearer),
            successes=round(_number(f'sum(increase({count}{{{labels},response_code_class="2xx"}}{window}))', bearer)),
        )

    return read_health


def _number(promql: str, bearer: str) -> float:
    """The value of a PromQL expression; 0 where there is no data."""
    project = os.environ["CLOUDSDK_CORE_PROJECT"]
    response = requests.get(
        f"{MONITORING}/v1/projects/{project}/location/global/prometheus/api/v1/query",
        params={"query": promql},
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=30,
    )
    response.raise_for_status()
    result = response.json()["data"]["result"]
    value = float(result[0]["value"][1]) if result else 0.0
    return value if value == value else 0.0  # NaN: a histogram of nothing
