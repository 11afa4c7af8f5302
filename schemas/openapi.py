"""Writes schemas/openapi.json from the functions' own declarations: `python -m schemas.openapi [--check]`."""

import json
import sys
from pathlib import Path
from typing import Any

from functions.manifest import manifest
from schemas.generated import keep
from shared.web import openapi

FILE = Path(__file__).parent / "openapi.json"
DESCRIPTION = (
    "Event tickets: money is whole rupiah, times are RFC 3339 in UTC, errors are RFC 9457 problem documents, "
    "critical calls take an Idempotency-Key."
)


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of every public function."""
    tagged = {name: function.app().routes for name, function in manifest().functions.items() if function.is_public}
    return openapi.document(tagged, title="Karcis API", version="1", description=DESCRIPTION)


def to_json() -> str:
    """The document as the file holds it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or with --check tell whether it is current."""
    return keep(FILE, to_json(), "make openapi")


if __name__ == "__main__":
    sys.exit(main())
