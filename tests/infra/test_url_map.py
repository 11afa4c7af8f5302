"""The load balancer asks the function that documents an operation, whichever of its neighbours look alike."""

import json
import re
from pathlib import Path

import pytest
from werkzeug.routing import Map, Rule
from werkzeug.test import Client

from infra.local import public_buckets
from shared.web import headers, pages

ROOT = Path(__file__).parents[2]
PATHS = json.loads((ROOT / "schemas" / "openapi.json").read_text(encoding="utf-8"))["paths"]
IDS = "7b1f0a52-5b0e-4c53-9b1e-3d8a0c5f6a11", "my-event", "reserve-me"


@pytest.fixture
def ask(resources, outputs):
    """The function a path is sent to, as Google decides: the first rule by priority that matches it."""
    url_map = resources["google_compute_url_map.main"]
    rules = sorted(url_map["path_matcher"][0]["route_rules"], key=lambda rule: rule["priority"])
    functions = {rule["priority"]: rule["function"] for rule in outputs["route_rules"]} | {
        400: "queue",
        500: "site",
        2000: "not-found.json",
        2001: "not-found.html",
    }

    def answer(path: str) -> str | None:
        for rule in rules:
            if any(_matches(match, path) for match in rule["match_rules"]):
                return functions.get(rule["priority"], "media")
        return None

    return answer


def _matches(match: dict[str, str | None], path: str) -> bool:
    if match.get("prefix_match"):
        return path.startswith(match["prefix_match"])
    if match.get("full_path_match"):
        return path == match["full_path_match"]
    template = match["path_template_match"]
    return re.fullmatch("[^/]+".join(re.escape(part) for part in template.split("*")), path) is not None


@pytest.mark.parametrize("identifier", IDS)
def test_every_operation_reaches_its_function(ask, identifier):
    for path, operations in PATHS.items():
        concrete = re.sub(r"\{[a-z_]+\}", identifier, path)
        assert {ask(concrete)} == {operation["tags"][0] for operation in operations.values()}, concrete


def test_whole_paths_win_over_templates(ask):
    assert ask("/api/v1/orders/reserve") == "reserve"
    assert ask("/api/v1/orders/my-orders") == "orders"
    assert ask("/api/v1/orders/1/checkout") == "checkout"
    assert ask("/api/v1/payments/webhook/xendit") == "webhook"


def test_the_laptop_routes_the_same(ask):
    owners = {path: next(iter(operations.values()))["tags"][0] for path, operations in PATHS.items()}
    local = Map([Rule(path.replace("{", "<").replace("}", ">"), endpoint=owner) for path, owner in owners.items()])
    for path in owners:
        concrete = re.sub(r"\{[a-z_]+\}", IDS[0], path)
        assert ask(concrete) == local.bind("").match(concrete)[0]


@pytest.mark.parametrize(
    "path", ["/", "/id", "/en/events/my-event", "/assets/site.css", "/orders", "/orders/1/pay", "/login"]
)
def test_pages_reach_the_site(ask, path):
    assert ask(path) == "site"


@pytest.mark.parametrize("path", ["/id/queue/my-event", "/en/queue/my-event", "/queue-status/my-event.json"])
def test_who_waits_wakes_no_function(ask, path):
    assert ask(path) == "queue"
    assert ask("/queue/my-event/tickets") == "site"


def test_a_waiting_room_in_the_bucket_has_the_headers_of_a_page(resources):
    told = resources["google_compute_backend_bucket.queue"]["custom_response_headers"]
    policy = pages.CONTENT_SECURITY_POLICY.format(pictures="")  # pictures have our own address there
    wanted = {**headers.DEFAULTS, **pages.public_headers(), "Content-Security-Policy": policy}
    assert set(told) == {f"{name}: {value}" for name, value in wanted.items() if name != "Cache-Control"}


def test_the_map_stays_within_googles_limits(resources):
    """200 route rules and 100 tests: cloud.google.com/load-balancing/docs/quotas."""
    url_map = resources["google_compute_url_map.main"]
    rules = url_map["path_matcher"][0]["route_rules"]
    assert len(rules) <= 200
    assert len(url_map["test"]) <= 100
    assert max(len(rule["match_rules"]) for rule in rules) <= 64


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/static/x.css", "not-found.html"),
        ("/messages/payment.success", "not-found.html"),
        ("/jobs/sweep", "not-found.html"),
        ("/api/v1/tasks/expire", "not-found.json"),
        ("/api/v1/x", "not-found.json"),
    ],
)
def test_what_nobody_documents_reaches_no_function(ask, path, answer):
    assert ask(path) == answer


@pytest.mark.parametrize(("priority", "page"), [(400, "html"), (2000, "json"), (2001, "html")])
def test_a_bucket_that_says_403_of_what_it_lacks_is_a_404_for_everybody(resources, priority, page):
    [rule] = [
        each
        for each in resources["google_compute_url_map.main"]["path_matcher"][0]["route_rules"]
        if each["priority"] == priority
    ]
    [told] = rule["custom_error_response_policy"][0]["error_response_rule"]
    assert told == {
        "match_response_codes": ["403", "404"],
        "path": f"/not-found.{page}",
        "override_response_code": 404,
    }


def test_the_page_for_unknown_addresses_has_the_laptop_s_policy(resources):
    [policy] = [
        header.removeprefix("Content-Security-Policy: ")
        for header in resources["google_compute_backend_bucket.not_found"]["custom_response_headers"]
        if header.startswith("Content-Security-Policy")
    ]
    answer = Client(public_buckets.not_found).get("/xyz")
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (404, policy)


def test_pictures_come_from_the_bucket(ask, resources):
    assert ask("/media/banners/1.jpg") == "media"
    rules = resources["google_compute_url_map.main"]["path_matcher"][0]["route_rules"]
    [pictures] = [rule for rule in rules if rule["match_rules"][0].get("prefix_match") == "/media/"]
    assert pictures["route_action"][0]["url_rewrite"][0]["path_prefix_rewrite"] == "/"


def test_google_tries_every_route_before_it_takes_the_map(resources):
    tried = {test["path"] for test in resources["google_compute_url_map.main"]["test"]}
    assert len(tried) == min(len(PATHS), 100)


def test_uploads_alone_are_spared_the_rules_about_bodies(resources):
    uploads = [
        path
        for path, operations in PATHS.items()
        for operation in operations.values()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]
    rules = resources['google_compute_security_policy.this["standard"]']["rule"]
    expressions = [rule["match"][0]["expr"][0]["expression"] for rule in rules if 100 < rule["priority"] < 1000]
    assert expressions
    for expression in expressions:
        spared = re.search(r"matches\('\^\((.+?)\)\$'\) &&", expression)
        assert spared is not None
        assert [path for path in PATHS if re.fullmatch(spared[1], re.sub(r"\{[a-z_]+\}", "x", path))] == uploads
