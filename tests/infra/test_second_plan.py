"""A plan after a release is empty: what the canary has moved and Google has changed by itself, Terraform leaves alone.

The state is made up: what a first plan wanted, and what has happened since.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import ROOT

MODULE = ROOT / "infra" / "terraform" / "modules" / "function"
CALL = """
provider "google" {
  project      = "example-karcis"
  access_token = "nobody"
}

module "function" {
  source = "./function"

  name          = "reserve"
  entry_point   = "reserve"
  image         = "asia-southeast2-docker.pkg.dev/example-karcis/functions/karcis@sha256:0"
  summary       = "Holds tickets."
  project_id    = "example-karcis"
  region        = "asia-southeast2"
  is_public     = true
  is_called     = false
  invoker       = "serviceAccount:invoker@example-karcis.iam.gserviceaccount.com"
  deployer      = "serviceAccount:pipeline-release@example-karcis.iam.gserviceaccount.com"
  environment   = { REGION = "asia-southeast2" }
  labels        = { environment = "production" }
  network       = { network = "main", subnetwork = "functions" }
  database      = "main"
  task_identity = "invoker"
  secrets       = {}
  topics        = {}
  buckets       = {}
  queues        = {}
  dead_letters  = {}

  sizing = {
    memory_mb     = 512, cpu = 1, timeout_seconds = 60, concurrency = 8, threads = 8
    min_instances = %(least)d, max_instances = 10, pool_size = 2
  }
}
"""
KNOWN = {
    "google_cloud_run_v2_service",
    "google_service_account",
    "google_secret_manager_secret",
    "google_sql_database_instance",
}
AFTER_A_CANARY = {
    "client": "gcloud",
    "client_version": "540.0.0",
    "latest_ready_revision": "reserve-00002-abc",
    "traffic": [
        {
            "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
            "revision": "reserve-00002-abc",
            "percent": 100,
            "tag": "",
        }
    ],
}

DATABASES = """
provider "google" {
  project      = "example-karcis"
  access_token = "nobody"
}

variable "region" { default = "asia-southeast2" }
variable "environment" { default = "production" }
variable "database" {
  default = {
    tier                 = "db-custom-8-32768", edition = "ENTERPRISE", availability = "REGIONAL", disk_gb = 100
    max_connections      = 1000
    reserved_connections = 30, replica_tier = "db-custom-2-7680"
  }
}

locals { functions = { reserve = { max_instances = 10, pool_size = 2 } } }
"""
WITHIN = "projects/example-karcis"
ELSEWHERE = {
    'google_kms_crypto_key.this["database"].id': f'"{WITHIN}/locations/region/keyRings/main/cryptoKeys/database"',
    "google_compute_network.main.id": f'"{WITHIN}/global/networks/main"',
    "[google_service_networking_connection.services, google_kms_crypto_key_iam_member.users]": "[]",
}
"""The values that database.tf needs of other files."""

SECRET = """
provider "google" {
  project      = "example-karcis"
  access_token = "nobody"
}

variable "region" { default = "asia-southeast2" }

locals { rotation_days = { jwt-signing-key = 180 } }

resource "time_offset" "first_rotation" {
  for_each     = local.rotation_days
  base_rfc3339 = "2027-01-01T00:00:00Z"
  offset_days  = each.value
}
"""
REST_OF_ROTATION = {
    "google_pubsub_topic.rotation.id": f'"{WITHIN}/topics/secret-rotation"',
    'google_kms_crypto_key.this["secrets"].id': f'"{WITHIN}/locations/region/keyRings/main/cryptoKeys/secrets"',
    "[google_kms_crypto_key_iam_member.users, google_pubsub_topic_iam_member.rotation]": "[]",
    "module.manifest.contents.secrets": 'toset(["jwt-signing-key"])',
}
"""The values that secrets.tf needs of other files."""

Plan = Callable[..., dict[str, Any]]


@pytest.fixture
def planned(tmp_path: Path) -> Plan:
    """A function that plans what is in the folder, and returns what it would change."""
    command = os.environ.get("TERRAFORM")
    if os.environ.get("TERRAFORM_PLANS") is None or command is None:
        pytest.skip("needs Terraform: make infra-check")
    terraform = [*shlex.split(command), f"-chdir={tmp_path}"]
    shutil.copy(ROOT / "infra" / "terraform" / "versions.tf", tmp_path)

    def run(*arguments: str) -> str:
        return subprocess.run([*terraform, *arguments], capture_output=True, text=True, check=True).stdout

    def plan(*options: str) -> dict[str, Any]:
        run("init")
        run("plan", "-refresh=false", f"-out={tmp_path}/saved.plan", *options)
        shown: dict[str, Any] = json.loads(run("show", "-json", f"{tmp_path}/saved.plan"))
        return shown

    return plan


@pytest.fixture
def plan_of(planned: Plan, tmp_path: Path) -> Plan:
    """A function that plans the module, of which a copy is in the folder, and returns what it would change."""
    shutil.copytree(MODULE, tmp_path / "function")

    def plan(*options: str, least: int = 1) -> dict[str, Any]:
        (tmp_path / "main.tf").write_text(CALL % {"least": least})
        return planned(*options)

    return plan


@pytest.fixture
def released(plan_of: Plan, tmp_path: Path) -> str:
    """The option that names the state after an apply and a canary."""
    return _state_after(plan_of(), tmp_path, {"google_cloud_run_v2_service": AFTER_A_CANARY})


def _state_after(first: dict[str, Any], folder: Path, since: dict[str, dict[str, Any]]) -> str:
    """The option that names the state after this plan and what has become of a type of resource since."""
    root = first["planned_values"]["root_module"]
    everything = [
        *root.get("resources", []),
        *(each for part in root.get("child_modules", []) for each in part["resources"]),
    ]
    versions = {resource["address"]: resource["schema_version"] for resource in everything}
    resources = [
        _instance(each, versions[each["address"]], since.get(each["type"], {}))
        for each in first["resource_changes"]
        if each["type"] in KNOWN
    ]
    state = {"version": 4, "serial": 1, "lineage": "4f5c0a0e-0000-4000-8000-000000000000", "resources": resources}
    (folder / "released.tfstate").write_text(json.dumps(state))
    return f"-state={folder}/released.tfstate"


def _instance(change: dict[str, Any], version: int, since: dict[str, Any]) -> dict[str, Any]:
    values = dict.fromkeys(change["change"]["after_unknown"]) | change["change"]["after"] | {"id": change["address"]}
    values |= since
    return {
        **({"module": change["module_address"]} if "module_address" in change else {}),
        "mode": "managed",
        "type": change["type"],
        "name": change["name"],
        "provider": f'provider["{change["provider_name"]}"]',
        "instances": [
            {
                **({"index_key": change["index"]} if "index" in change else {}),
                "schema_version": version,
                "attributes": values,
                "sensitive_attributes": [],
            }
        ],
    }


def _change(plan: dict[str, Any]) -> dict[str, Any]:
    [found] = [each for each in plan["resource_changes"] if each["type"] == "google_cloud_run_v2_service"]
    change: dict[str, Any] = found["change"]
    return change


def test_a_plan_after_a_canary_is_empty(plan_of: Plan, released: str):
    assert _change(plan_of(released))["actions"] == ["no-op"]


def test_it_would_not_be_if_traffic_were_not_ignored(plan_of: Plan, released: str, tmp_path: Path):
    source = (tmp_path / "function" / "main.tf").read_text()
    (tmp_path / "function" / "main.tf").write_text(source.replace("ignore_changes = [traffic, ", "ignore_changes = ["))
    assert _change(plan_of(released))["actions"] == ["update"]


def test_instances_change_without_a_new_revision(plan_of: Plan, released: str):
    """Nothing of the template, and no traffic."""
    change = _change(plan_of(released, least=6))
    assert change["actions"] == ["update"]
    assert change["after"]["scaling"][0]["min_instance_count"] == 6
    assert _same(change["before"]["template"], change["after"]["template"])


def _same(before: Any, after: Any) -> bool:
    """Whether all that is known afterwards is as before. What only the cloud will say isn't there."""
    if isinstance(after, dict):
        return all(_same(before[name], value) for name, value in after.items())
    if isinstance(after, list):
        return all(_same(*each) for each in zip(before, after, strict=True))
    return bool(before == after)


def test_disks_that_have_grown_by_themselves_are_left_alone(planned: Plan, tmp_path: Path):
    """A smaller one would take a new instance: the provider replaces what it can't shrink."""
    source = (ROOT / "infra" / "terraform" / "database.tf").read_text()
    for asked, given in ELSEWHERE.items():
        source = source.replace(asked, given)
    (tmp_path / "main.tf").write_text(DATABASES + source)
    first = planned()
    instances = [each for each in first["resource_changes"] if each["type"] == "google_sql_database_instance"]
    [settings] = instances[0]["change"]["after"]["settings"]
    state = _state_after(
        first, tmp_path, {"google_sql_database_instance": {"settings": [settings | {"disk_size": 250}]}}
    )
    again = [each for each in planned(state)["resource_changes"] if each["type"] == "google_sql_database_instance"]
    sizes = {each["name"]: each["change"]["after"]["settings"][0]["disk_size"] for each in again}
    assert sizes == {"main": 250, "replica": 250}


def test_a_reminder_that_secret_manager_has_counted_on_is_left_alone(planned: Plan, tmp_path: Path):
    source = (ROOT / "infra" / "terraform" / "secrets.tf").read_text()
    for asked, given in REST_OF_ROTATION.items():
        source = source.replace(asked, given)
    (tmp_path / "main.tf").write_text(SECRET + source)
    first = planned()
    [secret] = [each for each in first["resource_changes"] if each["type"] == "google_secret_manager_secret"]
    [rotation] = secret["change"]["after"]["rotation"]
    counted_on = {"rotation": [rotation | {"next_rotation_time": "2028-06-29T00:00:00Z"}]}
    state = _state_after(first, tmp_path, {"google_secret_manager_secret": counted_on})
    [again] = [each for each in planned(state)["resource_changes"] if each["type"] == "google_secret_manager_secret"]
    assert again["change"]["actions"] == ["no-op"]
