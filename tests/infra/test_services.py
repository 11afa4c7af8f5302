"""Each function is a service of the one image, by digest, with probes that give it the time it needs."""

from typing import Any

import pytest

from functions.manifest import manifest

Services = dict[str, dict[str, Any]]


@pytest.fixture
def services(resources: dict[str, dict[str, Any]]) -> Services:
    """The planned services by function."""
    found = [values for address, values in resources.items() if ".google_cloud_run_v2_service.this" in address]
    return {values["name"].replace("-", "_"): values for values in found}


def _container(service: dict[str, Any]) -> dict[str, Any]:
    [container] = service["template"][0]["containers"]
    return container


def test_all_run_one_image_by_digest(services: Services, plan: dict[str, Any]):
    assert set(services) == set(manifest().functions)
    assert {_container(service)["image"] for service in services.values()} == {plan["variables"]["image"]["value"]}


def test_instances_are_limited_over_all_revisions(services: Services):
    """Else a canary has twice as many, and twice the connections."""
    for service in services.values():
        assert service["scaling"][0]["max_instance_count"] >= 1
        assert not service["template"][0]["scaling"]


def test_only_what_is_attested_starts(services: Services, resources: dict[str, dict[str, Any]]):
    assert all(service["binary_authorization"][0]["use_default"] for service in services.values())
    [rule] = resources["google_binary_authorization_policy.main"]["default_admission_rule"]
    assert rule["evaluation_mode"] == "REQUIRE_ATTESTATION"
    assert rule["enforcement_mode"] == "ENFORCED_BLOCK_AND_AUDIT_LOG"
    assert rule["require_attestations_by"] == ["pipeline"]


def test_a_new_revision_has_four_minutes_to_reach_the_database(services: Services):
    for service in services.values():
        [probe] = _container(service)["startup_probe"]
        assert probe["http_get"][0]["path"] == "/health/ready"
        assert probe["failure_threshold"] * probe["period_seconds"] == 240  # Cloud Run's most
        assert probe["timeout_seconds"] <= probe["period_seconds"]


@pytest.mark.parametrize("name", manifest().functions)
def test_an_instance_that_is_only_busy_is_not_ended(services: Services, name: str):
    """A probe waits for a thread behind requests, which may take their whole time."""
    [probe] = _container(services[name])["liveness_probe"]
    assert probe["http_get"][0]["path"] == "/health/live"
    assert (probe["failure_threshold"] - 1) * probe["period_seconds"] > manifest().functions[name].sizing[
        "timeout_seconds"
    ]


def test_a_plan_does_not_move_traffic(services: Services):
    """No traffic in the configuration, and what others set of it is ignored (modules/function): decision 0012."""
    assert not any(service["traffic"] for service in services.values())


def test_services_are_not_deleted_by_the_way(services: Services):
    assert all(service["deletion_protection"] for service in services.values())
