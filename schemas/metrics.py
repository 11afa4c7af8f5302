"""Writes schemas/metrics.json from shared/cloud/metrics.py: what Terraform makes log-based metrics of."""

import json
import sys
from pathlib import Path
from typing import Any

from schemas.generated import keep
from shared.cloud.metrics import COUNTERS, GAUGES, GAUGES_EVENT, Counter

FILE = Path(__file__).parent / "metrics.json"


def document() -> dict[str, Any]:
    """Each metric by name: description, and for Cloud Logging its filter, labels and the field of its value."""
    counters = {
        counter.name: {
            "description": counter.help,
            "filter": _filter(counter),
            "labels": {label: f"EXTRACT(jsonPayload.{label})" for label in counter.labels},
        }
        for counter in COUNTERS
    }
    gauges = {
        gauge.name: {
            "description": gauge.help,
            "unit": gauge.unit,
            "filter": f'jsonPayload.message="{GAUGES_EVENT}"',
            "value": f"EXTRACT(jsonPayload.{gauge.name})",
        }
        for gauge in GAUGES
    }
    return {"counters": counters, "gauges": gauges}


def written() -> str:
    """The file's content."""
    return json.dumps(document(), indent=2) + "\n"


def main() -> int:
    """Write the file, or with --check tell whether it is current."""
    return keep(FILE, written(), "python -m schemas.metrics")


def _filter(counter: Counter) -> str:
    facts = {"message": counter.event, **counter.where}
    return " AND ".join(f"jsonPayload.{name}={json.dumps(value)}" for name, value in facts.items())


if __name__ == "__main__":
    sys.exit(main())
