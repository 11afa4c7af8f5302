"""The common part of the simulated APIs: misbehaviour on demand around every call, and plain errors."""

import hmac
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, g, jsonify, request
from sqlalchemy import Engine

from infra.local.simulators import faults

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class ApiError(Exception):
    """A refusal in the gateway's own words."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def blueprint(name: str, gateway: str, engine: Engine) -> Blueprint:
    """A blueprint whose routes are API calls of ours: each first meets the misbehaviour arranged for it."""
    api = Blueprint(name, __name__)

    @api.before_request
    def misbehave() -> Response | None:
        g.misbehaviour = faults.take(engine, gateway)
        if g.misbehaviour is None or g.misbehaviour.takes_effect:
            return None
        g.misbehaviour.wait()
        return g.misbehaviour.answer() if g.misbehaviour.prevents else None

    @api.after_request
    def lose_the_answer(response: Response) -> Response:
        misbehaviour: faults.Misbehaviour | None = g.misbehaviour
        if misbehaviour is None or not misbehaviour.takes_effect:
            return response
        misbehaviour.wait()
        return misbehaviour.answer() if misbehaviour.loses_the_answer else response

    @api.errorhandler(ApiError)
    def refuse(error: ApiError) -> tuple[Response, int]:
        return jsonify(error.body), error.status

    return api


def has_basic_user(key: str) -> bool:
    """True if the call carries `key` as Basic user with an empty password. An empty key opens nothing."""
    login = request.authorization
    if login is None or login.type != "basic" or not key:
        return False
    return hmac.compare_digest((login.username or "").encode(), key.encode()) and not login.password


def json_object() -> dict[str, Any]:
    """The JSON object in the request, empty where there is none."""
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else {}


class Application:
    """A Flask application with its database pool, which sees whole paths wherever it is mounted.

    A leading `prefix` is left out of the paths.
    """

    def __init__(self, app: Flask, engine: Engine, prefix: str = "") -> None:
        self._app = app
        self._engine = engine
        self._prefix = prefix

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        whole = {**environ, "SCRIPT_NAME": "", "PATH_INFO": path.removeprefix(self._prefix) or "/"}
        return self._app(whole, start_response)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()
