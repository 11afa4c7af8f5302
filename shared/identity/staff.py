"""Gate staff: accounts that an organizer opens for others, who choose the password themselves (GATE)."""

from typing import Annotated
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import codes, erasure, people
from shared.identity.accounts import Letter
from shared.identity.addresses import EmailAddress
from shared.identity.people import Person
from shared.models import Body, line
from shared.problems import NotFound, Problem

INVITATION_DAYS = 3
"""How long the code of an invitation works. Later, whoever was invited asks for another as for a forgotten password."""


class Invited(Body):
    """Whom an organizer wants at the gate."""

    email: EmailAddress
    full_name: Annotated[str, line(255)]


class AddressTaken(Problem):
    """This address has an account of another kind. Invite them with another address."""

    status, slug = 409, "address-taken"


# A row that is there is locked and stays as it is. Uses index: users_email
_CLAIM = text(f"""
    INSERT INTO users (email, full_name, role, organizer_id, language)
    SELECT :email, :full_name, 'staff', o.id, o.language FROM users o WHERE o.id = :organizer_id
    ON CONFLICT (email) WHERE NOT is_deleted DO UPDATE SET updated_at = users.updated_at
    RETURNING {people.COLUMNS}
""")


def invite(tx: Transaction, organizer_id: UUID, invited: Invited) -> tuple[Person, Letter | None]:
    """The staff account of this address, new or there already, and the mail to ask for.

    Raises AddressTaken where the address has any other account. No mail goes to who has a password
    already, or was invited less than a minute ago.
    """
    values = {"email": invited.email, "full_name": invited.full_name, "organizer_id": organizer_id}
    person = Person(*tx.execute(_CLAIM, values).one())
    if person.organizer_id != organizer_id or person.role != "staff":
        raise AddressTaken
    return person, None if person.is_email_verified else _invitation(tx, person)


def lock(tx: Transaction, organizer_id: UUID, user_id: UUID) -> Person:
    """A person of this organizer's staff, locked to be dismissed. Raises NotFound."""
    person = people.lock_alone(tx, user_id)
    if person is None or person.role != "staff" or person.organizer_id != organizer_id:
        raise NotFound
    return person


def dismiss(tx: Transaction, person: Person) -> None:
    """End a staff account, which is of no use without its organizer, and forget who it was."""
    erasure.erase(tx, person)


def _invitation(tx: Transaction, person: Person) -> Letter | None:
    code = codes.issue(tx, person.id, "reset_password", life_seconds=INVITATION_DAYS * 86_400)
    if code is None:
        return None
    context = {"code": code, "full_name": person.full_name, "valid_days": INVITATION_DAYS}
    key = f"staff_invitation:{person.id}:{uuid4()}"
    return Letter("staff_invitation", key, person.email, person.language, context)
