"""Rights are there before what needs them: Terraform makes things in the order of their dependencies only."""

from typing import Any

import pytest


@pytest.fixture
def module(plan: dict[str, Any]) -> dict[str, Any]:
    """The configuration of the root module, as Terraform has read it."""
    return plan["configuration"]["root_module"]["module_calls"]["karcis"]["module"]


def test_a_function_is_deployed_by_those_who_may_and_starts_with_what_its_probe_needs(module: dict[str, Any]):
    call = module["module_calls"]["function"]
    assert "google_binary_authorization_policy.main" in call["depends_on"]
    needs = {resource["address"]: resource.get("depends_on", []) for resource in call["module"]["resources"]}
    assert set(needs["google_cloud_run_v2_service.this"]) == {
        "time_sleep.until_believed",
        "google_sql_user.this",
        "google_secret_manager_secret_iam_member.reads",
    }
    assert set(needs["time_sleep.until_believed"]) == {
        "google_service_account_iam_member.deploys",
        "google_project_iam_member.database",
    }


def test_who_was_let_in_by_hand_is_a_difference_of_the_next_plan(
    resources: dict[str, dict[str, Any]], told: dict[str, Any]
):
    """A binding is all who have the role; a member is one more beside those that Terraform doesn't see."""
    grants = [address for address, values in resources.items() if values.get("role") == "roles/run.invoker"]
    assert sorted(grants) == [
        f'module.function["{name}"].google_cloud_run_v2_service_iam_binding.invokers' for name in sorted(told)
    ]


def test_the_builder_reads_what_builds_are_submitted_with_and_no_other_bucket(resources: dict[str, dict[str, Any]]):
    given = resources["google_storage_bucket_iam_member.builder_reads_submitted"]
    assert given["condition"][0]["expression"].endswith(f"/buckets/{given['bucket']}/objects/source/')")


@pytest.mark.parametrize(("policy", "rate"), [("standard", 12_000), ("accounts", 6000), ("webhook", 3000)])
def test_what_an_environment_leaves_out_has_its_default(resources: dict[str, dict[str, Any]], policy: str, rate: int):
    rules = resources[f'google_compute_security_policy.this["{policy}"]']["rule"]
    limits = [rule["rate_limit_options"][0]["rate_limit_threshold"][0] for rule in rules if rule["rate_limit_options"]]
    assert limits == [{"count": rate, "interval_sec": 60}]
