"""Errors of the API as RFC 9457 problem documents.

    Problem                 anything a caller is told
    ├── Malformed           400  the request can't be read
    ├── NotSignedIn         401
    ├── Forbidden           403
    ├── NotFound            404  not there, or not yours: the answer doesn't tell which
    ├── ContentTooLarge            413
    ├── UnsupportedMediaType           415
    ├── Invalid             422  read, but a field is wrong
    └── TryAgain            503  our side; with Retry-After

A package declares its own refusals beside the operation that raises them: the docstring is the sentence
the caller reads, so it says what to do next.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar


class Problem(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int | None = None, **members: Any) -> None:
        self.detail = detail or _sentence(type(self))
        self.retry_after_seconds = retry_after_seconds
        self.members = members
        """Further fields of the document, for example `available` of sold-out."""
        super().__init__(self.detail)

    def document(self, correlation_id: str) -> dict[str, Any]:
        """The JSON body of the answer (docs/reference/api.md)."""
        return {
            "type": f"/problems/{self.slug}",
            "title": _title(self.slug),
            "status": self.status,
            "detail": self.detail,
            "instance": correlation_id,
            **self.members,
        }


class Malformed(Problem):
    """The request could not be read. Send a JSON object."""

    status, slug = 400, "malformed-request"


class NotSignedIn(Problem):
    """Sign in first, and send the access token as `Authorization: Bearer ...`."""

    status, slug = 401, "not-signed-in"


class AccountGone(NotSignedIn):
    """This account is no longer there. Sign in with another one, or register again."""


class Forbidden(Problem):
    """Your account may not do this."""

    status, slug = 403, "forbidden"


class NotFound(Problem):
    """There is nothing here that you may see. Check the address."""

    status, slug = 404, "not-found"


class MethodNotAllowed(Problem):
    """This address does not take that method."""

    status, slug = 405, "method-not-allowed"


class ContentTooLarge(Problem):
    """The request is too large. Send less than 1 MB."""

    status, slug = 413, "too-large"


class UnsupportedMediaType(Problem):
    """Send the body as application/json."""

    status, slug = 415, "wrong-content-type"


class Invalid(Problem):
    """Some fields are not right. Correct the ones listed and send the request again."""

    status, slug = 422, "invalid"

    @classmethod
    def field(cls, name: str, message: str) -> "Invalid":
        """One wrong field, for checks that a type alone can't express."""
        return cls(errors=[{"field": name, "message": message}])


class IdempotencyMismatch(Problem):
    """This Idempotency-Key was used with another request. Choose a new key for a new request."""

    status, slug = 422, "idempotency-mismatch"


class TryAgain(Problem):
    """We can't answer right now. Nothing was lost; try again in a moment."""

    status, slug = 503, "try-again"

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 2, **members: Any) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds, **members)


ACCOUNT_IS_THERE = "account_is_there"
"""The constraint against whatever a deleted account would still do with a token that has not expired (UM-009)."""
NOT_NULL = "23502"
"""PostgreSQL's code for a NULL where none may be."""


def violated_constraint(error: BaseException) -> str | None:
    """The name of the database constraint behind a driver's error, or None.

    The schema is the last line of defence: a package maps the name of its constraint to its own refusal.
    """
    return _server_fields(error).get("n")


def refused_by_schema(error: BaseException) -> bool:
    """True if a constraint refused the statement, or a value did not fit (SQLSTATE classes 23 and 22).

    pg8000 has one exception for most of what the server says, so its class doesn't tell.
    """
    return (violation(error) or "").startswith(("22", "23"))


def violation(error: BaseException) -> str | None:
    """The SQLSTATE behind a driver's error (PostgreSQL manual, appendix A), or None where it isn't the server's."""
    return _server_fields(error).get("C")


def _server_fields(error: BaseException) -> Mapping[str, str]:
    cause = getattr(error, "orig", None) or error
    fields: Any = cause.args[0] if cause.args else None
    return fields if isinstance(fields, Mapping) else {}


def _sentence(kind: type[Problem]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _title(slug: str) -> str:
    return re.sub("-", " ", slug).capitalize()
