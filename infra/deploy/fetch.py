"""Fetches and verifies the release archive that was approved: the first step of a release.

    python3 infra/deploy/fetch.py       ARTEFACT, SHA256, BUCKET, KEY from the environment

The archive is in the pipeline's own bucket, has the SHA-256 that the approver has seen, and is signed by the pipeline's
key. Only then is it unpacked in place of the working directory. Nothing is installed yet, so it needs only the standard
library, gcloud and openssl.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


class ArchiveRejected(RuntimeError):
    """The archive is not what the pipeline has proven; the message says why."""


def fetch(artefact: str, sha256: str, *, bucket: str, key: str, into: Path) -> None:
    """Replace the files in `into` by those of the archive. Raises ArchiveRejected, and CalledProcessError of gcloud."""
    if not re.fullmatch(rf"gs://{re.escape(bucket)}/[0-9a-f]{{40}}/[0-9a-f-]{{36}}\.tar\.gz", artefact):
        raise ArchiveRejected(f"{artefact!r} is no archive of the pipeline's bucket")
    with tempfile.TemporaryDirectory() as folder:
        archive, signature, public_key = (Path(folder, name) for name in ("archive", "signature", "key.pem"))
        _gcloud("storage", "cp", artefact, str(archive))
        _gcloud("storage", "cp", f"{artefact}.sig", str(signature))
        found = _digest(archive)
        if found != sha256:
            raise ArchiveRejected(f"the archive's SHA-256 is {found}, approved was {sha256!r}")
        _gcloud("kms", "keys", "versions", "get-public-key", key, f"--output-file={public_key}")
        _verify(archive, signature, public_key)
        _empty(into)
        subprocess.run(["tar", "-xzf", str(archive), "-C", str(into)], check=True)


def _gcloud(*arguments: str) -> None:
    subprocess.run(["gcloud", *arguments, "--quiet"], check=True)


def _digest(archive: Path) -> str:
    with archive.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _verify(archive: Path, signature: Path, public_key: Path) -> None:
    command = ["openssl", "dgst", "-sha256", "-verify", str(public_key), "-signature", str(signature), str(archive)]
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        raise ArchiveRejected("the pipeline has not signed this archive")


def _empty(folder: Path) -> None:
    for each in folder.iterdir():
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()


def main() -> int:
    """Fetch what the environment names; 1 where it is refused."""
    environment = os.environ
    try:
        fetch(
            environment["ARTEFACT"],
            environment["SHA256"],
            bucket=environment["BUCKET"],
            key=environment["KEY"],
            into=Path.cwd(),
        )
    except ArchiveRejected as refusal:
        print(f"Not released: {refusal}.")
        return 1
    print(f"{environment['ARTEFACT']} is signed, and the one that was approved.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
