"""An instance is told to end (SIGTERM) in the middle of a sale: it finishes what runs, and nothing is lost (R-010)."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psutil
import requests

from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import until

BUYERS = 8
STOPS = 3
STOP_SECONDS = 15  # longer than the ten that an instance has
SLOW_MS = 1_500


def has_ended(worker: psutil.Process) -> bool:
    """Tell a worker to end, and say whether it has. One that was forked this moment does not listen yet."""
    with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        worker.terminate()
        worker.wait(STOP_SECONDS)
    return not worker.is_running()


def stop_a_worker(stack: Stack) -> None:
    """Tell the worker to end until it has ended and another serves."""
    (worker,) = stack.web_workers()
    until(lambda: has_ended(worker), what="for the worker to end")
    until(lambda: [other for other in stack.web_workers() if other != worker], what="for another worker")


def persistently(act: Any, *arguments: Any, **more: Any) -> Any:
    """Tap until there is an answer: a connection that nobody answered on is closed with its process."""

    def tried() -> Any:
        try:
            return act(*arguments, **more)
        except requests.ConnectionError:
            return None
        except AssertionError as refused:  # who was cut off in the middle holds the key for a minute
            if "idempotency-in-progress" not in str(refused):
                raise
            return None

    return until(tried, what="for an answer")


def gateways_of(stack: Stack) -> World:
    """The gateways by their own process, which goes on while the product's web worker ends."""
    ports = stack.ports()
    return World(stack, f"http://127.0.0.1:{ports['simulators_port']}")


def buys(buyer: Person, event: dict[str, Any], gateways: World) -> dict[str, Any]:
    """Reserve, check out and pay, as a page does that asks again with the same key."""
    order = persistently(buyer.reserve, event, **{"Idempotency-Key": "reserve-1"})
    payment = persistently(buyer.checkout, order)
    gateways.gateway("xendit", payment["gateway_reference"], "pay")
    return order


def test_what_runs_is_finished_and_answered(stack: Stack, world: World, organizer: Person):
    event = organizer.publish()
    buyer = world.somebody()
    order = buyer.reserve(event)
    world.faults("xendit", latency_ms=SLOW_MS, count=1)
    with ThreadPoolExecutor(1) as pool:
        paying = pool.submit(buyer.checkout, order)
        until(lambda: buyer.order(order)["status"] == "pending_payment", what="for the checkout to be under way")
        stop_a_worker(stack)
        payment = paying.result()
    assert payment["status"] == "pending"
    until(lambda: "instance.ended" in stack.output(), what="for the worker's last line")
    world.gateway("xendit", payment["gateway_reference"], "pay")
    persistently(buyer.until_tickets, order, 1)


def test_a_crowd_loses_nothing_while_one_worker_after_the_other_ends(stack: Stack, world: World, organizer: Person):
    event = organizer.publish()
    crowd = [world.somebody() for _ in range(BUYERS)]
    with ThreadPoolExecutor(BUYERS) as pool:
        buying = [pool.submit(buys, buyer, event, gateways_of(stack)) for buyer in crowd]
        for _ in range(STOPS):
            stop_a_worker(stack)
        orders = [each.result() for each in buying]
    for buyer, order in zip(crowd, orders, strict=True):
        assert len(persistently(buyer.until_tickets, order, 1)["tickets"]) == 1
