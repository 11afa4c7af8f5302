"""Authentication and authorization of callers. A handler declares its guard by the type of a parameter.

A token is verified in two steps: `admit` reads the headers only, so that a caller is rate-limited before any query;
`confirm` reads the database where the role gives access to others' data, or the route requires a fresh proof. A
customer's token gives no such access, and the schema refuses writes of a deleted customer (migration 0015).
"""

from dataclasses import dataclass
from typing import Annotated

from flask import Request

from shared.cloud.database import transaction
from shared.identity import principals, tokens
from shared.identity.principals import SecondFactorRequired
from shared.identity.tokens import Principal
from shared.problems import Forbidden, NotFound, NotSignedIn
from shared.web import cookie_mode, cookies, csrf

_EVERYBODY = frozenset({"customer", "organizer", "staff", "admin"})
_BUYERS = frozenset({"customer", "organizer", "admin"})
_ORGANIZERS = frozenset({"organizer", "admin"})
_ADMINS = frozenset({"admin"})


@dataclass(frozen=True)
class Access:
    """The roles that may call, whether anonymous callers may too, and which proof of who they are is required.

    With `is_hidden`, callers with another role get NotFound. `needs_step_up`: an admin's authentication must be a
    recent one, as money moves. `records`: for a GET that records that something was shown, such as a voucher, which
    can't be given back then: no link of another site may lead a browser there.
    """

    roles: frozenset[str]
    anonymous: bool = False
    needs_fresh_proof: bool = False
    is_hidden: bool = False
    needs_step_up: bool = False
    records: bool = False

    @property
    def is_for_admins_only(self) -> bool:
        """True if only admins may call."""
        return self.roles == _ADMINS

    def admit(self, request: Request) -> Principal | None:
        """Authenticate the caller by the request's bearer token, or else by its cookie.

        Raises NotSignedIn, Forbidden or NotFound for another role, and CsrfRefused where a cookie may have been sent by
        another site.
        """
        given = request.headers.get("Authorization", "")
        principal = _bearer(given) if given else _browser(request)
        if principal and self.records and not given:
            csrf.check_navigation(request)
        if principal is None:
            if self.anonymous:
                return None
            raise NotSignedIn
        self._check_role(principal)
        return principal

    def confirm(self, claimed: Principal) -> Principal:
        """Check an admitted caller in the database.

        Raises AccountGone, SessionEnded, Forbidden or NotFound for another role, SecondFactorRequired, and
        FreshProofRequired.
        """
        if claimed.role == "customer" and not self.needs_fresh_proof:
            return claimed
        with transaction() as tx:
            principal = principals.refresh(tx, claimed)
        if principal.lacks_second_factor and principal.role not in self.roles:
            raise SecondFactorRequired
        self._check_role(principal)
        if self.needs_fresh_proof:
            principals.require_fresh_proof(principal)
        if self.needs_step_up:
            principals.require_step_up(principal)
        return principal

    def _check_role(self, principal: Principal) -> None:
        if principal.role not in self.roles:
            raise NotFound if self.is_hidden else Forbidden


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


SignedIn = Annotated[Principal, Access(_EVERYBODY)]
SignedInHere = Annotated[Principal, Access(_EVERYBODY, records=True)]
Buyer = Annotated[Principal, Access(_BUYERS)]
Organizer = Annotated[Principal, Access(_ORGANIZERS)]
GateStaff = Annotated[Principal, Access(frozenset({"staff", "organizer", "admin"}))]
Admin = Annotated[Principal, Access(_ADMINS)]
AdminOfDesk = Annotated[Principal, Access(_ADMINS, is_hidden=True)]
"""An admin on the admin desk, whose pages are NotFound for anybody else who is signed in."""
FreshlyProvenBuyer = Annotated[Principal, Access(_BUYERS, needs_fresh_proof=True)]
FreshlyProvenOrganizer = Annotated[Principal, Access(_ORGANIZERS, needs_fresh_proof=True)]
FreshlyProvenAdmin = Annotated[Principal, Access(_ADMINS, needs_fresh_proof=True)]
"""Callers who have authenticated in the last five minutes, for operations that a stolen token must not allow."""
SteppedUpAdmin = Annotated[Principal, Access(_ADMINS, needs_step_up=True)]
SteppedUpAdminOfDesk = Annotated[Principal, Access(_ADMINS, is_hidden=True, needs_step_up=True)]
OrganizerOrSteppedUpAdmin = Annotated[Principal, Access(_ORGANIZERS, needs_step_up=True)]
SignedInOrSteppedUpAdmin = Annotated[Principal, Access(_EVERYBODY, needs_step_up=True)]
"""Callers of operations that move money, or what it buys: an admin has authenticated in the last fifteen minutes."""
Viewer = Annotated[Principal | None, Access(_EVERYBODY, anonymous=True)]
"""Any caller; the principal where they are signed in."""
