"""The image of a commit: found, scanned, attested; and the one that serves.

    python3 -m infra.deploy.image find      COMMIT, BUILT, IMAGE: writes `.commit` and, by digest, `.image`
    python3 -m infra.deploy.image scan      a critical vulnerability of `.image` that has a fix is an error
    python3 -m infra.deploy.image attest    ATTESTOR, KEY: says that the pipeline has proven `.image`
    python3 -m infra.deploy.image serving   prints the image that all functions serve, for an apply by hand

BUILT and IMAGE are addresses without tag: where the image was put when it was built, or released before, and where this
environment keeps it. It needs only the standard library and gcloud, as nothing is installed yet.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.deploy.gcloud import gcloud

FOUND = Path(".image")
COMMIT = Path(".commit")
PATIENCE_SECONDS = 1800
"""The longest time that the image build of the same commit takes (infra/deploy/image.yaml)."""
LOOK_EVERY_SECONDS = 20


class ImageRejected(RuntimeError):
    """There is no such image, or it may not be released; the message says why."""


def find(commit: str, *, built: str, image: str, wait: Callable[[float], None] = time.sleep) -> str:
    """The image of a commit, by digest, as it is named in this environment. Raises ImageRejected.

    An image that is built here is waited for; one of another environment must have been released there.
    """
    waited = 0
    while (digest := _digest(f"{built}:{commit}")) is None:
        if built != image:
            raise ImageRejected(f"{commit} is not among the released images of {built}")
        if waited >= PATIENCE_SECONDS:
            raise ImageRejected(
                f"the image of {commit} was not built within {PATIENCE_SECONDS} s: look at the build `image`"
            )
        wait(LOOK_EVERY_SECONDS)
        waited += LOOK_EVERY_SECONDS
    return f"{image}@{digest}"


def _digest(tagged: str) -> str | None:
    try:
        digest: str = gcloud("artifacts", "docker", "images", "describe", tagged)["image_summary"]["digest"]
    except subprocess.CalledProcessError:
        return None  # gcloud's message in the log tells whether it is missing or access is denied
    return digest


def scan(image: str) -> None:
    """Look for known vulnerabilities. Raises ImageRejected where a critical one has a fix."""
    scanned = gcloud("artifacts", "docker", "images", "scan", image, "--remote", "--location=asia")["response"]["scan"]
    found = gcloud("artifacts", "docker", "images", "list-vulnerabilities", scanned, "--location=asia") or []
    mended = sorted({_name(each) for each in found if _must_be_mended(each["vulnerability"])})
    print(f"{len(found)} known vulnerabilities, {len(mended)} of them critical and with a fix")
    if mended:
        raise ImageRejected(f"update what has {', '.join(mended)}: the base in the Dockerfile, or requirements.txt")


def _must_be_mended(vulnerability: Mapping[str, Any]) -> bool:
    issues = vulnerability.get("packageIssue", [])
    has_fix = vulnerability.get("fixAvailable") or any(issue.get("fixAvailable") for issue in issues)
    return vulnerability.get("effectiveSeverity") == "CRITICAL" and bool(has_fix)


def _name(occurrence: Mapping[str, Any]) -> str:
    return str(occurrence["noteName"]).rpartition("/")[2]


def attest(image: str, *, attestor: str, key: str) -> None:
    """Attest that the pipeline has proven this image, by the signature that Binary Authorization requires."""
    gcloud(
        "container", "binauthz", "attestations", "sign-and-create",
        f"--artifact-url={image}", f"--attestor={attestor}", f"--keyversion={key}",
    )  # fmt: skip


def serving() -> str:
    """The image of the revisions that have the traffic, whatever is newer. Raises ImageRejected for several."""
    images = {each["metadata"]["name"]: _image_of(each) for each in gcloud("run", "revisions", "list")}
    targets = [target for each in gcloud("run", "services", "list") for target in each["status"]["traffic"]]
    found = {images[target["revisionName"]] for target in targets if target.get("percent")}
    if len(found) != 1:
        raise ImageRejected(f"the functions serve {len(found)} images: {', '.join(sorted(found))}")
    return found.pop()


def _image_of(revision: Mapping[str, Any]) -> str:
    image: str = revision["spec"]["containers"][0]["image"]
    return image


def _find() -> None:
    environment = os.environ
    COMMIT.write_text(environment["COMMIT"], encoding="utf-8")
    FOUND.write_text(
        find(environment["COMMIT"], built=environment["BUILT"], image=environment["IMAGE"]), encoding="utf-8"
    )
    print(FOUND.read_text(encoding="utf-8"))


COMMANDS: Mapping[str, Callable[[], None]] = {
    "find": _find,
    "scan": lambda: scan(FOUND.read_text(encoding="utf-8")),
    "attest": lambda: attest(FOUND.read_text(encoding="utf-8"), attestor=os.environ["ATTESTOR"], key=os.environ["KEY"]),
    "serving": lambda: print(serving()),
}


def main() -> int:
    """Run the command; 1 if it is refused."""
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        print(__doc__)
        return 2
    try:
        COMMANDS[sys.argv[1]]()
    except ImageRejected as refusal:
        print(f"Refused: {refusal}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
