"""Signing in with Google: finding, linking or opening the account behind a Google identity (UM-003)."""

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction, transaction
from shared.identity import gate_assignments, google_nonces, google_tokens, people, sessions, staff
from shared.identity.accounts import TERMS_VERSION
from shared.identity.client_networks import NOWHERE, ClientNetwork
from shared.identity.google_nonces import GoogleNonceResponse
from shared.identity.google_tokens import GoogleIdentity, GoogleSignInOff, GoogleTokenInvalid
from shared.identity.people import Person
from shared.identity.sessions import Tokens
from shared.models import RequestModel, Trimmed
from shared.problems import Problem

PROVIDER = "google"


class GoogleSignIn(RequestModel):
    """The result of Google's sign-in button. The first sign-in opens an account, and accepts the terms."""

    id_token: Annotated[str, Field(min_length=1, max_length=8192, repr=False), Trimmed]
    nonce: Annotated[str, Field(min_length=1, max_length=255), Trimmed] | None = None
    accept_terms: bool = False
    language: Literal["id", "en"] = "id"


class TermsNotAccepted(Problem):
    """You have no account yet. Accept the terms and the privacy policy (accept_terms: true) to open one."""

    status, slug = 422, "terms-not-accepted"


class AccountNotLinked(Problem):
    """This address has an account that we can't link to Google. Sign in with its password.

    If you never verified the address or forgot the password, ask for a code to choose a new one.
    """

    status, slug = 409, "account-not-linked"


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
_OPEN = text(f"""
    INSERT INTO users (email, full_name, role, language, is_email_verified, oauth_provider, oauth_id,
        terms_version, terms_accepted_at)
    VALUES (:email, :full_name, 'customer', :language, true, :provider, :subject, :terms_version, now())
    ON CONFLICT DO NOTHING
    RETURNING {people.COLUMNS}
""")
_OPEN_INVITED = text(f"""
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


def nonce(place: ClientNetwork) -> GoogleNonceResponse:
    """A nonce for Google's sign-in button. Raises GoogleSignInOff."""
    if not google_tokens.client_ids():
        raise GoogleSignInOff
    return google_nonces.issue(place.google_key)


def sign_in(request: GoogleSignIn, place: ClientNetwork = NOWHERE) -> Tokens:
    """Sign in as whom Google says. Asks Google for its keys first, so it opens its own transaction.

    A token signs in once; who is refused may show it again, with the terms accepted perhaps.
    Raises what google_tokens.identity_in raises, TermsNotAccepted, and AccountNotLinked.
    """
    identity = google_tokens.identity_in(request.id_token, request.nonce, place)
    with transaction() as tx:
        person = _known(tx, identity) or _opened(tx, identity, request)
        # Somebody may have opened the account in this very moment: then it is known now.
        person = person or _known(tx, identity)
        if person is None:
            raise AccountNotLinked
        _use(tx, identity)
        return sessions.begin(tx, person, by="google")


def _use(tx: Transaction, identity: GoogleIdentity) -> None:
    for each in identity.used:
        if tx.execute(_USE, {"token_hash": each, "expires_at": identity.expires_at}).first() is None:
            raise GoogleTokenInvalid("This sign-in has been used already. Sign in with Google again.")


def _known(tx: Transaction, identity: GoogleIdentity) -> Person | None:
    """The account of this identity, or the one of its address, which is linked from now on.

    None too where who owns the address was only invited to a gate by it: that account becomes their own.
    """
    row = tx.execute(_LOCK, {"provider": PROVIDER, "subject": identity.subject}).first()
    if row:
        return Person(*row)
    person = people.lock_by_email(tx, identity.email)
    if person and identity.owns_address and staff.never_joined(person):
        return None
    if person:
        _link(tx, person, identity)
    return person


def _link(tx: Transaction, person: Person, identity: GoogleIdentity) -> None:
    """Link an account to its owner's Google identity. Raises AccountNotLinked unless both sides prove the address.

    Ours is proved by a code. Google's word counts where Google runs the mailbox: elsewhere the address
    may have gone to another person since Google saw it proved.
    """
    names = {"provider": PROVIDER, "subject": identity.subject, "id": person.id}
    if not identity.owns_address or tx.execute(_LINK, names).first() is None:
        raise AccountNotLinked
    audit.record(tx, "user.google_linked", subject="user", subject_id=person.id, actor_id=person.id)


def _opened(tx: Transaction, identity: GoogleIdentity, request: GoogleSignIn) -> Person | None:
    """A new account, or None where there has just come to be one. Raises TermsNotAccepted."""
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
    row = tx.execute(_OPEN, values).first()
    if row:
        return Person(*row)
    row = tx.execute(_OPEN_INVITED, {**values, "owns_address": identity.owns_address}).first()
    if row is None:
        return None
    person = Person(*row)
    gate_assignments.remove_all(tx, person.id)
    return person
