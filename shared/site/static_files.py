"""The pages' own files: each served under a name that holds its content's hash, so that it is kept for a year."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from shared.problems import NotFound
from shared.web.pages import Asset

FOLDER = Path(__file__).parent / "static"
SHARED_MODULE = "site.js"
"""The module that the others import."""
PREFIX = "/assets/"
"""Not /static/, which functions-framework's own server takes for itself."""
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class StaticFile:
    """A file and its address."""

    url: str
    content: bytes
    content_type: str


@lru_cache(maxsize=1)
def _files() -> dict[str, StaticFile]:
    shared = _file(FOLDER / SHARED_MODULE, {})
    others = [path for path in sorted(FOLDER.iterdir()) if path.is_file() and path.name != SHARED_MODULE]
    return {SHARED_MODULE: shared} | {path.name: _file(path, {SHARED_MODULE: shared.url}) for path in others}


def _file(path: Path, imported: dict[str, str]) -> StaticFile:
    """A file; the modules that it imports are called by their addresses."""
    content = path.read_bytes()
    for name, address in imported.items():
        content = content.replace(f'"./{name}"'.encode(), f'"{address}"'.encode())
    digest = hashlib.sha256(content).hexdigest()[:12]
    content_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(f"{PREFIX}{path.stem}.{digest}{path.suffix}", content, content_type)


def url(name: str) -> str:
    """The address of a file of the folder `static`. Raises KeyError for one that is not there."""
    return _files()[name].url


def served(name: str) -> Asset:
    """The file that an address names. Raises NotFound, also for the name of an older version."""
    found = _by_address().get(PREFIX + name)
    if found is None:
        raise NotFound
    return Asset(found.content, found.content_type)


def named(name: str) -> StaticFile:
    """A file by its name in the folder, for those few that need an address of their own."""
    return _files()[name]


@lru_cache(maxsize=1)
def _by_address() -> dict[str, StaticFile]:
    return {each.url: each for each in _files().values()}
