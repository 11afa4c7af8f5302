"""Password change, and the check of the current password before sensitive operations (UM-008, UM-009)."""

from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction, transaction
from shared.identity import login_throttling, passwords, people, second_factors, sessions
from shared.identity.people import Person
from shared.identity.sessions import Tokens
from shared.models import RequestModel
from shared.problems import NotSignedIn, Problem


class PasswordChange(RequestModel):
    """The current password and the new one."""

    current_password: passwords.GivenPassword
    new_password: passwords.NewPassword


class WrongPassword(Problem):
    """This is not your password. If you have none or forgot it, choose a new one by mail first."""

    status, slug = 422, "wrong-password"


_NEW_PASSWORD = text("UPDATE users SET password_hash = :password_hash, updated_at = now() WHERE id = :id")


def verify_password(user_id: UUID, password: str, session_id: UUID | None = None) -> Person:
    """Verify the current password of a person; return the person. Opens its own transaction, not around bcrypt.

    Attempts are counted by the caller's session, so that others' attempts do not throttle them. Raises WrongPassword,
    TooManyAttempts, or NotSignedIn where the account is gone.
    """
    with transaction() as tx:
        person = people.get(tx, user_id)
        if person is None:
            raise NotSignedIn
        login_throttling.count_attempt(
            tx, login_throttling.PASSWORDS, person.email, known=session_key(user_id, session_id)
        )
    if not passwords.matches(password, person.password_hash):
        raise WrongPassword
    return person


def session_key(user_id: UUID, session_id: UUID | None) -> str:
    """The key under which the attempts of a signed-in caller are counted."""
    return f"session {session_id or user_id}"


def lock_confirmed(tx: Transaction, confirmed: Person, session_id: UUID | None = None) -> Person:
    """Lock a person whose password was just verified. Raises WrongPassword where it has changed since."""
    person = people.lock(tx, confirmed.id)
    if person is None or person.password_hash != confirmed.password_hash:
        raise WrongPassword
    login_throttling.reset(tx, person.email, known=session_key(person.id, session_id))
    return person


def change(user_id: UUID, change: PasswordChange, session_id: UUID | None = None) -> Tokens:
    """Change the password and end every session; return the tokens of a new one.

    They are a fresh proof of who asks only where there is no second factor: the password alone doesn't stand for both.
    Raises what `verify_password` raises. Opens its own transactions.
    """
    confirmed = verify_password(user_id, change.current_password, session_id)
    password_hash = passwords.hash_password(change.new_password)
    with transaction() as tx:
        person = lock_confirmed(tx, confirmed, session_id)
        tx.execute(_NEW_PASSWORD, {"id": person.id, "password_hash": password_hash})
        sessions.end_all(tx, person)
        audit.record(tx, "user.password_changed", subject="user", subject_id=person.id, actor_id=person.id)
        is_fresh_proof = second_factors.find(tx, person.id) is None
        return sessions.start(tx, person, by="new password", is_fresh_proof=is_fresh_proof)
