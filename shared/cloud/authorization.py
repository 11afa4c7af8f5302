"""Authorization to see the data of others. Each such access is audited (SEC-012)."""

from typing import Protocol
from uuid import UUID

from shared.cloud import audit
from shared.cloud.database import Transaction


class Caller(Protocol):
    """The caller (shared.identity.tokens.Principal, which lower packages do not import)."""

    @property
    def id(self) -> UUID:
        """The account."""

    @property
    def role(self) -> str:
        """The role."""

    @property
    def organizer_id(self) -> UUID | None:
        """The organizer they act for."""


def check_access(
    tx: Transaction,
    caller: Caller,
    *,
    subject: str,
    subject_id: UUID,
    organizer_id: UUID | None = None,
    owner_id: UUID | None = None,
) -> bool:
    """True if `caller` may see this: its owner, the organizer of its event, or an admin. Audits access to others' data.

    Gate staff see none of their employer's data; the gate's own endpoints tell them what they need. Access of an admin
    is audited as `admin.read`, and access of an organizer to a buyer's data (`owner_id`) as `organizer.read`, in `tx`,
    which must be committed.
    """
    if caller.id == owner_id:
        return True
    if caller.role == "admin":
        if caller.id != organizer_id:
            _record(tx, caller, subject, subject_id)
        return True
    if caller.role != "organizer" or organizer_id is None or caller.organizer_id != organizer_id:
        return False
    if owner_id is not None:
        _record(tx, caller, subject, subject_id)
    return True


def record_list_access(
    tx: Transaction, caller: Caller, *, subject: str, subject_id: UUID | None = None, of_people: bool = False
) -> None:
    """Audit access to a list: any list for an admin, lists of personal data (`of_people`) for an organizer.

    `subject_id` is the event that the list belongs to, if it is the list of one event.
    """
    if caller.role == "admin" or (of_people and caller.role == "organizer"):
        _record(tx, caller, subject, subject_id)


def _record(tx: Transaction, caller: Caller, subject: str, subject_id: UUID | None) -> None:
    audit.record(tx, f"{caller.role}.read", subject=subject, subject_id=subject_id, actor_id=caller.id)
