"""People: finding and locking rows of `users`. Only this file locks them.

Every change of a person's password, codes or sessions locks their row first, so that these changes are serialized and
never deadlock. Deletion takes the strongest lock (`lock_for_deletion`), which also blocks new rows that refer to the
person.
"""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.problems import AccountGone

COLUMNS = "id, email, full_name, role, organizer_id, language, is_email_verified, password_hash"


@dataclass(frozen=True)
class Person:
    """An account that has not been deleted. `organizer_id` is the employer of gate staff, else None."""

    id: UUID
    email: str
    full_name: str
    role: str
    organizer_id: UUID | None
    language: str
    is_email_verified: bool
    password_hash: str | None = field(repr=False)

    @property
    def principal(self) -> Principal:
        """The principal of this person."""
        return Principal(self.id, self.role, self.id if self.role == "organizer" else self.organizer_id)


_GET = text(f"SELECT {COLUMNS} FROM users WHERE id = :id AND NOT is_deleted")
# Uses index: users_email
_FIND = text(f"SELECT {COLUMNS} FROM users WHERE email = :email AND NOT is_deleted")
_LOCK = text(f"SELECT {COLUMNS} FROM users WHERE id = :id AND NOT is_deleted FOR NO KEY UPDATE")
_LOCK_FOR_DELETION = text(f"SELECT {COLUMNS} FROM users WHERE id = :id AND NOT is_deleted FOR UPDATE")
_LOCK_BY_EMAIL = text(f"SELECT {COLUMNS} FROM users WHERE email = :email AND NOT is_deleted FOR NO KEY UPDATE")
_FIRST_PAYEE_NAME = text("""
    UPDATE users SET payee_name = COALESCE(payee_name, legal_name, full_name) WHERE id = :id AND payee_name IS NULL
""")
_PAYEE_NAME = text("UPDATE users SET payee_name = :name, updated_at = now() WHERE id = :id")


def find(tx: Transaction, email: str) -> Person | None:
    """The person with this address (in the form of EmailAddress), verified or not."""
    row = tx.execute(_FIND, {"email": email}).first()
    return Person(*row) if row else None


def get(tx: Transaction, user_id: UUID) -> Person | None:
    """The person as they are now, unlocked."""
    row = tx.execute(_GET, {"id": user_id}).first()
    return Person(*row) if row else None


def get_or_refuse(tx: Transaction, user_id: UUID) -> Person:
    """Like `get`. Raises AccountGone where the account was deleted."""
    person = get(tx, user_id)
    if person is None:
        raise AccountGone
    return person


def lock(tx: Transaction, user_id: UUID) -> Person | None:
    """Lock a person until `tx` ends; None where the account is gone."""
    row = tx.execute(_LOCK, {"id": user_id}).first()
    return Person(*row) if row else None


def lock_for_deletion(tx: Transaction, user_id: UUID) -> Person | None:
    """Like `lock`, to delete the person: concurrent inserts of theirs are either visible now or refused later.

    Their orders, events and other inserts wait until `tx` ends (migration 0015), so it must be short.
    """
    row = tx.execute(_LOCK_FOR_DELETION, {"id": user_id}).first()
    return Person(*row) if row else None


def lock_by_email(tx: Transaction, email: str) -> Person | None:
    """Like `lock`, by address."""
    row = tx.execute(_LOCK_BY_EMAIL, {"email": email}).first()
    return Person(*row) if row else None


def set_first_payee_name(tx: Transaction, user_id: UUID) -> None:
    """Set the payee name with a person's first bank account: their legal name, or else their full name."""
    tx.execute(_FIRST_PAYEE_NAME, {"id": user_id})


def set_payee_name(tx: Transaction, user_id: UUID, name: str) -> None:
    """Allow payouts of a person to accounts in this name, after an admin has checked it."""
    tx.execute(_PAYEE_NAME, {"id": user_id, "name": name})
