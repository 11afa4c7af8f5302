"""A revision's health, judged to give it more traffic or not. Numbers are Cloud Monitoring's."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import requests

from infra.deploy.gcloud import token

MONITORING = "https://monitoring.googleapis.com"
MAX_ERROR_SHARE = 0.01
"""M-007: the share of answers with 5xx that is still healthy."""
SLOWEST_MS = 2_000
"""The 99th percentile that is still healthy."""
ENOUGH_REQUESTS = 100
"""Below this a percentage says little, and single errors are counted instead."""
FEW_ERRORS = 3
FEWEST_REQUESTS = 3
"""Fewer answers than these say nothing of a revision that people are about to meet. The canary asks two hundred times
itself (knocks.py), so that a tenth of the traffic brings twenty."""


@dataclass(frozen=True)
class Health:
    """A revision's answers in a window of time."""

    requests: int
    errors: int
    p99_ms: float

    @property
    def error_share(self) -> float:
        """The share of answers with 5xx."""
        return self.errors / self.requests if self.requests else 0.0


Measure = Callable[[str, str, int], Health]
"""A service, its revision, and of how many seconds."""


def complaint(old: Health, new: Health, *, is_public: bool = False) -> str | None:
    """The reason why the new revision must not have more traffic; None where it may.

    Faults that the old revision has too are not held against the new one: then something else is ill. A service that
    only we call, and hardly ever, goes on, unless what little it answered went wrong; one that people call does not go
    on unseen.
    """
    if is_public and new.requests < FEWEST_REQUESTS:
        return f"{new.requests} requests were seen: too few to know how it does"
    if new.requests < ENOUGH_REQUESTS:
        return f"{new.errors} of {new.requests} answers are errors" if new.errors >= FEW_ERRORS else None
    if new.error_share > max(MAX_ERROR_SHARE, 2 * old.error_share):
        return f"{new.error_share:.1%} errors, the old revision {old.error_share:.1%}"
    if new.p99_ms > max(SLOWEST_MS, 1.5 * old.p99_ms):
        return f"p99 of {new.p99_ms:.0f} ms, the old revision {old.p99_ms:.0f} ms"
    return None


def measuring() -> Measure:
    """A function that asks Cloud Monitoring about the last seconds of a revision, with one token for all questions.

    It raises requests.RequestException.
    """
    bearer = token()

    def measure(service: str, revision: str, window_seconds: int) -> Health:
        labels = f'monitored_resource="cloud_run_revision",service_name="{service}",revision_name="{revision}"'
        window = f"[{window_seconds}s]"
        count = "run_googleapis_com:request_count"
        latencies = "run_googleapis_com:request_latencies_bucket"
        increase = f"sum by (le) (increase({latencies}{{{labels}}}{window}))"
        return Health(
            requests=round(_number(f"sum(increase({count}{{{labels}}}{window}))", bearer)),
            errors=round(_number(f'sum(increase({count}{{{labels},response_code_class="5xx"}}{window}))', bearer)),
            p99_ms=_number(f"histogram_quantile(0.99, {increase})", bearer),
        )

    return measure


def _number(promql: str, bearer: str) -> float:
    """The value of a PromQL expression; 0 where there is no data."""
    project = os.environ["CLOUDSDK_CORE_PROJECT"]
    answer = requests.get(
        f"{MONITORING}/v1/projects/{project}/location/global/prometheus/api/v1/query",
        params={"query": promql},
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=30,
    )
    answer.raise_for_status()
    result = answer.json()["data"]["result"]
    value = float(result[0]["value"][1]) if result else 0.0
    return value if value == value else 0.0  # NaN: a histogram of nothing
