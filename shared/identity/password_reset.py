"""Password reset by a mailed code (UM-006). No response reveals whether an address has an account.

A refusal commits, as it has spent an attempt, so this opens its own transactions.
"""

from typing import Annotated

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction, transaction
from shared.identity import (
    accounts,
    code_mails,
    codes,
    login_throttling,
    passwords,
    people,
    sessions,
)
from shared.identity.accounts import TERMS_VERSION, AccountEmail
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.codes import CodeInvalid, ResetCode
from shared.models import RequestModel, ResponseModel


class PasswordResetRequest(RequestModel):
    """The address of an account whose password was forgotten."""

    email: EmailAddress


class PasswordReset(RequestModel):
    """An address, the code that was mailed to it, and the new password."""

    email: EmailAddress
    code: Annotated[ResetCode, Field(repr=False)]
    password: passwords.NewPassword


class PasswordResetRequested(ResponseModel):
    """The response to a request for a password reset, the same for every address."""

    detail: str = "If this address has an account, we have mailed a code to it."


_NEW_PASSWORD = text("""
    UPDATE users
    SET password_hash = :password_hash, is_email_verified = true, oauth_provider = NULL, oauth_id = NULL,
        terms_version = COALESCE(terms_version, :terms_version),  -- of gate staff, who accept by this
        terms_accepted_at = COALESCE(terms_accepted_at, now()), updated_at = now()
    WHERE id = :id
""")


def forgot_password(
    tx: Transaction, asked: PasswordResetRequest, client: ClientNetwork = UNKNOWN_CLIENT
) -> AccountEmail | None:
    """The mail with a code to choose a new password; None where there is no account, or a code was sent just now.

    Raises TooManyAttempts.
    """
    code_mails.check_network(tx, client)
    person = people.lock_by_email(tx, asked.email)
    if not login_throttling.try_attempt(tx, login_throttling.MAILS["reset_password"], asked.email):
        return None
    code_mails.count(tx, client)  # addresses without account are counted too
    return accounts.mail_code(tx, person, "reset_password", client) if person else None


def reset_password(reset: PasswordReset, client: ClientNetwork = UNKNOWN_CLIENT) -> None:
    """Choose a new password with the code, and end every session of the account. Raises CodeInvalid, TooManyAttempts.

    The code came by mail, so the address is verified too. A link to Google is removed with the old password, in case it
    was a stranger's; where Google hosts the mailbox, the next sign-in links it again.
    """
    with transaction() as tx:
        login_throttling.count_attempt(tx, login_throttling.CODES, reset.email, client, checks_network=False)
    password_hash = passwords.hash_password(reset.password)
    with transaction() as tx:
        person = people.lock_by_email(tx, reset.email)
        if person and codes.redeem(tx, person.id, "reset_password", reset.code, network=client.network):
            names = {"id": person.id, "password_hash": password_hash, "terms_version": TERMS_VERSION}
            tx.execute(_NEW_PASSWORD, names)
            login_throttling.reset(tx, person.email, client)
            code_mails.restore(tx, client)
            sessions.end_all(tx, person)
            audit.record(tx, "user.password_reset", subject="user", subject_id=person.id, actor_id=person.id)
            return
        accounts.record_failure(tx, reset.email, person, client, by="mailed code")
    raise CodeInvalid
