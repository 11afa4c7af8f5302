"""The archive that is deployed holds everything a function needs, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from functions.manifest import manifest

ARCHIVE = Path(__file__).parents[2] / "infra" / "terraform" / "environments" / "production" / ".build" / "source.zip"


@pytest.fixture
def unpacked(plan, tmp_path: Path) -> Path:
    del plan  # which has written the archive
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def test_every_entry_point_can_be_imported_from_it(unpacked: Path):
    names = list(manifest().functions)
    source = f"import main; assert all(callable(getattr(main, name)) for name in {names!r})"
    subprocess.run([sys.executable, "-c", source], cwd=unpacked, check=True, timeout=120)


def test_it_holds_nothing_else(unpacked: Path):
    assert {path.name for path in unpacked.iterdir()} <= {
        "main.py",
        "requirements.txt",
        "functions",
        "shared",
        "__pycache__",
    }
