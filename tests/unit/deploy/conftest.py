"""A gcloud that knows a few services, and remembers what it was asked; and a site that answers as told."""

import json
import re
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
{ printf '%s\\n' "$@" ""; } >> "$folder/asked"
case "$*" in
"auth print-access-token "*) echo '{"token": "of-the-build"}' ;;
"run services list "*) cat "$folder/list" ;;
"run services update"*)
    case " $(cat "$folder/refused") " in *" $4 "*) echo permission denied >&2; exit 1 ;; esac ;;
*) cat "$folder/$(printf %s "$1 $2 $3 ${4%%=*}" | tr ' /:@' '____')" 2> /dev/null || exit 1 ;;
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

    def holds(self, services: dict[str, dict], annotations: dict[str, dict[str, str]] | None = None) -> None:
        listed = [
            {"metadata": {"name": name, "annotations": (annotations or {}).get(name, {})}, "status": status}
            for name, status in services.items()
        ]
        (self._folder / "list").write_text(json.dumps(listed))

    def answers(self, command: str, answer: object) -> None:
        """Say this to a command, by its first four words, without the value of an option."""
        (self._folder / re.sub("[ /:@]", "_", command)).write_text(json.dumps(answer))

    def refuses(self, *services: str) -> None:
        (self._folder / "refused").write_text(" ".join(services))

    def changes(self) -> list[list[str]]:
        """The service and the option of each update, by service: they are made at the same time."""
        return sorted(words[3:5] for words in self.asked() if words[2:3] in (["update-traffic"], ["update"]))

    def has_been_asked(self) -> bool:
        return (self._folder / "asked").exists()

    def asked(self) -> list[list[str]]:
        return [words.split("\n") for words in (self._folder / "asked").read_text().split("\n\n")]


@pytest.fixture
def gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gcloud:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Gcloud(tmp_path)


@contextmanager
def a_site(answer: Callable[[Request], Response]) -> Iterator[str]:
    """The address of a server that answers so."""
    server = make_server("127.0.0.1", 0, Request.application(answer), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
