"""Who is calling and whether they may. A handler says what it needs by the type of a parameter."""

from dataclasses import dataclass
from typing import Annotated

from flask import Request

from shared.identity import tokens
from shared.identity.tokens import Principal
from shared.problems import Forbidden, NotSignedIn
from shared.web import cookie_mode, cookies, csrf


@dataclass(frozen=True)
class Access:
    """The roles that may call, and whether a caller without a token may too."""

    roles: frozenset[str]
    anonymous: bool = False

    def admit(self, request: Request) -> Principal | None:
        """The caller behind the request's bearer token, or else behind its cookie.

        Raises NotSignedIn, Forbidden, and CsrfRefused where a cookie may have been sent by another site.
        """
        given = request.headers.get("Authorization", "")
        principal = _bearer(given) if given else _browser(request)
        if principal is None:
            if self.anonymous:
                return None
            raise NotSignedIn
        if principal.role not in self.roles:
            raise Forbidden
        return principal


def _bearer(given: str) -> Principal:
    scheme, _, token = given.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn
    principal = tokens.principal_of(token)
    if principal is None:
        raise NotSignedIn("The access token is not valid or has expired. Sign in again, or refresh it.")
    return principal


def _browser(request: Request) -> Principal | None:
    """Whom the cookie names. One that is too old names nobody: its browser has not asked to be refused for it."""
    principal = tokens.principal_of(cookies.access_token(request) or "")
    if principal:
        csrf.check(request)
        cookie_mode.choose(request)
    return principal


_EVERYBODY = frozenset({"customer", "organizer", "staff", "admin"})

SignedIn = Annotated[Principal, Access(_EVERYBODY)]
Buyer = Annotated[Principal, Access(frozenset({"customer", "organizer", "admin"}))]
Organizer = Annotated[Principal, Access(frozenset({"organizer", "admin"}))]
GateStaff = Annotated[Principal, Access(frozenset({"staff", "organizer", "admin"}))]
Admin = Annotated[Principal, Access(frozenset({"admin"}))]
Viewer = Annotated[Principal | None, Access(_EVERYBODY, anonymous=True)]
"""Anybody; the principal where the caller is signed in."""
