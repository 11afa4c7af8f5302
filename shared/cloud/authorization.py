"""Authorization: who may see what belongs to others. Each such access is audited (SEC-012)."""

from typing import Protocol
from uuid import UUID

from shared.cloud import audit
from shared.cloud.database import Transaction


class Caller(Protocol):
    """The caller (shared.identity.tokens.Principal, which lower packages do not import)."""

    @property
    def id(self) -> UUID:
        """Their account."""

    @property
    def role(self) -> str:
        """What they are."""

    @property
    def organizer_id(self) -> UUID | None:
        """The organizer they act for."""


def may_see(
    tx: Transaction,
    caller: Caller,
    *,
    subject: str,
    subject_id: UUID,
    organizer_id: UUID | None = None,
    owner_id: UUID | None = None,
) -> bool:
    """Whether `caller` may look at this: its owner, the organizer of its event, or an admin.

    Gate staff see none of their employer's things: what the gate needs, the gate tells them. What an admin sees of
    others goes into the audit trail as `admin.read`, and what an organizer sees of a buyer (`owner_id`) as
    `organizer.read`, in `tx`, which must be committed.
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


def may_list(
    tx: Transaction, caller: Caller, *, subject: str, subject_id: UUID | None = None, of_people: bool = False
) -> None:
    """Note that `caller` was shown a list: an admin any, an organizer one of other people's data (`of_people`).

    `subject_id` is the event that the list belongs to, where it is one event's.
    """
    if caller.role == "admin" or (of_people and caller.role == "organizer"):
        _record(tx, caller, subject, subject_id)


def _record(tx: Transaction, caller: Caller, subject: str, subject_id: UUID | None) -> None:
    audit.record(tx, f"{caller.role}.read", subject=subject, subject_id=subject_id, actor_id=caller.id)
