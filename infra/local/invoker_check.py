"""The invoker check of Cloud Run, for the functions that only our own services call.

As the real one: no token or one of another account is refused (403), a token that does not hold is refused (401), and
what is let in goes on without its signature (docs/reference/google-cloud.md).
"""

import os
from collections.abc import Iterable
from typing import Any

import jwt
from werkzeug.wrappers import Response

from functions.manifest import Function
from infra.local.compression import Wsgi
from shared.cloud.settings import function_url, settings
from shared.gateways import google_keys

_ISSUER = "https://accounts.google.com"
_REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"


class _Refused(Exception):
    """The platform answers with this status, and the function hears nothing of it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def behind_iam(function: Function, application: Wsgi) -> Wsgi:
    """The function as the platform serves it: a public one to everybody, another to the invoker account alone."""
    return application if function.is_public else _for_the_invoker(function, application)


def _for_the_invoker(function: Function, application: Wsgi) -> Wsgi:
    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            token = _checked(environ.get("HTTP_AUTHORIZATION", ""), function_url(function.name))
        except _Refused as refused:
            return Response("Forbidden", refused.status, mimetype="text/html")(environ, start_response)
        return application(environ | {"HTTP_AUTHORIZATION": f"Bearer {_unsigned(token)}"}, start_response)

    return serve


def _checked(authorization: str, audience: str) -> str:
    """The caller's token. Raises _Refused."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise _Refused(403)
    try:
        key_id = str(jwt.get_unverified_header(token).get("kid"))
        key = google_keys.public_key(f"{os.environ['LOCAL_CLOUD_URL']}/oidc/certs", key_id)
        if key is None:
            raise _Refused(401)
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=_ISSUER)
    except jwt.PyJWTError as error:
        raise _Refused(401) from error
    if claims.get("email") != settings().invoker:
        raise _Refused(403)
    return token


def _unsigned(token: str) -> str:
    return f"{token.rpartition('.')[0]}.{_REMOVED}"
