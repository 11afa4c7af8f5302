"""The pages' files: modules call each other by addresses that change with the content, and others' files are theirs."""

import hashlib
import re
from pathlib import Path

import pytest

from shared.problems import NotFound
from shared.site import static_files

ROOT = Path(__file__).parents[3]
VENDORED = {
    "vendor/zxing-wasm/zxing-reader.js": "ffd72d59d54082194f7c086b384dcd930bdeb0c5b39fbb13779694e69bb0d344",
    "vendor/zxing-wasm/zxing_reader.wasm": "5003fb4b88c4fbd1fd518a2fd8c8ad365c519e183a08c03a322dddfea3cea84e",
    "vendor/noble-ed25519/noble-ed25519.js": "a4f631d1876b5d9e43a86cd71194ca27b5e1451edf4ba4db9a418f40a475569a",
}
"""The files as their packages have them: docs/vendored.md."""


def served(name: str) -> bytes:
    return static_files.served(static_files.url(name).removeprefix(static_files.PREFIX)).content


@pytest.mark.parametrize("name", VENDORED)
def test_a_vendored_file_is_the_one_of_its_package(name: str):
    assert hashlib.sha256(served(name)).hexdigest() == VENDORED[name]
    documented = (ROOT / "docs" / "vendored.md").read_text(encoding="utf-8")
    assert VENDORED[name] in documented


def test_every_vendored_file_is_listed_and_has_a_licence():
    scripts = {path for path in (static_files.FOLDER / "vendor").rglob("*") if path.suffix in (".js", ".wasm")}
    assert {path.relative_to(static_files.FOLDER).as_posix() for path in scripts} == set(VENDORED)
    assert all((path.parent / "LICENSE").is_file() for path in scripts)


def test_modules_import_each_other_by_address():
    for path in static_files.FOLDER.glob("*.js"):
        imported = re.findall(rb'(?:from|import) ?\(?"([^"]+)"', served(path.name))
        assert all(each.startswith(static_files.PREFIX.encode()) for each in imported), path.name
        assert all(static_files.served(each.decode().removeprefix(static_files.PREFIX)) for each in imported)


def test_nothing_but_the_pages_files_is_served():
    addresses = {name: static_files.url(name) for name in ("site.js", "site.css", *VENDORED)}
    assert len(set(addresses.values())) == len(addresses)
    assert len(static_files._by_name()) == len(static_files._files())
    for name in ("LICENSE", "vendor/zxing-wasm/LICENSE"):
        with pytest.raises(KeyError):
            static_files.url(name)
    with pytest.raises(NotFound):
        static_files.served("zxing_reader.wasm")
