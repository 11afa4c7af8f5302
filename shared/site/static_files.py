"""The pages' own files: each served under a name that holds its content's hash, so that it is kept for a year."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from shared.problems import NotFound
from shared.web.pages import Asset

FOLDER = Path(__file__).parent / "static"
PREFIX = "/assets/"
"""Not /static/, which functions-framework's own server takes for itself."""
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
_IMPORT = re.compile(rb'"\./([\w./-]+)"')
_VERSION = re.compile(r"\.[0-9a-f]{12}(?=\.\w+$)")
_COMMENT = re.compile(rb"^ *//.*\n", re.MULTILINE)
"""A line that is a comment: for readers of the repository, and nothing that a phone needs."""


@dataclass(frozen=True)
class StaticFile:
    """A file and its address."""

    url: str
    content: bytes
    content_type: str


@lru_cache(maxsize=1)
def _files() -> dict[str, StaticFile]:
    return {name: _file(name) for name in _names()}


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """The files by their paths in the folder; what is vendored lies deeper."""
    return frozenset(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.suffix in _TYPES)


@cache
def _file(name: str) -> StaticFile:
    """A file; a script of ours without comments, and with the modules that it imports by their addresses."""
    path = FOLDER / name
    content = path.read_bytes()
    if path.suffix == ".js":
        ours = content if path.parent != FOLDER else _COMMENT.sub(b"", content)
        content = _IMPORT.sub(_with_address, ours)
    digest = hashlib.sha256(content).hexdigest()[:12]
    return StaticFile(f"{PREFIX}{path.stem}.{digest}{path.suffix}", content, _TYPES[path.suffix])


def _with_address(imported: re.Match[bytes]) -> bytes:
    name = imported[1].decode()
    return f'"{_file(name).url}"'.encode() if name in _names() else imported[0]


def url(name: str) -> str:
    """The address of a file of the folder `static`. Raises KeyError for one that is not there."""
    return _files()[name].url


def served(name: str) -> Asset:
    """The file that an address names; for the name of another release, ours, which nobody keeps. Raises NotFound.

    While a release goes out, revisions of both serve (docs/decisions/0012): a page of one may ask the other for its
    files, and so does a page that was open, or kept, before.
    """
    found = _by_address().get(PREFIX + name)
    if found:
        return Asset(found.content, found.content_type)
    ours = _by_name().get(_VERSION.sub("", PREFIX + name))
    if ours is None or not _VERSION.search(name):
        raise NotFound
    return Asset(ours.content, ours.content_type, cache_control="no-store")


def named(name: str) -> StaticFile:
    """A file by its name in the folder, for those few that need an address of their own."""
    return _files()[name]


@lru_cache(maxsize=1)
def _by_address() -> dict[str, StaticFile]:
    return {each.url: each for each in _files().values()}


@lru_cache(maxsize=1)
def _by_name() -> dict[str, StaticFile]:
    """The files by their addresses without the hash."""
    return {_VERSION.sub("", each.url): each for each in _files().values()}
