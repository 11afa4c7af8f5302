"""A local Cloud Storage for the unchanged client (STORAGE_EMULATOR_HOST), durable in the store.

The JSON API takes every caller for the project's own service account; what a browser may see is decided in
`storage_public`. The batch endpoint, POST policies, notifications, object versions and lifecycle rules are missing.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import sqlalchemy
from werkzeug import Request, Response

from infra.local.cloud import storage_public as public
from infra.local.cloud.storage_api import Call, error, route
from infra.local.cloud.storage_objects import StorageError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OF_AN_OBJECT = re.compile("/(?P<bucket>[^/]+)/(?P<name>.+)")


def application(engine: sqlalchemy.Engine) -> "WSGIApplication":
    """Cloud Storage as a WSGI application, to be mounted at the root of its host."""

    def serve(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        response = _respond(engine, Request(environ))
        return response(environ, start_response)

    return serve


def _respond(engine: sqlalchemy.Engine, request: Request) -> Response:
    path = _raw_path(request)
    served = route(request.method, path)
    of_an_object = _OF_AN_OBJECT.fullmatch(path)
    try:
        with engine.begin() as tx:
            if served:
                return served(Call(tx, request))
            if of_an_object:
                bucket, name = map(unquote, of_an_object.groups())
                return public.answer(tx, request, bucket, name)
            raise StorageError(404, "notFound", f"{request.method} {path} is not served here")
    except StorageError as problem:
        return error(problem) if served else public.error(problem)


def _raw_path(request: Request) -> str:
    """The path as it was sent: once decoded, a / within an object's name is any other."""
    sent = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI")
    return urlsplit(sent).path if sent else quote(request.path, safe="/~")
