"""Reads functions/manifest.yaml: what there is to deploy, to mount locally and to document."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from shared.cloud.permissions import Permissions
from shared.cloud.settings import settings
from shared.web import App
from shared.web.app import API
from shared.web.rules import Rule

PATH = Path(__file__).parent / "manifest.yaml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where there is one: it takes an eighth of the time."""


@dataclass(frozen=True)
class Function:
    """One entry of the manifest, with the defaults filled in; `sizing` keeps the numbers."""

    name: str
    summary: str
    is_public: bool
    routes: tuple[str, ...]
    pages: tuple[str, ...]
    """Addresses outside of the API; one that ends in `/*` is everything below."""
    tasks: tuple[str, ...]
    jobs: dict[str, str]
    subscriptions: dict[str, int]
    """Topic to the most delivery attempts."""
    secrets: tuple[str, ...]
    permissions: Permissions
    sizing: dict[str, int]

    def app(self) -> App:
        """The function's routes, from its code."""
        app: App = importlib.import_module(f"functions.{self.name}.main").app
        return app


@dataclass(frozen=True)
class Manifest:
    """All of functions/manifest.yaml."""

    functions: dict[str, Function]
    queues: dict[str, dict[str, Any]]
    secrets: dict[str, str]
    buckets: dict[str, str]
    topics: tuple[str, ...]
    time_zone: str

    def serving(self, path: str) -> str:
        """The name of the function at an address (`/api/v1/events`), whatever the method. Raises LookupError."""
        try:
            name, _ = _addresses().bind("").match(path)
        except HTTPException as error:
            raise LookupError(path) from error
        return str(name)

    def showing(self, path: str) -> str:
        """The name of the function that shows the page at an address. Raises LookupError."""
        for name, function in self.functions.items():
            if any(_is_page(path, page) for page in function.pages):
                return name
        raise LookupError(path)


def _is_page(path: str, page: str) -> bool:
    return path.startswith(page[:-1]) if page.endswith("/*") else path == page


@lru_cache(maxsize=1)
def manifest() -> Manifest:
    """The manifest. Its form is held by schemas/manifest.schema.json, its truth by tests/unit/test_manifest.py."""
    document = yaml.load(PATH.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506  # nosec B506 - either is safe
    entries = document["functions"]
    topics = {topic for entry in entries.values() for topic in entry.get("publishes", [])}
    topics |= {subscription["topic"] for entry in entries.values() for subscription in entry.get("subscribes", [])}
    return Manifest(
        functions={name: _function(name, entry, document["defaults"]) for name, entry in entries.items()},
        queues=document["queues"],
        secrets=document["secrets"],
        buckets=document["buckets"],
        topics=tuple(sorted(topics)),
        time_zone=document["time_zone"],
    )


@lru_cache(maxsize=1)
def _addresses() -> Map:
    listed = manifest().functions.values()
    rules = [Rule(_rule(route), endpoint=function.name) for function in listed for route in function.routes]
    return Map(rules, strict_slashes=False)


def _rule(route: str) -> str:
    """A manifest line, `POST /orders/{order_id}/cancel`, as a rule; the function minds the method."""
    return API + route.split(" ")[1].replace("{", "<").replace("}", ">")


def _function(name: str, entry: dict[str, Any], defaults: dict[str, int]) -> Function:
    return Function(
        name=name,
        summary=entry["summary"],
        is_public=entry["public"],
        routes=tuple(entry.get("routes", [])),
        pages=tuple(entry.get("pages", [])),
        tasks=tuple(entry.get("tasks", [])),
        jobs=entry.get("jobs", {}),
        subscriptions={item["topic"]: item["max_delivery_attempts"] for item in entry.get("subscribes", [])},
        secrets=tuple(entry.get("secrets", [])),
        permissions=Permissions(name, frozenset(_resources(entry))),
        sizing={key: entry.get(key, value) for key, value in defaults.items()},
    )


def _resources(entry: dict[str, Any]) -> Iterator[str]:
    """The resources that an entry grants, named as `shared.cloud.permissions` names them."""
    for kind in ("secrets", "publishes", "enqueues", "workflows"):
        yield from (f"{kind}/{name}" for name in entry.get(kind, []))
    for bucket in entry.get("buckets", []):
        name = getattr(settings(), f"{bucket}_bucket")
        yield f"buckets/{name}"
        if entry.get("deletes_files"):
            yield f"deletes_files/{name}"
    if entry["public"] or entry.get("shared_cache"):
        yield "cache/shared"
