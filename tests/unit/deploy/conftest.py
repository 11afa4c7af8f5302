"""A gcloud that knows a few services, and remembers what it was asked; and a site that answers as told."""

import json
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

SCRIPT = (
    f"#!{sys.executable} -IS\n"
    + """
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
arguments = [word for word in sys.argv[1:] if word not in ("--quiet", "--format=json")]
with (folder / "asked").open("a") as asked:
    asked.write(json.dumps(arguments) + "\\n")
if arguments == ["auth", "print-access-token"]:
    print(json.dumps({"token": "of-the-build"}))
    sys.exit()
services = json.loads((folder / "services.json").read_text())
if arguments[2] == "update-traffic" and arguments[3] in (folder / "refused").read_text().split():
    sys.exit("permission denied")
if arguments[:3] == ["run", "services", "list"]:
    print(json.dumps([{"metadata": {"name": name}} for name in services]))
if arguments[:3] == ["run", "services", "describe"]:
    print(json.dumps({"status": services[arguments[3]]}))
"""
)


class Gcloud:
    """The state of the cloud, and the commands it was given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        script = folder / "gcloud"
        script.write_text(SCRIPT)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.refuses()

    def holds(self, services: dict[str, dict]) -> None:
        (self._folder / "services.json").write_text(json.dumps(services))

    def refuses(self, *services: str) -> None:
        (self._folder / "refused").write_text(" ".join(services))

    def changes(self) -> list[list[str]]:
        asked = [json.loads(line) for line in (self._folder / "asked").read_text().splitlines()]
        return [words[3:] for words in asked if words[2] == "update-traffic"]


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
