"""A gcloud that knows a few services, and remembers what it was asked; and a site that answers as told."""

import json
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

SCRIPT = """#!/bin/sh
folder=${0%/*}
printf '%s\\n' "$@" "" >> "$folder/asked"
case "$*" in
"auth print-access-token "*) echo '{"token": "of-the-build"}' ;;
"run services list "*) cat "$folder/list" ;;
"run services describe "*) cat "$folder/$4.service" ;;
"run services update-traffic "*)
    case " $(cat "$folder/refused") " in *" $4 "*) echo permission denied >&2; exit 1 ;; esac ;;
esac
"""
"""A shell's, as it is called hundreds of times: Python takes twenty times as long to start."""


class Gcloud:
    """The state of the cloud, and the commands it was given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        script = folder / "gcloud"
        script.write_text(SCRIPT)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.refuses()

    def holds(self, services: dict[str, dict]) -> None:
        (self._folder / "list").write_text(json.dumps([{"metadata": {"name": name}} for name in services]))
        for name, status in services.items():
            (self._folder / f"{name}.service").write_text(json.dumps({"status": status}))

    def refuses(self, *services: str) -> None:
        (self._folder / "refused").write_text(" ".join(services))

    def changes(self) -> list[list[str]]:
        asked = [words.split("\n") for words in (self._folder / "asked").read_text().split("\n\n")]
        return [words[3:5] for words in asked if words[2:3] == ["update-traffic"]]


@pytest.fixture
def gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gcloud:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Gcloud(tmp_path)


@contextmanager
def a_site(answer: Callable[[Request], Response]) -> Iterator[str]:
    """The address of a server that answers so."""
    server = make_server("127.0.0.1", 0, Request.application(answer), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
