"""Who may look at what belongs to others: decided here for every room, and an admin's look leaves a trace (SEC-012)."""

from typing import Protocol
from uuid import UUID

from shared.cloud import audit
from shared.cloud.database import Transaction


class Caller(Protocol):
    """Who looks (shared.identity.tokens.Principal, which not every room knows)."""

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

    Gate staff see none of their employer's things: what the gate needs, the gate tells them. What an admin
    sees of others goes into the audit trail as `admin.read`, in `tx`, which must be committed.
    """
    if caller.id == owner_id:
        return True
    if caller.role == "admin":
        if caller.id != organizer_id:
            audit.record(tx, "admin.read", subject=subject, subject_id=subject_id, actor_id=caller.id)
        return True
    return caller.role == "organizer" and organizer_id is not None and caller.organizer_id == organizer_id


def looks_through(tx: Transaction, caller: Caller, *, subject: str) -> None:
    """Note that `caller` was shown a list of everybody's, if they are an admin."""
    if caller.role == "admin":
        audit.record(tx, "admin.read", subject=subject, subject_id=None, actor_id=caller.id)
