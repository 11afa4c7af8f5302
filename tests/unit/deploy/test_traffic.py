"""The serving revision is pinned before a deploy, and known after it."""

import pytest

from functions.manifest import manifest
from infra.deploy import traffic
from infra.deploy.traffic import RevisionChange, RevisionNotReady, TrafficSplit

NAMES = sorted(name.replace("_", "-") for name in manifest().functions)


def _service(serving: dict[str, int], latest: str) -> dict:
    targets = [{"revisionName": revision, "percent": percent} for revision, percent in serving.items()]
    return {"traffic": [*targets, {"revisionName": latest, "tag": "candidate"}], "latestReadyRevisionName": latest}


def _all(revision: str, latest: str) -> dict:
    return {name: _service({f"{name}-{revision}": 100}, f"{name}-{latest}") for name in NAMES}


def test_the_serving_revisions_are_pinned(gcloud):
    gcloud.holds(_all("1", latest="2"))
    assert traffic.pin_serving() == {name: f"{name}-1" for name in NAMES}
    assert gcloud.changes() == [[name, f"--to-revisions={name}-1=100"] for name in NAMES]


def test_a_function_that_is_new_is_not_pinned(gcloud):
    there = _all("1", latest="1")
    del there[NAMES[0]]
    gcloud.holds(there)
    assert NAMES[0] not in traffic.pin_serving()


def test_a_release_left_half_way_is_for_a_person(gcloud):
    gcloud.holds(_all("1", latest="1") | {NAMES[3]: _service({"old": 90, "new": 10}, "new")})
    with pytest.raises(TrafficSplit, match=NAMES[3]):
        traffic.pin_serving()
    assert not gcloud.changes()


def test_only_what_has_a_new_revision_is_moved(gcloud):
    gcloud.holds(_all("1", latest="1") | {"reserve": _service({"reserve-1": 100}, "reserve-2")})
    pinned = {name: f"{name}-1" for name in NAMES if name != "orders"}
    assert traffic.pending_changes(pinned) == [RevisionChange("reserve", "reserve-1", "reserve-2")]


def test_a_revision_that_has_not_started_gets_no_traffic(gcloud):
    ill = _service({"reserve-1": 100}, "reserve-2") | {"latestCreatedRevisionName": "reserve-3"}
    gcloud.holds(_all("1", latest="1") | {"reserve": ill})
    with pytest.raises(RevisionNotReady, match="reserve-3 of reserve has not started"):
        traffic.pending_changes({name: f"{name}-1" for name in NAMES})


def test_who_can_not_be_pinned_is_named_and_nothing_is_applied(gcloud, command, capsys):
    gcloud.holds(_all("1", latest="1"))
    gcloud.refuses("reserve")
    assert command("pin") == 1
    assert "NOT PINNED, don't apply: reserve to reserve-1" in capsys.readouterr().out
    assert len(gcloud.changes()) == len(NAMES)


@pytest.mark.parametrize(
    ("percent", "shares"), [(10, "new=10,old=90"), (50, "new=50,old=50"), (100, "new=100"), (0, "old=100")]
)
def test_a_share_of_the_traffic(gcloud, percent: int, shares: str):
    gcloud.holds({})
    traffic.move(RevisionChange("reserve", "old", "new"), percent)
    assert gcloud.changes() == [["reserve", f"--to-revisions={shares}"]]


@pytest.fixture
def command(gcloud, tmp_path, monkeypatch):
    """The command line, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["traffic", *arguments])
        return traffic.main()

    return run


def test_all_go_to_the_newest_by_name(gcloud, command):
    gcloud.holds(_all("1", latest="2"))
    assert command("latest") == 0
    assert gcloud.changes() == [[name, f"--to-revisions={name}-2=100"] for name in NAMES]


def test_only_those_that_are_named_go_to_the_newest(gcloud, command):
    gcloud.holds(_all("1", latest="2"))
    assert command("latest", "reserve") == 0
    assert gcloud.changes() == [["reserve", "--to-revisions=reserve-2=100"]]


def test_a_service_that_is_misspelt_moves_nobody(gcloud, command, capsys):
    gcloud.holds(_all("1", latest="2"))
    assert command("latest", "reserve", "resreve") == 1
    assert "Nothing was changed: there is no service resreve" in capsys.readouterr().out
    assert not gcloud.changes()


@pytest.mark.parametrize(("latest", "answer"), [("2", 1), ("1", 0)])
def test_the_database_contracts_only_where_everybody_has_the_newest(gcloud, command, capsys, latest: str, answer: int):
    gcloud.holds(_all("1", latest="1") | {"reserve": _service({"reserve-1": 100}, f"reserve-{latest}")})
    assert command("require-latest") == answer
    assert ("reserve" in capsys.readouterr().out) == bool(answer)


def test_all_go_back_to_what_was_pinned(gcloud, command):
    gcloud.holds(_all("1", latest="1"))
    assert command("pin") == 0
    pinned = gcloud.changes()
    gcloud.holds(_all("2", latest="2"))
    assert command("rollback") == 0
    assert gcloud.changes() == sorted(pinned * 2)


def test_without_pinned_revisions_there_is_nowhere_to_go(gcloud, command, capsys):
    assert command("rollback") == 1
    assert "Nothing was changed" in capsys.readouterr().out


def test_a_service_that_is_stuck_does_not_keep_the_others(gcloud, command, capsys):
    gcloud.holds(_all("1", latest="2"))
    gcloud.refuses(NAMES[0])
    assert command("latest") == 1
    assert f"do it by hand: {NAMES[0]} to {NAMES[0]}-2" in capsys.readouterr().out
    assert len(gcloud.changes()) == len(NAMES)


@pytest.mark.parametrize("arguments", [(), ("latets",), ("pin", "reserve"), ("rollback", "reserve")])
def test_what_is_no_command_changes_nothing(gcloud, command, arguments, capsys):
    assert command(*arguments) == 2
    assert "traffic pin" in capsys.readouterr().out
