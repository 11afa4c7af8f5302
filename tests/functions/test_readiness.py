"""A local run is ready only once the demo event and accounts are there (R-003)."""

import threading

import pytest
import requests

from tests.folders import a_folder
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS, until


@pytest.mark.processes
@pytest.mark.slow("it starts the product by its command, with the demo events")
def test_the_demo_event_is_there_when_it_says_that_it_is_ready():
    with a_folder() as folder:
        running = Stack(folder, by_command=True, SEED="1", RATE_LIMITS="off")
        starting = threading.Thread(target=running.start, daemon=True)
        starting.start()
        try:
            until(lambda: is_ready(running), seconds=300, what="for /readyz")
            events = requests.get(f"{running.url}/api/v1/events", timeout=PATIENCE_SECONDS).json()
            assert events["items"][0]["title"] == "Konser Senja di Istora"
            assert events["total"] == 12
        finally:
            starting.join(300)
            running.stop()


def is_ready(running: Stack) -> bool:
    try:
        return requests.get(f"{running.url}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False
