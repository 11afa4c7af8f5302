"""An instance that ends sends and closes what it has opened, and opens nothing to do so (R-010)."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import create_engine

from shared.cloud import clients, shutdown, tracing


class Publisher:
    """Notes whether it was stopped; what is `broken` fails to."""

    def __init__(self, *, broken: bool = False) -> None:
        self.stopped = False
        self._broken = broken

    def stop(self) -> None:
        self.stopped = True
        if self._broken:
            raise RuntimeError("too late")


@pytest.fixture(autouse=True)
def nothing_open() -> Iterator[None]:
    kept = clients.engine() if clients.engine.is_built else None
    clients.engine.provide(None)
    clients.publisher.provide(None)
    yield
    clients.engine.provide(kept)
    tracing.provider.provide(None)


def test_what_was_never_opened_is_not_opened():
    shutdown.close_all()
    assert not clients.engine.is_built
    assert not clients.publisher.is_built
    assert not tracing.provider.is_built


def test_messages_are_sent_and_connections_closed_though_something_fails():
    engine = create_engine("sqlite://")
    closed: list[bool] = []
    engine.dispose = lambda close=True: closed.append(close)  # type: ignore[method-assign]
    publisher = Publisher(broken=True)
    provider = TracerProvider()
    clients.engine.provide(engine)
    clients.publisher.provide(publisher)  # type: ignore[arg-type]
    tracing.provider.provide(provider)
    with pytest.raises(RuntimeError, match="too late"):
        shutdown.close_all()
    assert publisher.stopped
    assert closed
