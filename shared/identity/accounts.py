"""Accounts, as registration and every way to sign in share them: the response, its mails, and failed attempts."""

import logging
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import Field, StringConstraints

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import Trimmed
from shared.identity import (
    codes,
    login_throttling,
    sessions,
)
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.codes import Code, Purpose
from shared.identity.people import Person
from shared.models import RequestModel, ResponseModel
from shared.problems import Problem

log = logging.getLogger(__name__)

TERMS_VERSION = "1"
"""The version of the terms and privacy policy that people accept now."""


Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{5,18}$", max_length=20), Trimmed]


class EmailCode(RequestModel):
    """An address and the code that was mailed to it."""

    email: EmailAddress
    code: Annotated[Code, Field(repr=False)]


class UserResponse(ResponseModel):
    """An account, for its owner."""

    id: UUID
    email: str
    full_name: str
    role: str
    is_email_verified: bool


class CodeSent(ResponseModel):
    """The response to a signed-in person who requests a code."""

    detail: str = "We have mailed a code to your address, or did a moment ago."


@dataclass(frozen=True)
class AccountEmail:
    """A mail for the caller to enqueue in the same transaction, as this package sends none itself."""

    template: Literal[
        "verify_email",
        "already_registered",
        "reset_password",
        "confirm_identity",
        "sign_in",
        "second_factor",
        "staff_invitation",
        "staff_address_taken",
    ]
    dedupe_key: str
    to: str
    language: str
    context: dict[str, Any]


class TermsNotAccepted(Problem):
    """You have no account yet. Accept the terms and the privacy policy (accept_terms: true) to open one."""

    status, slug = 422, "terms-not-accepted"


def record_failure(
    tx: Transaction,
    email: str,
    found: Person | None,
    client: ClientNetwork,
    *,
    by: sessions.SignInMethod,
    known: str | None = None,
) -> None:
    """Log and audit a wrong password or code, and count it against its budgets."""
    login_throttling.record_failure(tx, email, client, known=known)
    log.info("sign_in.failed", extra={"by": by, "is_known_device": known is not None})
    if found:
        audit.record_sampled(tx, "user.sign_in_failed", subject="user", subject_id=found.id, by=by)


def mail_code(
    tx: Transaction, person: Person, purpose: Purpose, client: ClientNetwork = UNKNOWN_CLIENT
) -> AccountEmail | None:
    """The mail with a new code for a locked person; None where the last one is less than a minute old."""
    code = codes.issue(tx, person.id, purpose, network=client.network)
    if code is None:
        return None
    context = {"code": code, "full_name": person.full_name}
    return AccountEmail(purpose, f"{purpose}:{person.id}:{uuid4()}", person.email, person.language, context)
