"""Who is calling and whether they may. A handler says what it needs by the type of a parameter.

A token is believed in two steps: `admit` reads the headers only, so that a caller can be counted before anything is
asked for them; `confirm` reads the database for everybody whose role gives rights over what is others', and for
everybody where a route needs a fresh proof. A customer's token gives no such right, and the schema refuses what a
deleted customer would still do (migration 0015).
"""

from dataclasses import dataclass
from typing import Annotated

from flask import Request

from shared.cloud.database import transaction
from shared.identity import principals, tokens
from shared.identity.tokens import Principal
from shared.problems import Forbidden, NotSignedIn
from shared.web import cookie_mode, cookies, csrf


@dataclass(frozen=True)
class Access:
    """The roles that may call, whether a caller without a token may too, and whether a fresh proof is asked for."""

    roles: frozenset[str]
    anonymous: bool = False
    needs_fresh_proof: bool = False

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

    def confirm(self, claimed: Principal) -> Principal:
        """An admitted caller as they are now. Raises AccountGone, SessionEnded, Forbidden, FreshProofRequired."""
        if claimed.role == "customer" and not self.needs_fresh_proof:
            return claimed
        with transaction() as tx:
            principal = principals.refresh(tx, claimed)
        if principal.role not in self.roles:
            raise Forbidden
        if self.needs_fresh_proof:
            principals.require_fresh_proof(principal)
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
    """The principal of the cookie. A cookie that is too old counts as none."""
    principal = tokens.principal_of(cookies.access_token(request) or "")
    if principal:
        csrf.check(request)
        cookie_mode.enable(request)
    return principal


_EVERYBODY = frozenset({"customer", "organizer", "staff", "admin"})
_BUYERS = frozenset({"customer", "organizer", "admin"})
_ORGANIZERS = frozenset({"organizer", "admin"})
_ADMINS = frozenset({"admin"})

SignedIn = Annotated[Principal, Access(_EVERYBODY)]
Buyer = Annotated[Principal, Access(_BUYERS)]
Organizer = Annotated[Principal, Access(_ORGANIZERS)]
GateStaff = Annotated[Principal, Access(frozenset({"staff", "organizer", "admin"}))]
Admin = Annotated[Principal, Access(_ADMINS)]
FreshlyProvenBuyer = Annotated[Principal, Access(_BUYERS, needs_fresh_proof=True)]
FreshlyProvenOrganizer = Annotated[Principal, Access(_ORGANIZERS, needs_fresh_proof=True)]
FreshlyProvenAdmin = Annotated[Principal, Access(_ADMINS, needs_fresh_proof=True)]
"""Who has proved in the last five minutes who they are, for what a stolen token must not do."""
Viewer = Annotated[Principal | None, Access(_EVERYBODY, anonymous=True)]
"""Anybody; the principal where the caller is signed in."""
