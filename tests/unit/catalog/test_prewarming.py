"""Instances are warm around a big opening, and lowered after it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from functions.manifest import manifest
from infra.deploy import freeze
from shared.catalog.openings import MIN_SEATS, Opening
from shared.catalog.prewarming import AFTER, BEFORE, LOWERED_FOR, WORKFLOW, is_on_sale

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FILE = Path(__file__).parents[3] / "infra" / "deploy" / "prewarm.workflow.yaml"


def opening(at: datetime, seats: int = MIN_SEATS) -> Opening:
    return Opening("Konser", at, seats)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOW + BEFORE + SECOND, None),
        (NOW + BEFORE, True),
        (NOW, True),
        (NOW - AFTER, True),
        (NOW - AFTER - SECOND, False),
        (NOW - AFTER - LOWERED_FOR, False),
        (NOW - AFTER - LOWERED_FOR - SECOND, None),
    ],
    ids=["long before", "from now on", "opens", "still", "just over", "last time", "long over"],
)
def test_what_is_told_around_an_opening(at: datetime, expected: bool | None):
    assert is_on_sale([opening(at)], NOW) is expected
    assert is_on_sale([opening(at, MIN_SEATS - 1)], NOW) is None


def test_one_sale_that_is_over_does_not_end_the_next():
    assert is_on_sale([opening(NOW - AFTER - SECOND), opening(NOW + BEFORE)], NOW) is True


def test_no_release_is_made_while_instances_are_warm():
    assert freeze.BEFORE >= BEFORE
    assert freeze.AFTER >= AFTER


def test_the_function_may_start_the_workflow():
    assert f"workflows/{WORKFLOW}" in manifest().functions["prewarm"].permissions.resources


def test_the_workflow_sets_minimum_instances_and_nothing_else():
    workflow = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    begin, scale_all, check, done = workflow["main"]["steps"]
    assert {"scaling": '${json.decode(sys.get_env("SCALING"))}'} in begin["begin"]["assign"]
    assert {"moment": '${if(wanted.on_sale, "on_sale", "usual")}'} in begin["begin"]["assign"]
    [attempt] = scale_all["scale_all"]["for"]["steps"]
    assert attempt["try_one"]["try"]["args"]["instances"] == "${scaling[service][moment]}"
    assert "failed" in check["check"]["switch"][0]["condition"]
    look, compare, change = workflow["scale"]["steps"]
    assert (look["look"]["call"], change["set"]["call"]) == ("http.get", "http.patch")
    assert compare["compare"]["switch"][0]["next"] == "end"
    assert change["set"]["args"]["query"] == {"updateMask": "scaling.minInstanceCount"}
    assert change["set"]["args"]["body"] == {"scaling": {"minInstanceCount": "${instances}"}}
    assert done
