"""A change past the pipeline is told the next morning, by name and without values."""

import json
import stat
from pathlib import Path

import pytest

from infra.deploy import drift

METRICS = (Path(drift.__file__).parents[1] / "terraform" / "monitoring_metrics.tf").read_text(encoding="utf-8")
TERRAFORM = """#!/bin/sh
printf '%s\\n' "$*" >> "$0.asked"
case "$1" in
plan) exit $(cat "$0.ends") ;;
show) cat "$0.shown" ;;
esac
"""
PLANNED = {
    "resource_changes": [
        {"address": "google_sql_database_instance.main", "change": {"actions": ["update"], "after": {"tier": "small"}}},
        {"address": "google_kms_key_ring.main", "change": {"actions": ["no-op"]}},
        {"address": "data.google_project.this", "change": {"actions": ["read"]}},
    ]
}


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A terraform that ends as told, and the released files."""
    command = tmp_path / "terraform"
    command.write_text(TERRAFORM)
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    Path(f"{command}.shown").write_text(json.dumps(PLANNED))
    (tmp_path / "infra" / "terraform" / "environments" / "production").mkdir(parents=True)
    (tmp_path / ".image").write_text("karcis@sha256:0a1b\n")
    for name, value in (("TERRAFORM", command), ("ENVIRONMENT", "production"), ("STATE_BUCKET", "the-state")):
        monkeypatch.setenv(name, str(value))
    return command


@pytest.mark.parametrize("ends", [0, 1, 2])
def test_it_ends_as_terraform_does(terraform: Path, ends: int, capsys: pytest.CaptureFixture[str]):
    Path(f"{terraform}.ends").write_text(str(ends))
    assert drift.main([str(terraform.parent)]) == ends
    said = capsys.readouterr().out
    assert (drift.CHECKED in said) == (ends != 1)
    assert (drift.FOUND in said) == (ends == 2)


def test_it_names_the_resources_and_no_values(terraform: Path, capsys: pytest.CaptureFixture[str]):
    Path(f"{terraform}.ends").write_text("2")
    drift.main([str(terraform.parent)])
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "google_sql_database_instance.main: update"
    assert "small" not in said


def _plan(**actual: int) -> dict:
    """A plan in which `reserve` has these instances in the cloud, and one at least by the release."""
    service = {
        "name": "reserve",
        "ingress": "internal",
        "scaling": [{"min_instance_count": 1, "max_instance_count": 10}],
    }
    scaling = json.dumps({"reserve": {"usual": 1, "on_sale": 6}})
    workflow = {"actions": ["no-op"], "after": {"user_env_vars": {"SCALING": scaling}}}
    now = {**service, "scaling": [{**service["scaling"][0], **actual}]}
    change = {"actions": ["update"], "before": now, "after": service}
    return {
        "resource_changes": [
            {"address": f"module.karcis.{drift.PREWARM}", "change": workflow},
            {"address": "module.karcis.run", "change": change},
        ]
    }


@pytest.mark.parametrize(
    ("actual", "is_drift"),
    [({"min_instance_count": 6}, False), ({"min_instance_count": 5}, True), ({"max_instance_count": 20}, True)],
    ids=["warmed for a sale", "by hand", "another limit"],
)
def test_instances_that_are_warmed_for_a_sale_are_no_drift(actual: dict[str, int], is_drift: bool):
    assert drift.changes(_plan(**actual)) == (["module.karcis.run: update"] if is_drift else [])


def test_a_warmed_service_of_which_more_differs_is_drift():
    planned = _plan(min_instance_count=6)
    planned["resource_changes"][1]["change"]["before"]["ingress"] = "all"
    assert drift.changes(planned) == ["module.karcis.run: update"]


def test_no_release_waits_for_it(terraform: Path):
    Path(f"{terraform}.ends").write_text("0")
    drift.main([str(terraform.parent)])
    init, plan = Path(f"{terraform}.asked").read_text().splitlines()
    assert "-backend-config=bucket=the-state" in init
    assert "-lock=false" in plan
    assert "-var=image=karcis@sha256:0a1b " in plan, "another image than the one that was released"


@pytest.mark.parametrize("line", [drift.CHECKED, drift.FOUND])
def test_alerts_are_made_of_what_it_says(line: str):
    assert f'textPayload:\\"{line}\\"' in METRICS
