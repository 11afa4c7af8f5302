"""Tries new revisions at addresses of their own, before they have any traffic.

Each function that people call is given a tag for the time, and a workflow inside the project (infra/terraform/smoke.tf)
asks it: whether it is ready, and an address of its own. What only we call is left to its startup probe.
"""

import json
import os
from collections.abc import Sequence

from functions.manifest import manifest
from infra.deploy import knocks, traffic
from infra.deploy.gcloud import gcloud
from infra.deploy.traffic import Split

TAG = "candidate"


def faults(splits: Sequence[Split]) -> list[str]:
    """What is wrong with the new revisions of functions that people call: each that answers 5xx, or not at all."""
    paths = {
        traffic.service(each.name): knocks.address(each) for each in manifest().functions.values() if each.is_public
    }
    tried = [split for split in splits if split.service in paths]
    try:
        stuck = traffic.each(lambda split: _update(split.service, f"--update-tags={TAG}={split.new}"), tried)
        if stuck:
            return [f"{split.service} can't be tagged: {error}" for split, error in stuck]
        asked = _addresses([split.service for split in tried])
        addresses = [
            url + path for name, url in asked.items() for path in ("/health/ready", paths[name] or "/health/live")
        ]
        return [f"{address} answers {status}" for address, status in _statuses(addresses).items() if _is_ill(status)]
    finally:
        for split, error in traffic.each(lambda split: _update(split.service, f"--remove-tags={TAG}"), tried):
            print(f"the tag {TAG} is left on {split.service}: {error}", flush=True)


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


def _is_ill(status: int | None) -> bool:
    return status is None or status >= 500
