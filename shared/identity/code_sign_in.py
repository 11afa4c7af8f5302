"""Signing in by a mailed code, without a password (AUTH-1).

A person without account gets one once the code is entered and the terms are accepted, while asking or then. Nothing
tells who has an account: every address is answered, counted and mailed alike.

The code proves the address, and nothing that was filled in for it before. So an account that nobody has verified loses
the password, name and phone that somebody gave when they registered it. A password is set later by a reset.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import Field
from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction, transaction
from shared.field_types import plain_line
from shared.identity import (
    accounts,
    client_networks,
    code_mails,
    gate_assignments,
    login_throttling,
    people,
    second_factor_sign_in,
    sign_in_codes,
)
from shared.identity.accounts import TERMS_VERSION, AccountEmail, TermsNotAccepted
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.people import Person
from shared.identity.second_factor_sign_in import SecondFactorChallenge
from shared.identity.sessions import Tokens
from shared.identity.sign_in_codes import SignInCode
from shared.models import RequestModel, ResponseModel
from shared.problems import TryAgain


class SignInCodeRequest(RequestModel):
    """The address to mail a code to. With `accept_terms` the code creates an account where there is none."""

    email: EmailAddress
    accept_terms: bool = False
    language: Literal["id", "en"] = "id"


class SignInProof(RequestModel):
    """The mailed code. The rest is for an account that it opens; the name may be given later.

    An account needs `accept_terms`, here or in the request for the code; after that refusal the code is still valid.
    """

    email: EmailAddress
    code: Annotated[SignInCode, Field(repr=False)]
    accept_terms: bool = False
    full_name: Annotated[str, plain_line(255)] | None = None
    language: Literal["id", "en"] = "id"


class SignInCodeSent(ResponseModel):
    """The response to whoever asks for a code to sign in, the same for every address."""

    detail: str = "We have mailed a code to this address, or did a moment ago."


PROBLEMS = (CodeInvalid, TermsNotAccepted, TooManyAttempts, SecondFactorChallenge)
"""The refusals of a sign-in by code."""

# Uses index: users_email
_OPEN = text(f"""
    INSERT INTO users (email, full_name, role, language, is_email_verified, terms_version, terms_accepted_at)
    VALUES (:email, :full_name, 'customer', :language, true, :terms_version, :terms_accepted_at)
    ON CONFLICT (email) WHERE NOT is_deleted DO UPDATE
    SET full_name = excluded.full_name, phone = NULL, password_hash = NULL, organizer_id = NULL,
        role = CASE users.role WHEN 'staff' THEN 'customer' ELSE users.role END, language = excluded.language,
        is_email_verified = true, terms_version = excluded.terms_version,
        terms_accepted_at = excluded.terms_accepted_at, updated_at = now()
    WHERE NOT users.is_email_verified
    RETURNING {people.COLUMNS}
""")


def send_code(
    request: SignInCodeRequest, client: ClientNetwork, mail: Callable[[Transaction, AccountEmail | None], None]
) -> None:
    """Mail a code to sign in with: `mail` is given what to send, in the same transaction. Raises TooManyAttempts.

    Nothing is sent where a code was mailed a moment ago.
    """
    with transaction() as tx:
        found = people.find(tx, request.email)
        known = client_networks.known_device(tx, client, found.id) if found else None
        sign_in_codes.lock(tx, request.email)
        if code_mails.try_take(tx, request.email, client, known=known):
            mail(tx, _code_for(tx, request, found if found and found.is_email_verified else None, client))


def sign_in(proof: SignInProof, client: ClientNetwork = UNKNOWN_CLIENT) -> Tokens:
    """Sign in by the mailed code.

    Raises CodeInvalid, TooManyAttempts, TermsNotAccepted, which spends no code, and SecondFactorChallenge, which does.
    """
    with transaction() as tx:
        found = people.find(tx, proof.email)
        known = client_networks.known_device(tx, client, found.id) if found else None
        login_throttling.count_attempt(
            tx, login_throttling.CODES, proof.email, client, known=known, checks_network=False
        )
    with transaction() as tx:
        person = people.lock_by_email(tx, proof.email)
        accepted_at = clock.now() if proof.accept_terms else sign_in_codes.terms_accepted_at(tx, proof.email)
        if sign_in_codes.redeem(tx, proof.email, proof.code, network=client.network):
            if person is None or not person.is_email_verified:
                person = open_proved(
                    tx,
                    email=proof.email,
                    full_name=proof.full_name,
                    language=proof.language,
                    accepted_at=accepted_at,
                )
            login_throttling.reset(tx, person.email, client, known=known)
            code_mails.reset(tx, person.email)
            if known is None:  # of a known device none was counted
                code_mails.restore(tx, client)
            begun = second_factor_sign_in.begin(tx, person, by="mailed code")
        else:
            begun = None
            accounts.record_failure(tx, proof.email, person, client, by="mailed code", known=known)
    if begun is None:
        raise CodeInvalid
    return second_factor_sign_in.tokens_or_raise(begun)


def _code_for(
    tx: Transaction, request: SignInCodeRequest, person: Person | None, client: ClientNetwork
) -> AccountEmail | None:
    """The mail with a new code, greeting who has an account; None where the last code is less than a minute old."""
    code = sign_in_codes.issue(tx, request.email, accepts_terms=request.accept_terms, network=client.network)
    if code is None:
        return None
    context = {"code": code, "full_name": person.full_name if person else ""}
    language = person.language if person else request.language
    return AccountEmail("sign_in", f"sign_in:{uuid4()}", request.email, language, context)


def open_proved(
    tx: Transaction, *, email: str, full_name: str | None, language: str, accepted_at: datetime | None
) -> Person:
    """The account of a proved address, new or registered and never verified. Raises TermsNotAccepted, TryAgain."""
    if accepted_at is None:
        raise TermsNotAccepted
    values = {
        "email": email,
        "full_name": full_name or email.partition("@")[0],
        "language": language,
        "terms_version": TERMS_VERSION,
        "terms_accepted_at": accepted_at,
    }
    row = tx.execute(_OPEN, values).first()
    if row is None:  # verified in this very moment
        raise TryAgain
    person = Person(*row)
    gate_assignments.remove_all(tx, person.id)
    return person
