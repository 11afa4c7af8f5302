"""The way of a release to all traffic, and back."""

from collections.abc import Sequence

import pytest

from infra.deploy.canary import roll_out
from infra.deploy.health import Health, ReadHealth
from infra.deploy.traffic import RevisionChange

RESERVE = RevisionChange("reserve", "reserve-1", "reserve-2")
ORDERS = RevisionChange("orders", "orders-7", "orders-8")
FINE = Health(requests=1_000, errors=0, p99_ms=100, successes=1_000)
ILL = Health(requests=1_000, errors=500, p99_ms=100, successes=500)


class Cloud:
    """Traffic by service: what the new revision has, in percent, and every step on the way."""

    def __init__(
        self,
        ill_at: int | None = None,
        stuck: str | None = None,
        unseen: str | None = None,
        refusing: str | None = None,
    ) -> None:
        self.share: dict[str, int] = {}
        self.steps: list[tuple[str, int]] = []
        self.waited: list[float] = []
        self._ill_at = ill_at
        self._stuck = stuck
        self._unseen = unseen
        self._refusing = refusing

    def move(self, change: RevisionChange, percent: int) -> None:
        if change.service == self._stuck and percent == 0:
            raise RuntimeError("permission denied")
        self.share[change.service] = percent
        self.steps.append((change.service, percent))

    def read_health(self, service: str, revision: str, window_seconds: int) -> Health:
        assert self.waited[-1] == window_seconds
        if revision == self._unseen:
            return Health(requests=0, errors=0, p99_ms=0)
        if revision == self._refusing:
            return Health(requests=1_000, errors=0, p99_ms=20)
        is_new = revision == "reserve-2"
        return ILL if is_new and self.share[service] == self._ill_at else FINE

    def release(self) -> list[str]:
        return self.roll_out(self.read_health)

    def roll_out(self, read_health: ReadHealth, changes: Sequence[RevisionChange] = (RESERVE, ORDERS)) -> list[str]:
        return roll_out(
            changes, move=self.move, monitoring_reader=lambda: read_health, wait=self.waited.append,
            public=frozenset({"reserve"}),
        )  # fmt: skip


def test_a_healthy_release_takes_three_steps():
    cloud = Cloud()
    assert cloud.release() == []
    assert [percent for service, percent in cloud.steps if service == "reserve"] == [10, 50, 100]
    assert cloud.share == {"reserve": 100, "orders": 100}
    assert len(cloud.waited) == 3
    assert all(seconds >= 600 for seconds in cloud.waited)


@pytest.mark.parametrize("percent", [10, 50, 100])
def test_one_ill_function_takes_everybody_back(percent: int):
    cloud = Cloud(ill_at=percent)
    regressions = cloud.release()
    assert len(regressions) == 1
    assert regressions[0].startswith("reserve: 50.0% errors")
    assert cloud.share == {"reserve": 0, "orders": 0}
    assert max(share for _, share in cloud.steps) == percent


def test_an_error_on_the_way_takes_everybody_back():
    cloud = Cloud()

    def unreachable(service: str, revision: str, window_seconds: int) -> Health:
        raise ConnectionError("Monitoring can't be reached")

    with pytest.raises(ConnectionError):
        cloud.roll_out(unreachable)
    assert cloud.share == {"reserve": 0, "orders": 0}


def test_a_service_that_is_stuck_does_not_keep_the_others(capsys):
    cloud = Cloud(ill_at=10, stuck="reserve")
    assert cloud.release()
    assert cloud.share["orders"] == 0
    assert "do it by hand: reserve to reserve-1" in capsys.readouterr().out


def test_nothing_new_is_no_work():
    cloud = Cloud()
    assert cloud.roll_out(cloud.read_health, changes=()) == []
    assert cloud.steps == []
    assert cloud.waited == []


def test_what_people_call_is_not_taken_on_unseen():
    cloud = Cloud(unseen="reserve-2")
    assert cloud.release() == ["reserve: 0 requests were seen: too few to know how it does"]
    assert cloud.share == {"reserve": 0, "orders": 0}


def test_what_refuses_everybody_is_not_taken_on():
    cloud = Cloud(refusing="reserve-2")
    assert cloud.release() == ["reserve: 0 requests were answered well: too few to know that people can buy"]
    assert cloud.share == {"reserve": 0, "orders": 0}


def test_what_only_we_call_goes_on_unseen():
    assert Cloud(unseen="orders-8").release() == []
