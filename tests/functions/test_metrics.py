"""/metrics shows what Prometheus can read: every metric of the list, and what people have just done (M-004)."""

from collections import defaultdict

import requests
from prometheus_client.parser import text_string_to_metric_families

from shared.cloud.metrics import COUNTERS, GAUGES
from tests.people import World
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS, until


def shown(stack: Stack) -> dict[str, float]:
    """Each metric's value, summed over its labels."""
    answer = requests.get(f"{stack.url}/metrics", timeout=PATIENCE_SECONDS)
    values: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            values[sample.name] += sample.value
    return values


def test_a_sale_a_refusal_and_a_forged_notification_are_counted_by_all_workers_together(stack: Stack, world: World):
    before = shown(stack)
    event = world.somebody("organizer").publish({"name": "Satu", "price": 50_000, "quota": 1})
    world.somebody().buy(event)
    assert world.somebody().reserve(event, status=409)["type"] == "/problems/sold-out"
    forged = {"headers": {"x-callback-token": "wrong"}, "json": {"id": "x"}}
    world.anybody.call("POST", "payments/webhook/xendit", status=401, **forged)

    def grew(name: str) -> float:
        return shown(stack)[name] - before[name]

    for name in ("reservations", "sold_out", "payments", "webhook_rejections"):
        until(lambda name=name: grew(f"karcis_{name}_total") >= 1, what=f"for {name}: {grew(f'karcis_{name}_total')}")


def test_nothing_but_the_list_is_shown_and_every_gauge_of_it(stack: Stack):
    names = set(shown(stack))
    assert names >= {gauge.name for gauge in GAUGES}
    assert names - {gauge.name for gauge in GAUGES} <= {counter.name for counter in COUNTERS}
