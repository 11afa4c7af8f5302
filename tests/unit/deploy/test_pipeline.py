"""The pipeline's files agree with each other, with the scripts they call and with the triggers that start them."""

import importlib
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = [
    "cloudbuild.yaml",
    "infra/deploy/release.yaml",
    "infra/deploy/contract.yaml",
    "infra/deploy/drift.yaml",
    "infra/deploy/database.yaml",
    "infra/deploy/drill.yaml",
    "infra/deploy/run.yaml",
    "infra/deploy/image.yaml",
]
BY_HAND = FILES[4:]
OUR_WORDS = {"_BUILT", "_ENVIRONMENT", "_IMAGE", "_PIPELINE_BUCKET", "_RELEASE_KEY", "_RELEASED", "_STATE_BUCKET"}
"""The variables that Terraform tells triggers, and no message and no person."""
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
TRIGGERS = "\n".join(
    (ROOT / "infra" / "terraform" / name).read_text(encoding="utf-8") for name in ("pipeline.tf", "drift.tf")
)


def _build(file: str) -> dict:
    return yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))


def _said(step: dict) -> str:
    return " ".join([step.get("entrypoint", ""), *step["args"]])


def _order(file: str) -> list[str]:
    return [step["id"] for step in _build(file)["steps"]]


@pytest.mark.parametrize("file", FILES)
def test_every_script_is_there(file: str):
    called = {name for step in _build(file)["steps"] for name in re.findall(r"-m (infra\.deploy\.\w+)", _said(step))}
    for name in called:
        assert callable(importlib.import_module(name).main)


def test_every_make_target_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("check", "audit", "infra-check"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_providers_are_those_of_the_lock_file_from_the_plan_to_the_release():
    steps = {step["id"]: step for step in _build("cloudbuild.yaml")["steps"]}
    before, _, _ = _said(steps["providers"]).partition("terraform providers lock -platform=linux_amd64")
    assert "\nterraform get\n" in before  # it refuses to lock without the modules
    assert "exit 1" in _said(steps["providers"])  # a line that is committed no longer holds
    assert "providers" in steps["infra-check"]["waitFor"]  # whose init would write one
    inits = re.findall(r"terraform init [^&]*", _said(steps["plan"]) + " && " + (ROOT / FILES[1]).read_text())
    assert len(inits) == 2
    assert all("-lockfile=readonly" in init for init in inits)
    archived = re.findall(r"--exclude=(\S+)", _said(steps["ask"]))
    assert ".terraform" in archived
    assert not any(name.startswith(".terraform.lock") for name in archived)


@pytest.mark.parametrize(
    ("environment", "providers"),
    [
        ("staging", {"google", "google-beta", "time"}),
        ("production", {"google", "google-beta", "time"}),
        ("vault", {"google"}),
    ],
)
def test_each_environment_has_the_hashes_of_its_providers(environment: str, providers: set[str]):
    folder = ROOT / "infra/terraform/environments"
    locked = _locked(folder / environment)
    assert set(locked) == providers
    assert all(locked[name] == _locked(folder / "staging")[name] for name in providers)
    for block in locked.values():
        assert len(re.findall(r'"zh:[0-9a-f]{64}"', block)) >= 12, "the signed archives of all platforms"
        assert len(re.findall(r'"h1:[A-Za-z0-9+/]{43}="', block)) >= 2, "the unpacked files for Linux and macOS"
    versions = (ROOT / "infra/terraform/versions.tf").read_text(encoding="utf-8")
    for name, wanted in re.findall(r'hashicorp/([\w-]+)"\s+version = "([^"]+)"', versions):
        assert name not in locked or f'constraints = "{wanted}"' in locked[name]


def _locked(folder: Path) -> dict[str, str]:
    """The lock file's block of each provider, by its name."""
    text = (folder / ".terraform.lock.hcl").read_text(encoding="utf-8")
    return dict(
        re.findall(
            r'^provider "registry\.terraform\.io/hashicorp/([\w-]+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL
        )
    )


def test_a_commit_is_proven_before_it_is_planned():
    steps = {step["id"]: set(step.get("waitFor", [])) for step in _build("cloudbuild.yaml")["steps"]}
    assert steps["attest"] == {"test", "simulate", "audit", "scan", "infra-check"}
    assert steps["plan"] == {"attest", "variables", "providers"}
    assert steps["ask"] == {"plan"}
    assert steps["scan"] == {"take-over"}
    assert steps["take-over"] == {"image"}
    known = set(steps) | {"-"}
    assert all(waited <= known for waited in steps.values())


def test_pages_are_looked_at_in_a_browser_and_their_pictures_are_kept():
    build = _build("cloudbuild.yaml")
    [test] = [step for step in build["steps"] if step["id"] == "test"]
    assert "make browser && " in _said(test)
    assert test["env"] == ["SCREENS=build/screens"]
    kept = build["artifacts"]["objects"]
    assert kept["paths"] == ["build/screens/*.jpeg", "build/lock/terraform.lock.hcl"]
    assert "$BUILD_ID" in kept["location"]  # a commit may be planned again, and nothing may be overwritten


def test_a_release_goes_step_by_step():
    release = _build("infra/deploy/release.yaml")
    assert not [step for step in release["steps"] if "waitFor" in step or step.get("allowFailure")]
    order = _order("infra/deploy/release.yaml")
    wanted = ["freeze", "expand", "pin", "require-planned", "apply", "privileges", "smoke", "canary", "smoke-again"]
    wanted += ["released", "ask-to-contract", "pin-new"]
    assert [step for step in order if step in wanted] == wanted


def test_the_plan_that_is_looked_at_is_the_one_that_is_applied():
    planned = {step["id"]: step for step in _build("cloudbuild.yaml")["steps"]}["plan"]
    assert "terraform show -json release.plan > release.plan.json" in _said(planned)
    steps = {step["id"]: step for step in _build("infra/deploy/release.yaml")["steps"]}
    assert steps["require-planned"]["args"][-1] == f"{planned['dir']}/release.plan.json"
    assert steps["apply"]["dir"] == planned["dir"]
    assert "apply -input=false -parallelism=5 release.plan" in _said(steps["apply"])


def test_what_is_planned_is_the_image_that_was_scanned_and_attested():
    said = {step["id"]: _said(step) for step in _build("cloudbuild.yaml")["steps"]}
    assert 'export TF_VAR_image="$$(cat /workspace/.image)"' in said["plan"]
    assert [said[step].split()[-1] for step in ("image", "scan", "attest")] == ["find", "scan", "attest"]
    # The digest is the one that was found; the tag only names the commit.
    assert 'gcrane cp "${_BUILT}@$${image#*@}" "${_IMAGE}:$COMMIT_SHA"' in said["take-over"]


def test_an_image_is_built_with_provenance_and_an_sbom():
    build = _build("infra/deploy/image.yaml")
    assert build["options"]["requestedVerifyOption"] == "VERIFIED"
    [image] = build["images"]
    assert f"IMAGE={image}" in build["options"]["env"]
    said = {step["id"]: _said(step) for step in build["steps"]}
    assert f"docker:{image}" in said["sbom"]
    assert 'sbom load --source=sbom.json --uri="$$IMAGE"' in said["attach"]


def test_what_was_released_is_there_for_the_next_environment_and_not_before():
    order = _order("infra/deploy/release.yaml")
    assert order.index("released") > order.index("smoke-again")
    [step] = [step for step in _build("infra/deploy/release.yaml")["steps"] if step["id"] == "released"]
    assert 'gcrane cp "$$(cat .image)" "${_RELEASED}:$$(cat .commit)"' in _said(step)


def test_what_is_compared_every_morning_is_what_was_released():
    [remember] = [step for step in _build("infra/deploy/release.yaml")["steps"] if step["id"] == "remember"]
    left = remember["args"][-1]
    order = _order("infra/deploy/release.yaml")
    assert order.index("remember") == order.index("apply") + 1
    assert f"gcloud storage cp {left} " in (ROOT / "infra/deploy/drift.yaml").read_text(encoding="utf-8")


def test_a_release_that_fails_in_the_end_goes_back():
    steps = {step["id"]: step for step in _build("infra/deploy/release.yaml")["steps"]}
    smoke, back, end = steps["smoke-again"]["args"][1].splitlines()
    assert smoke.endswith("&& exit")
    assert back.endswith("infra.deploy.traffic rollback")
    assert end == "exit 1"


def test_there_is_time_for_the_canary():
    from infra.deploy.canary import STEPS, WATCH_SECONDS

    assert int(_build("infra/deploy/release.yaml")["timeout"].removesuffix("s")) > 3 * len(STEPS) * WATCH_SECONDS


def test_they_wait_for_a_person():
    assert "approval_required = true" in _resource("approved")


def _resource(trigger: str) -> str:
    return TRIGGERS[TRIGGERS.index(f'resource "google_cloudbuild_trigger" "{trigger}"') :].split("\n}\n")[0]


def test_the_database_contracts_once_nobody_can_go_back_by_itself():
    assert _order("infra/deploy/contract.yaml") == ["fetch", "prepare", "require-latest", "contract", "prune"]
    assert not [step for step in _build("infra/deploy/release.yaml")["steps"] if "contract" in step["args"]]


@pytest.mark.parametrize("file", FILES)
def test_no_shell_is_given_words_of_a_message_or_of_a_person(file: str):
    for step in _build(file)["steps"]:
        if step.get("entrypoint") in ("bash", "sh"):
            assert set(re.findall(r"\$\{?(_[A-Z_]+)\}?", " ".join(step["args"]))) <= OUR_WORDS, step["id"]


def test_what_is_approved_is_what_was_proven():
    said = {step["id"]: _said(step) for step in _build("cloudbuild.yaml")["steps"]}["ask"]
    assert "kms asymmetric-sign --key=${_RELEASE_KEY}" in said
    assert 'artefact=$$artefact,sha256=$$sha256"' in said
    for file in ("infra/deploy/release.yaml", "infra/deploy/contract.yaml"):
        first = _build(file)["steps"][0]
        assert first["args"] == ["infra/deploy/fetch.py"]
        told = {"ARTEFACT=${_ARTEFACT}", "SHA256=${_SHA256}", "BUCKET=${_PIPELINE_BUCKET}", "KEY=${_RELEASE_KEY}"}
        assert set(first["env"]) == told


@pytest.mark.parametrize(
    ("file", "trigger"),
    [
        ("cloudbuild.yaml", "plan"),
        ("infra/deploy/release.yaml", "release"),
        ("infra/deploy/contract.yaml", "contract"),
        ("infra/deploy/drift.yaml", "drift"),
    ],
)
def test_what_a_build_is_told_is_what_it_asks_for(file: str, trigger: str):
    text = (ROOT / file).read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(_[A-Z_0-9]+)\}", text)) - set(_build(file).get("substitutions", {}))
    assert set(re.findall(r"^\s+(_[A-Z_0-9]+)\s+=", _told(trigger), re.MULTILINE)) == asked


def _told(trigger: str) -> str:
    """The Terraform of what a trigger's builds are told; an approved one's own part is in the list of them."""
    own = re.search(rf"^    {trigger} = \{{$.*?^    \}}$", TRIGGERS, re.DOTALL | re.MULTILINE)
    return own[0] + _resource("approved") if own else _resource(trigger)


@pytest.mark.parametrize("file", BY_HAND)
def test_a_build_by_hand_knows_all_it_needs_but_what_it_is_told(file: str):
    text = (ROOT / file).read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(_[A-Z_]+)\}", text)) - set(_build(file)["substitutions"])
    assert asked == ({"_MODULE"} if file.endswith("run.yaml") else set())


def test_what_the_runbook_has_run_can_be_run():
    named = set(re.findall(r"_MODULE=([\w.]+)", RUNBOOK))
    assert {"infra.deploy.statement", "shared.privacy.key_rotation", "shared.cloud.dead_letters_command"} <= named
    for name in named:
        source = (ROOT / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert '__name__ == "__main__"' in source


def test_what_it_runs_finds_the_functions_as_they_find_each_other():
    environment = dict(line.split("=", 1) for line in _build("infra/deploy/run.yaml")["options"]["env"])
    template = environment["FUNCTION_URL_TEMPLATE"].replace("$PROJECT_NUMBER", "${var.project_number}")
    terraform = (ROOT / "infra" / "terraform" / "manifest.tf").read_text(encoding="utf-8")
    assert f'"{template.replace("${_REGION}", "${var.region}")}"' in terraform
    assert environment["INVOKER"].startswith("invoker@")


def test_builds_reach_the_database_that_terraform_makes():
    database = (ROOT / "infra" / "terraform" / "database.tf").read_text(encoding="utf-8")
    made = re.search(r'resource "google_sql_database_instance" "main" \{.*?\n  name\s+= "(\w+)"', database, re.DOTALL)
    assert made is not None
    elsewhere = {f"infra/deploy/{name}.yaml" for name in ("drill", "drift", "image")}  # a copy, and none
    for file in set(FILES[1:]) - elsewhere:
        told = [each for each in _build(file)["options"]["env"] if each.startswith("DATABASE_INSTANCE=")]
        assert told == [f"DATABASE_INSTANCE=$PROJECT_ID:${{_REGION}}:{made[1]}"], file
