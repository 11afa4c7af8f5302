"""docs/disaster.md can be followed: what its commands name is there, and its promises are what Terraform makes."""

import importlib
import re

import pytest
import yaml

from infra.deploy import escrow, privileges
from tests.unit.docs.documents import ROOT, read

PAGE = read("docs/disaster.md")
TERRAFORM = ROOT / "infra" / "terraform"
EXPORTS = (TERRAFORM / "exports.tf").read_text(encoding="utf-8")
VAULT = (TERRAFORM / "modules" / "vault" / "main.tf").read_text(encoding="utf-8")
COMMANDS = re.findall(r"_MODULE=([\w.]+),_ARGUMENTS=\"?(\w+)", PAGE)


def test_every_module_that_is_run_is_one():
    modules = {*re.findall(r"_MODULE=([\w.]+)", PAGE), *re.findall(r"python -m ([\w.]+)", PAGE)}
    assert {"infra.deploy.escrow", "infra.deploy.privileges", "infra.deploy.drill"} <= modules
    for name in modules:
        assert callable(importlib.import_module(name).main)


def test_every_build_that_is_submitted_is_there():
    files = set(re.findall(r"--config=(\S+)", PAGE))
    assert files == {f"infra/deploy/{name}.yaml" for name in ("run", "database", "drill")}
    assert all((ROOT / file).is_file() for file in files)


@pytest.mark.parametrize(("module", "argument"), sorted(set(COMMANDS)))
def test_modules_know_what_they_are_asked_for(module: str, argument: str):
    assert module in (privileges.__name__, escrow.__name__)
    assert argument in (privileges.COMMANDS if module == privileges.__name__ else ("encrypt", "restore"))


def test_roles_come_before_the_export_and_privileges_after():
    steps = ("_ARGUMENTS=roles", "gcloud sql import", "database.yaml", "privileges,_ARGUMENTS=restore")
    order = [PAGE.index(words) for words in steps]
    assert order == sorted(order)


def test_keys_come_back_before_anything_is_sealed_with_new_ones():
    assert PAGE.index("infra.deploy.escrow restore") < PAGE.index("**4. The other secrets**")
    assert len(escrow.ESCROWED) == 5, "the page says five"


def test_a_deleted_instance_comes_back_as_terraform_makes_it():
    [restore] = re.findall(r"^gcloud sql backups restore .*?^```", PAGE, re.MULTILINE | re.DOTALL)
    told = dict(re.findall(r"--([\w-]+)=(\S+)", restore))
    assert told["restore-instance"] == name_of("database.tf", "google_sql_database_instance", "main")
    assert told["network"].endswith(f"/networks/{name_of('network.tf', 'google_compute_network', 'main')}")
    ring = name_of("kms.tf", "google_kms_key_ring", "main")
    assert told["disk-encryption-key"].endswith(f"/keyRings/{ring}/cryptoKeys/database")
    assert f'"{told["tier"]}"' in (TERRAFORM / "environments" / "production" / "variables.tf").read_text("utf-8")


def name_of(file: str, kind: str, label: str) -> str:
    """The name that Terraform gives a resource."""
    source = (TERRAFORM / file).read_text(encoding="utf-8")
    found = re.search(rf'^resource "{kind}" "{label}" {{.*?^  name += "(.*?)"', source, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_exports_are_made_when_and_kept_as_long_as_the_page_says():
    [hour, minute] = re.findall(r"Every night at (\d\d):(\d\d)", PAGE)[0]
    assert f'"{int(minute)} {int(hour)} * * *"' in EXPORTS
    assert "for 35 days" in PAGE
    assert "On\nthe 36th day it goes" in PAGE
    assert "deleted_after  = var.retention_days + 1" in VAULT


def test_the_workflow_names_objects_by_time_and_spares_the_instance():
    workflow = (ROOT / "infra" / "deploy" / "export.workflow.yaml").read_text(encoding="utf-8")
    name, export, _ = (next(iter(step.values())) for step in yaml.safe_load(workflow)["main"]["steps"])
    second = next(value["second"] for value in name["assign"] if "second" in value)
    assert second == '${text.replace_all(text.substring(time.format(sys.now()), 0, 19), ":", "")}'
    assert export["call"] == "googleapis.sqladmin.v1.instances.export"
    context = export["args"]["body"]["exportContext"]
    assert (context["fileType"], context["offload"]) == ("SQL", True)
    told = set(re.findall(r'sys\.get_env\("(\w+)"\)', workflow)) - {"GOOGLE_CLOUD_PROJECT_ID"}
    given = re.search(r"user_env_vars = \{(.*?)\}", EXPORTS, re.DOTALL)
    assert given is not None
    assert told == set(re.findall(r"(\w+) +=", given[1]))
