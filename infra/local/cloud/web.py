"""The HTTP side of the local cloud: certificates, health, state, jobs, and Cloud Storage for all other paths."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Engine
from werkzeug import Response
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule

from infra.local.cloud import state
from infra.local.cloud.oidc import Signer
from infra.local.cloud.scheduler import Scheduler

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_ROUTES = Map(
    [
        Rule("/oidc/certs", endpoint="certificates", methods=["GET"]),
        Rule("/healthz", endpoint="health", methods=["GET"]),
        Rule("/state.json", endpoint="state", methods=["GET"]),
        Rule("/jobs/<name>/run", endpoint="run_job", methods=["POST"]),
    ]
)


class Web:
    """A WSGI application; what it does not know itself it leaves to `storage`."""

    def __init__(self, engine: Engine, signer: Signer, scheduler: Scheduler, storage: WsgiApplication) -> None:
        self._engine = engine
        self._signer = signer
        self._scheduler = scheduler
        self._storage = storage

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        try:
            endpoint, values = _ROUTES.bind_to_environ(environ).match()
        except NotFound:
            return self._storage(environ, start_response)
        except HTTPException as refusal:
            return refusal(environ, start_response)
        answer: Response = getattr(self, f"_{endpoint}")(**values)
        return answer(environ, start_response)

    def _certificates(self) -> Response:
        response = _json(self._signer.certificates)
        response.headers["Cache-Control"] = "public, max-age=3600"  # Google's say some hours too
        return response

    def _health(self) -> Response:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        return Response("ok\n", mimetype="text/plain")

    def _state(self) -> Response:
        return _json({**state.snapshot(self._engine), "jobs": self._scheduler.timetable()})

    def _run_job(self, name: str) -> Response:
        return _json({"fired": name}) if self._scheduler.run(name) else Response("no such job\n", status=404)


def _json(content: Any) -> Response:
    return Response(json.dumps(content), mimetype="application/json")
