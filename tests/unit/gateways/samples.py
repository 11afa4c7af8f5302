"""Real payloads, one per file: the project's own copies, and the reference collection where it is there."""

import json
import os
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[3]
REFERENCE = Path(os.environ.get("REFERENCE_SAMPLES", PROJECT.parent / "shared/reference/samples"))
FOLDERS = [folder for folder in (PROJECT / "tests/payloads", REFERENCE) if folder.is_dir()]


def sample_paths(gateway: str, pattern: str = "*.json") -> list[Path]:
    """The sample files of `gateway` whose name fits, from every folder there is."""
    return [path for folder in FOLDERS for path in sorted((folder / gateway).glob(pattern))]


def sample(gateway: str, name: str) -> Any:
    """The project's own copy of one sample."""
    return read(FOLDERS[0] / gateway / f"{name}.json")


def read(path: Path) -> Any:
    """The JSON in a sample file."""
    return json.loads(path.read_bytes())


def sample_id(path: Path) -> str:
    """A test id that tells the file and which folder it is from."""
    return f"{path.stem}-{'own' if path.is_relative_to(PROJECT) else 'reference'}"
