"""The web's processor time of a reserve, layer by layer: functions that do more and more of it, in turn."""

import statistics
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from shared.cloud.secrets import secret
from shared.identity import tokens
from tests.benchmarks import empty_function, reserving
from tests.benchmarks.bench import Bench
from tests.benchmarks.layered import UNASKED
from tests.benchmarks.reserving import Scenario

EMPTY, WHOLE = "the empty function", "the whole function"
_SOURCE = Path(__file__).parent / "layered" / "main.py"
_LAYERS = {
    "validated": "and its body checked",
    "authenticated": "and its token checked",
    "reserved": "and its batch and statements",
}
_PLENTY = 1_000_000


def measure(bench: Bench, buyers: int) -> dict[str, float]:
    """The milliseconds for each request, by what is done of it: the medians of the rounds."""
    environment = _environment(bench)
    with ExitStack() as running:
        functions = {
            words: running.enter_context(empty_function.running(name, _SOURCE, environment, unasked=UNASKED))
            for name, words in _LAYERS.items()
        }
        rounds = [dict(_round(bench, functions, buyers)) for _ in range(2 * bench.plan.rounds)]
    return {words: statistics.median(each[words] for each in rounds) for words in rounds[0]}


def _round(
    bench: Bench, functions: Mapping[str, empty_function.EmptyFunction], buyers: int
) -> Iterator[tuple[str, float]]:
    seconds = bench.plan.reserving / 2
    yield EMPTY, bench.empty.measure(bench.sample, buyers=buyers, seconds=seconds).milliseconds
    for words, function in functions.items():
        event = bench.crowd.event(tiers=1, seats=_PLENTY)
        requests = list(bench.crowd.reservations(event))
        yield words, function.measure(requests, buyers=buyers, seconds=seconds).milliseconds
    whole = reserving.measure(bench.product, bench.crowd, Scenario(tiers=1, buyers=buyers), seconds=seconds)
    yield WHOLE, whole.web_milliseconds


def _environment(bench: Bench) -> dict[str, str]:
    address = bench.product.database.url.render_as_string(hide_password=False)
    return {"DATABASE_URL": address, "JWT_SIGNING_KEY": secret(tokens.KEY)}
