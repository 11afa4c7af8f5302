"""Gate staff: accounts that an organizer creates for others, who choose their own password (GATE)."""

from typing import Annotated
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction
from shared.field_types import plain_line
from shared.identity import codes, erasure, login_throttling, people
from shared.identity.accounts import AccountEmail
from shared.identity.addresses import EmailAddress
from shared.identity.people import Person
from shared.models import RequestModel

INVITATION_DAYS = 3
"""The time for which the code of an invitation is valid. Later, invited staff request a password reset instead."""


class StaffInvitation(RequestModel):
    """An invitation to work at an organizer's gates."""

    email: EmailAddress
    full_name: Annotated[str, plain_line(255)]


# An existing row is locked; of who is invited again only the time changes, from which it is kept (privacy/retention).
# Uses index: users_email
_INSERT_OR_LOCK = text(f"""
    INSERT INTO users (email, full_name, role, organizer_id, language)
    SELECT :email, :full_name, 'staff', o.id, o.language FROM users o WHERE o.id = :organizer_id
    ON CONFLICT (email) WHERE NOT is_deleted DO UPDATE SET updated_at = CASE
        WHEN users.organizer_id = excluded.organizer_id AND NOT users.is_email_verified THEN now()
        ELSE users.updated_at END
    RETURNING {people.COLUMNS}
""")
# Nobody accepts terms for others, and the details that a stranger has filled in are dropped.
_TAKE_OVER = text(f"""
    UPDATE users
    SET full_name = :full_name, phone = NULL, role = 'staff', organizer_id = :organizer_id, password_hash = NULL,
        terms_version = NULL, terms_accepted_at = NULL, updated_at = now()
    WHERE id = :id
    RETURNING {people.COLUMNS}
""")


def invite(tx: Transaction, organizer_id: UUID, invited: StaffInvitation) -> tuple[Person | None, AccountEmail | None]:
    """The staff account of an address, new or existing, and the mail to enqueue.

    The account is None where the address belongs to somebody else, who is told by mail once a day, as the organizer
    must not learn who has an account. An unverified address goes to the latest invitation or registration, unless an
    unexpired code exists. No mail is sent to staff who have a password, or were invited just now (login_throttling).
    """
    values = {"email": invited.email, "full_name": invited.full_name, "organizer_id": organizer_id}
    person = Person(*tx.execute(_INSERT_OR_LOCK, values).one())
    if person.role == "staff" and person.organizer_id == organizer_id:
        return person, None if person.is_email_verified else _invitation(tx, person)
    if person.is_email_verified:
        return None, _address_taken(person)
    if codes.has_pending(tx, person.id):
        return None, None
    person = Person(*tx.execute(_TAKE_OVER, {**values, "id": person.id}).one())
    return person, _invitation(tx, person)


def lock(tx: Transaction, organizer_id: UUID, user_id: UUID) -> Person | None:
    """Lock a person of this organizer's staff, to dismiss them."""
    return _of(organizer_id, people.lock_for_deletion(tx, user_id))


def lock_by_email(tx: Transaction, organizer_id: UUID, email: str) -> Person | None:
    """Like `lock`, by address."""
    found = people.find(tx, email)
    return lock(tx, organizer_id, found.id) if found else None


def dismiss(tx: Transaction, person: Person) -> None:
    """Delete a staff account, which is of no use without its organizer, and erase its data."""
    erasure.erase(tx, person)


def is_only_invited(person: Person) -> bool:
    """True if a person was invited as staff but never joined. Such an account does not block a registration."""
    return person.role == "staff" and not person.is_email_verified


def _of(organizer_id: UUID, person: Person | None) -> Person | None:
    return person if person and person.role == "staff" and person.organizer_id == organizer_id else None


def _invitation(tx: Transaction, person: Person) -> AccountEmail | None:
    if not login_throttling.try_attempt(tx, login_throttling.MAILS["staff_invitation"], person.email):
        return None
    code = codes.issue(tx, person.id, "reset_password", life_seconds=INVITATION_DAYS * 86_400)
    if code is None:
        return None
    context = {"code": code, "full_name": person.full_name, "valid_days": INVITATION_DAYS}
    key = f"staff_invitation:{person.id}:{uuid4()}"
    return AccountEmail("staff_invitation", key, person.email, person.language, context)


def _address_taken(person: Person) -> AccountEmail:
    once_a_day = f"staff_address_taken:{person.id}:{clock.now():%Y-%m-%d}"
    return AccountEmail(
        "staff_address_taken", once_a_day, person.email, person.language, {"full_name": person.full_name}
    )
