"""Queue passes: each lets somebody called in an event's waiting room place one order there, within ten minutes.

A pass is signed, so that checking it costs `reserve` no query. It is used up by the order's own statement
(`order_creation`), where a primary key refuses the second order. shared/waiting_room issues them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import autocommit
from shared.cloud.secrets import secret
from shared.problems import Problem

if TYPE_CHECKING:
    from jwt.types import Options

KEY = "waiting-room-key"
ONE_ORDER = "one_order_per_queue_pass"
"""The constraint that refuses a second order with one pass."""
_AUDIENCE = "karcis-queue-pass"
_OPTIONS: "Options" = {"require": ["exp", "sub", "jti", "event"], "verify_exp": False}
_USED = text("SELECT pass_id FROM queue_pass_orders WHERE pass_id = ANY(:pass_ids)")


class QueuePassRequired(Problem):
    """This event is sold to whoever was called in its waiting room. Take a place there, and order with your pass."""

    status, slug = 403, "queue-pass-required"


class QueuePassUsed(Problem):
    """This pass has placed its order. Take a new place in the waiting room to order again."""

    status, slug = 409, "queue-pass-used"


@dataclass(frozen=True)
class QueuePass:
    """A pass of one account for one event."""

    id: UUID
    event_id: UUID
    user_id: UUID
    expires_at: datetime

    def is_good_for(self, user_id: UUID, event_id: UUID, at: datetime) -> bool:
        """True if this account may place an order for this event at this moment of the database's clock."""
        return (self.user_id, self.event_id) == (user_id, event_id) and at < self.expires_at


def sign(queue_pass: QueuePass) -> str:
    """The token that its bearer sends with the order."""
    import jwt  # only in a rush: it would take a twentieth of a function's start

    claims = {
        "aud": _AUDIENCE,
        "jti": str(queue_pass.id),
        "event": str(queue_pass.event_id),
        "sub": str(queue_pass.user_id),
        "exp": queue_pass.expires_at.timestamp(),
    }
    return jwt.encode(claims, secret(KEY), algorithm="HS256")


def read(token: str) -> QueuePass | None:
    """The pass that a token proves; None where it is forged.

    The database's clock, not this machine's, decides whether it has expired (`QueuePass.is_good_for`).
    """
    import jwt  # only in a rush: it would take a twentieth of a function's start

    try:
        claims = jwt.decode(token, secret(KEY), algorithms=["HS256"], audience=_AUDIENCE, options=_OPTIONS)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return QueuePass(UUID(claims["jti"]), UUID(claims["event"]), UUID(claims["sub"]), expires_at)
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        return None


def used(pass_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these passes that have placed their order."""
    with autocommit() as connection:
        return set(connection.execute(_USED, {"pass_ids": list(pass_ids)}).scalars())
