"""Mails that tell a person of each change of their second factor (MFA-1)."""

from datetime import datetime
from typing import Literal
from uuid import uuid4

from shared import local_time
from shared.identity.accounts import AccountEmail
from shared.identity.people import Person

Occasion = Literal[
    "enabled", "disabled", "new_recovery_codes", "recovery_code_used", "reset_requested", "reset_cancelled", "reset"
]
_ZONE = "Asia/Jakarta"


def notice(
    person: Person, occasion: Occasion, *, recovery_codes_left: int = 0, due_at: datetime | None = None
) -> AccountEmail:
    """The mail about what has happened to a person's second factor."""
    context = {
        "full_name": person.full_name,
        "occasion": occasion,
        "recovery_codes_left": recovery_codes_left,
        "due_at": local_time.long_moment(due_at, _ZONE, person.language) if due_at else "",
    }
    return AccountEmail("second_factor", f"second_factor:{person.id}:{uuid4()}", person.email, person.language, context)
