"""A saved plan is applied only where it leaves everybody with the revision that serves now."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.deploy import planned_traffic, traffic

PINNED = {"reserve": "reserve-2", "orders": "orders-2"}
LATEST = [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "revision": "", "percent": 100, "tag": ""}]


def _to(**shares: int) -> list[dict[str, Any]]:
    """Traffic by name; a revision without a share has a tag."""
    return [
        {
            "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
            "revision": name.replace("_", "-"),
            "percent": share,
            "tag": "" if share else "candidate",
        }
        for name, share in shares.items()
    ]


def _plan(targets: list[dict[str, Any]], action: str = "update") -> dict[str, Any]:
    """A plan that does this to `reserve`, and nothing to another."""
    after = {"name": "reserve", "traffic": targets}
    return {
        "resource_changes": [
            {"type": "google_cloud_run_v2_service", "change": {"actions": [action], "after": after}},
            {"type": "google_compute_url_map", "change": {"actions": ["update"], "after": {"name": "main"}}},
        ]
    }


@pytest.mark.parametrize(
    ("planned", "is_refused"),
    [
        (_plan(_to(reserve_2=100)), False),
        (_plan(_to(reserve_2=100, reserve_3=0)), False),
        (_plan(_to(reserve_1=100)), True),
        (_plan(_to(reserve_2=90, reserve_3=10)), True),
        (_plan(LATEST), True),
        (_plan([]), True),
        (_plan(LATEST, action="no-op"), False),
        (_plan([], action="create"), False),
    ],
    ids=["as-pinned", "tagged", "rolled-back-since", "in-a-canary", "not-pinned", "nothing-said", "untouched", "new"],
)
def test_a_plan_that_would_move_people_is_refused(planned: dict[str, Any], is_refused: bool):
    assert bool(planned_traffic.moved_by(planned, PINNED)) == is_refused


def test_who_would_be_moved_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.chdir(tmp_path)
    traffic.PINNED.write_text(json.dumps(PINNED))
    Path("plan.json").write_text(json.dumps(_plan(_to(reserve_1=100))))
    monkeypatch.setattr("sys.argv", ["planned_traffic", "plan.json"])
    assert planned_traffic.main() == 1
    said = capsys.readouterr().out
    assert "run the build `plan` of this commit again" in said
    assert "reserve would get {'reserve-1': 100} and serves reserve-2" in said
