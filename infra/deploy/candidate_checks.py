"""Checks new revisions at tagged addresses, before they have any traffic.

Each public function's new revision gets a tag for as long as it takes, and a workflow inside the project
(infra/terraform/smoke.tf) asks whether it is ready, and one of its own addresses. The others have their startup probe.
"""

import json
import os
from collections.abc import Sequence

from functions.manifest import manifest
from infra.deploy import synthetic_requests, traffic
from infra.deploy.gcloud import gcloud
from infra.deploy.traffic import RevisionChange

TAG = "candidate"


def failures(changes: Sequence[RevisionChange]) -> list[str]:
    """The addresses of public functions' new revisions that answer 5xx, or not at all."""
    paths = {
        traffic.service_name(each.name): synthetic_requests.address(each)
        for each in manifest().functions.values()
        if each.is_public
    }
    tried = [change for change in changes if change.service in paths]
    try:
        untagged = traffic.for_each(lambda change: _update(change.service, f"--update-tags={TAG}={change.new}"), tried)
        if untagged:
            return [f"{change.service} can't be tagged: {error}" for change, error in untagged]
        tagged = _addresses([change.service for change in tried])
        addresses = [
            url + path for name, url in tagged.items() for path in ("/health/ready", paths[name] or "/health/live")
        ]
        return [
            f"{address} answers {status}" for address, status in _statuses(addresses).items() if _is_failure(status)
        ]
    finally:
        for change, error in traffic.for_each(lambda change: _update(change.service, f"--remove-tags={TAG}"), tried):
            print(f"the tag {TAG} is left on {change.service}: {error}", flush=True)


def _update(service: str, option: str) -> None:
    gcloud("run", "services", "update-traffic", service, option)


def _addresses(services: Sequence[str]) -> dict[str, str]:
    there = traffic.deployed()
    targets = {service: there[service]["traffic"] for service in services}
    return {service: target["url"] for service, all_ in targets.items() for target in all_ if target.get("tag") == TAG}


def _statuses(addresses: list[str]) -> dict[str, int | None]:
    region = f"--location={os.environ['CLOUDSDK_RUN_REGION']}"
    execution = gcloud("workflows", "run", "smoke", f"--data={json.dumps(addresses)}", region) if addresses else None
    found: dict[str, int | None] = json.loads(execution["result"]) if execution else {}
    return {address: found.get(address) for address in addresses}


def _is_failure(status: int | None) -> bool:
    return status is None or status >= 500
