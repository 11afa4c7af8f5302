"""Mails that tell a person of each change of their second factor (MFA-1)."""

from datetime import datetime
from typing import Literal
from uuid import uuid4

from shared.cloud import clock
from shared.identity.accounts import AccountEmail
from shared.identity.people import Person

Occasion = Literal[
    "enabled", "disabled", "new_recovery_codes", "recovery_code_used", "reset_requested", "reset_cancelled", "reset"
]


def notice(
    person: Person, occasion: Occasion, *, recovery_codes_left: int = 0, due_at: datetime | None = None
) -> AccountEmail:
    """The mail about what has happened to a person's second factor."""
    context = {
        "full_name": person.full_name,
        "occasion": occasion,
        "recovery_codes_left": recovery_codes_left,
        "due_at": clock.rfc3339(due_at) if due_at else None,
    }
    return AccountEmail("second_factor", f"second_factor:{person.id}:{uuid4()}", person.email, person.language, context)
