"""functions/manifest.yaml tells the truth: about its form, the folders, and what the code declares."""

import ast
import json

import jsonschema
import pytest
import yaml

from functions.manifest import PATH, Function, manifest

ROOT = PATH.parent.parent
DOCUMENT = yaml.safe_load(PATH.read_text(encoding="utf-8"))
SCHEMA = json.loads((ROOT / "schemas" / "manifest.schema.json").read_text(encoding="utf-8"))
FUNCTIONS = list(manifest().functions.values())
SCREEN_LINES = 60


def test_the_manifest_has_the_form_its_schema_demands():
    jsonschema.Draft202012Validator(SCHEMA).validate(DOCUMENT)


def test_a_misspelt_key_is_refused():
    wrong = json.loads(json.dumps(DOCUMENT))
    wrong["functions"]["reserve"]["max_instanses"] = 3
    with pytest.raises(jsonschema.ValidationError, match="max_instanses"):
        jsonschema.Draft202012Validator(SCHEMA).validate(wrong)


def test_every_folder_is_a_function():
    folders = {path.name for path in PATH.parent.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(manifest().functions)


@pytest.mark.parametrize("name", manifest().functions)
def test_the_main_of_a_function_lists_its_modules_and_each_fits_on_a_screen(name: str):
    files = {path.stem: path.read_text(encoding="utf-8") for path in (PATH.parent / name).glob("*.py")}
    imports = [node for node in ast.walk(ast.parse(files["main"])) if isinstance(node, ast.ImportFrom)]
    listed = {alias.name for node in imports if node.module == f"functions.{name}" for alias in node.names}
    assert set(files) == {"__init__", "main", *listed}
    assert all(len(text.splitlines()) <= SCREEN_LINES for text in files.values())


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_code_declares_what_the_manifest_lists(function: Function):
    declared = {kind: set() for kind in ("http", "page", "message", "task", "job")}
    for route in function.app().routes:
        declared[route.kind].add((route.method, route.path))
    assert function.app().name == function.name
    assert declared["http"] == {tuple(line.replace(" /", " /api/v1/").split(" ")) for line in function.routes}
    assert declared["message"] == {("POST", f"/messages/{topic}") for topic in function.subscriptions}
    assert declared["task"] == {("POST", f"/tasks/{name}") for name in function.tasks}
    assert declared["job"] == {("POST", f"/jobs/{name}") for name in function.jobs}


def test_an_order_whose_expiry_task_was_lost_ends_a_minute_later_at_most():
    """TS-007: thirty minutes after its reservation a payment may not be made any more."""
    assert manifest().functions["expire"].jobs["sweep"] == "* * * * *"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_each_page_is_at_an_address_of_the_manifest_and_each_address_has_a_page(function: Function):
    shown = {route.path for route in function.app().routes if route.kind == "page"}
    assert {path for path in shown if manifest().showing(path) != function.name} == set()
    for page in function.pages:
        below = page.removesuffix("*")
        assert any(path.startswith(below) if page.endswith("/*") else path == page for path in shown), page


def test_no_two_functions_answer_the_same_address():
    routes = [route for function in FUNCTIONS for route in function.routes]
    assert len(routes) == len(set(routes))


@pytest.mark.parametrize("field", ["secrets", "buckets"])
def test_what_a_function_uses_is_declared(field: str):
    used = {name for entry in DOCUMENT["functions"].values() for name in entry.get(field, [])}
    assert used <= set(DOCUMENT[field])


def test_every_queue_and_every_topic_has_somebody_on_both_ends():
    enqueued = {queue for entry in DOCUMENT["functions"].values() for queue in entry.get("enqueues", [])}
    assert enqueued <= set(manifest().queues)
    published = {topic for entry in DOCUMENT["functions"].values() for topic in entry.get("publishes", [])}
    consumed = {topic for function in FUNCTIONS for topic in function.subscriptions}
    assert consumed <= published


def test_every_topic_has_a_schema():
    assert {path.stem for path in (ROOT / "schemas" / "messages").glob("*.json")} == set(manifest().topics)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_is_public_or_called_by_our_own_services_and_never_both(function: Function):
    for_people = bool(function.routes or function.pages)
    for_services = bool(function.tasks or function.jobs or function.subscriptions)
    assert (for_people, for_services) == (function.is_public, not function.is_public)


def test_reconcile_may_publish_whatever_a_crash_has_left_in_the_outbox():
    may_publish = set(DOCUMENT["functions"]["reconcile"]["publishes"])
    assert may_publish == set(manifest().topics)
