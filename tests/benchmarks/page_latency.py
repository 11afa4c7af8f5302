"""`python -m tests.benchmarks.page_latency`: how long public pages take through HTTP, warm and one after the other.

    python -m tests.benchmarks.page_latency [--rounds 200]

Prints p50 and p95 in milliseconds of home, list and event page on a product of its own, and their ratio to the liveness
page, which does nothing.
"""

import argparse
import os
import statistics
import time
from collections.abc import Sequence

import requests

from tests.folders import a_folder
from tests.people import World
from tests.stack import Stack

NOTHING = "/health/live"
WARMING = 20


def main() -> None:
    """Start, fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.page_latency")
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    with a_folder() as folder:
        stack = Stack(folder, RATE_LIMITS="off", BCRYPT_COST="4")
        try:
            _measure(stack.start(), rounds)
        finally:
            stack.stop()


def _measure(stack: Stack, rounds: int) -> None:
    world = World(stack)
    events = [world.publish() for _ in range(12)]
    print(f"load before: {os.getloadavg()[0]:.1f}\n{'milliseconds':<20}{'p50':>8}{'p95':>8}{'ratio':>8}")
    pages = {"home": "/id", "list": "/id/events", "event": f"/id/events/{events[0]['slug']}"}
    took = {name: _milliseconds(stack.url + path, rounds) for name, path in {"nothing": NOTHING, **pages}.items()}
    for name, each in took.items():
        ratio = statistics.median(each) / statistics.median(took["nothing"])
        print(f"{name:<20}{statistics.median(each):>8.1f}{statistics.quantiles(each, n=20)[-1]:>8.1f}{ratio:>8.1f}")


def _milliseconds(url: str, rounds: int) -> Sequence[float]:
    took = []
    with requests.Session() as session:
        for _ in range(rounds + WARMING):
            began = time.perf_counter()
            session.get(url, timeout=30).raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
    return took[WARMING:]


if __name__ == "__main__":
    main()
