"""Google's own Java emulators, where the machine has them."""

import contextlib
import functools
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.local.layout import free_port

_STARTS_WITHIN_SECONDS = 60.0
_BRIEFLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""A process that lives for seconds is not worth optimizing: two thirds of the processor time."""


class Missing(LookupError):
    """The emulator is not on this machine; says what is not there."""


@contextlib.contextmanager
def pubsub(folder: Path) -> Iterator[str]:
    """Run the Pub/Sub emulator; gives host:port. Raises Missing."""
    jar = _find("pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar")
    with _running(["-Xmx512m", "-jar", str(jar)], folder / "pubsub.log") as address:
        yield address


@contextlib.contextmanager
def firestore(folder: Path) -> Iterator[str]:
    """Run the Firestore emulator; gives host:port. Raises Missing."""
    jar = _find("cloud-firestore-emulator/cloud-firestore-emulator.jar")
    main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
    with _running(["-Duser.language=en", "-cp", str(jar), main, "start"], folder / "firestore.log") as address:
        yield address


def _find(pattern: str) -> Path:
    jars = sorted((_sdk_root() / "platform").glob(pattern))
    if not jars:
        raise Missing(f"no {pattern} in the Google Cloud SDK")
    if shutil.which("java") is None:
        raise Missing("no java on the PATH")
    return jars[-1]


@functools.cache
def _sdk_root() -> Path:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        raise Missing("no gcloud on the PATH")
    command = [gcloud, "info", "--format=value(installation.sdk_root)"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if said.returncode:
        raise Missing("gcloud does not tell where its SDK is")
    return Path(said.stdout.strip())


@contextlib.contextmanager
def _running(arguments: Sequence[str], log_file: Path) -> Iterator[str]:
    port = free_port()
    with log_file.open("w") as log:
        command = ["java", *_BRIEFLY, *arguments, "--host=127.0.0.1", f"--port={port}"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise Missing("the emulator did not start")
