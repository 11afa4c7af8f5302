"""Sign-in with Google: finding, linking or creating the account of a Google identity (UM-003)."""

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction, transaction
from shared.field_types import Trimmed
from shared.identity import gate_assignments, google_nonces, google_tokens, people, second_factor_sign_in, staff
from shared.identity.accounts import TERMS_VERSION, TermsNotAccepted
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.google_nonces import GoogleNonceResponse
from shared.identity.google_tokens import GoogleIdentity, GoogleSignInOff, GoogleTokenInvalid
from shared.identity.people import Person
from shared.identity.second_factor_sign_in import SecondFactorChallenge
from shared.identity.sessions import Tokens
from shared.models import RequestModel
from shared.problems import Problem

PROVIDER = "google"


class GoogleSignIn(RequestModel):
    """The result of Google's sign-in button. The first sign-in creates an account, and must accept the terms."""

    id_token: Annotated[str, Field(min_length=1, max_length=8192, repr=False), Trimmed]
    nonce: Annotated[str, Field(min_length=1, max_length=255), Trimmed] | None = None
    accept_terms: bool = False
    language: Literal["id", "en"] = "id"


class AccountNotLinked(Problem):
    """This address has an account that we can't link to Google. Sign in with its password.

    If you never verified the address or forgot the password, ask for a code to choose a new one.
    """

    status, slug = 409, "account-not-linked"


PROBLEMS = (GoogleTokenInvalid, GoogleSignInOff, AccountNotLinked, TermsNotAccepted, SecondFactorChallenge)
"""The refusals of a sign-in with Google."""

# Uses index: users_oauth
_LOCK = text(f"""
    SELECT {people.COLUMNS} FROM users
    WHERE oauth_provider = :provider AND oauth_id = :subject AND NOT is_deleted FOR NO KEY UPDATE
""")
_LINK = text("""
    UPDATE users SET oauth_provider = :provider, oauth_id = :subject, updated_at = now()
    WHERE id = :id AND is_email_verified AND oauth_id IS NULL
    RETURNING id
""")
_CREATE = text(f"""
    INSERT INTO users (email, full_name, role, language, is_email_verified, oauth_provider, oauth_id,
        terms_version, terms_accepted_at)
    VALUES (:email, :full_name, 'customer', :language, true, :provider, :subject, :terms_version, now())
    ON CONFLICT DO NOTHING
    RETURNING {people.COLUMNS}
""")
_CONVERT_INVITED = text(f"""
    UPDATE users
    SET full_name = :full_name, role = 'customer', organizer_id = NULL, language = :language, is_email_verified = true,
        oauth_provider = :provider, oauth_id = :subject, terms_version = :terms_version, terms_accepted_at = now(),
        updated_at = now()
    WHERE email = :email AND role = 'staff' AND NOT is_email_verified AND NOT is_deleted AND :owns_address
    RETURNING {people.COLUMNS}
""")


# Uses index: used_id_tokens_pkey
_USE = text("""
    INSERT INTO used_id_tokens (token_hash, expires_at) VALUES (:token_hash, to_timestamp(:expires_at))
    ON CONFLICT (token_hash) DO NOTHING
    RETURNING token_hash
""")


def nonce(client: ClientNetwork) -> GoogleNonceResponse:
    """A nonce for Google's sign-in button. Raises GoogleSignInOff."""
    if not google_tokens.client_ids():
        raise GoogleSignInOff
    return google_nonces.issue(client.google_key)


def sign_in(request: GoogleSignIn, client: ClientNetwork = UNKNOWN_CLIENT) -> Tokens:
    """Sign in by a Google ID token. Fetches Google's keys first, so it opens its own transaction.

    A token signs in once; after a refusal it may be sent again, for example with the terms accepted.
    Raises what google_tokens.verify raises, TermsNotAccepted, AccountNotLinked, and SecondFactorChallenge.
    """
    identity = google_tokens.verify(request.id_token, request.nonce, client)
    with transaction() as tx:
        person = _find_account(tx, identity) or _create_account(tx, identity, request)
        # The account may have been created concurrently: then it is found now.
        person = person or _find_account(tx, identity)
        if person is None:
            raise AccountNotLinked
        _mark_used(tx, identity)
        begun = second_factor_sign_in.begin(tx, person, by="google")
    return second_factor_sign_in.tokens_or_raise(begun)


def _mark_used(tx: Transaction, identity: GoogleIdentity) -> None:
    for each in identity.used:
        if tx.execute(_USE, {"token_hash": each, "expires_at": identity.expires_at}).first() is None:
            raise GoogleTokenInvalid("This sign-in has been used already. Sign in with Google again.")


def _find_account(tx: Transaction, identity: GoogleIdentity) -> Person | None:
    """The account of this identity, or of its address, which is linked to it.

    None too where the address was only invited to a gate: its owner takes that account over.
    """
    if person := _find_linked(tx, identity):
        return person
    person = people.lock_by_email(tx, identity.email)
    if person is None or (identity.owns_address and staff.is_only_invited(person)):
        return None
    # Another request may have created it in between: then it is linked already.
    if _find_linked(tx, identity) is None:
        _link(tx, person, identity)
    return person


def _find_linked(tx: Transaction, identity: GoogleIdentity) -> Person | None:
    """The account that is linked to this identity, locked."""
    row = tx.execute(_LOCK, {"provider": PROVIDER, "subject": identity.subject}).first()
    return Person(*row) if row else None


def _link(tx: Transaction, person: Person, identity: GoogleIdentity) -> None:
    """Link an account to its owner's Google identity. Raises AccountNotLinked unless both sides prove the address.

    Our proof is a code. Google's proof counts where Google hosts the mailbox: elsewhere the address may have gone to
    another person since Google verified it.
    """
    names = {"provider": PROVIDER, "subject": identity.subject, "id": person.id}
    if not identity.owns_address or tx.execute(_LINK, names).first() is None:
        raise AccountNotLinked
    audit.record(tx, "user.google_linked", subject="user", subject_id=person.id, actor_id=person.id)


def _create_account(tx: Transaction, identity: GoogleIdentity, request: GoogleSignIn) -> Person | None:
    """Create an account; None where one was created concurrently. Raises TermsNotAccepted."""
    if not request.accept_terms:
        raise TermsNotAccepted
    values = {
        "email": identity.email,
        "full_name": identity.full_name,
        "language": request.language,
        "provider": PROVIDER,
        "subject": identity.subject,
        "terms_version": TERMS_VERSION,
    }
    row = tx.execute(_CREATE, values).first()
    if row:
        return Person(*row)
    row = tx.execute(_CONVERT_INVITED, {**values, "owns_address": identity.owns_address}).first()
    if row is None:
        return None
    person = Person(*row)
    gate_assignments.remove_all(tx, person.id)
    return person
