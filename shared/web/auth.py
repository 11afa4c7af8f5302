"""Who is calling and whether they may. A handler says what it needs by the type of a parameter."""

from dataclasses import dataclass
from typing import Annotated

from werkzeug.datastructures import Headers

from shared.identity import tokens
from shared.identity.tokens import Principal
from shared.problems import Forbidden, NotSignedIn


@dataclass(frozen=True)
class Access:
    """The roles that may call, and whether a caller without a token may too."""

    roles: frozenset[str]
    anonymous: bool = False

    def admit(self, headers: Headers) -> Principal | None:
        """The caller behind the request's bearer token. Raises NotSignedIn or Forbidden."""
        given = headers.get("Authorization", "")
        if not given and self.anonymous:
            return None
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn
        principal = tokens.principal_of(token)
        if principal is None:
            raise NotSignedIn("The access token is not valid or has expired. Sign in again, or refresh it.")
        if principal.role not in self.roles:
            raise Forbidden
        return principal


_EVERYBODY = frozenset({"customer", "organizer", "staff", "admin"})

SignedIn = Annotated[Principal, Access(_EVERYBODY)]
Buyer = Annotated[Principal, Access(frozenset({"customer", "organizer", "admin"}))]
Organizer = Annotated[Principal, Access(frozenset({"organizer", "admin"}))]
GateStaff = Annotated[Principal, Access(frozenset({"staff", "organizer", "admin"}))]
Admin = Annotated[Principal, Access(frozenset({"admin"}))]
Viewer = Annotated[Principal | None, Access(_EVERYBODY, anonymous=True)]
"""Anybody; the principal where the caller is signed in."""
