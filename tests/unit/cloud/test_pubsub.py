"""Publishing never fails the request that has already committed: what is not acknowledged is told, and swept later."""

from concurrent.futures import Future

from shared.cloud import clients, pubsub


class Silent:
    """A Pub/Sub that takes messages and acknowledges only those of the topic `heard`."""

    def publish(self, topic: str, data: bytes, **attributes: str) -> "Future[str]":
        outcome: Future[str] = Future()
        if topic.endswith("/heard"):
            outcome.set_result("1")
        return outcome


def test_what_is_not_acknowledged_in_time_is_an_outcome_and_not_an_exception(monkeypatch):
    monkeypatch.setattr(pubsub, "PUBLISH_TIMEOUT_SECONDS", 0.01)
    clients.publisher.provide(Silent())  # `tests.conftest.published` takes it away again
    heard, unheard = pubsub.publish([("heard", {}, {}), ("unheard", {}, {})])
    assert heard is None
    assert isinstance(unheard, TimeoutError)
