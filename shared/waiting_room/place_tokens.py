"""Tokens of places: what a browser keeps of its place, signed, for one account, one waiting room and one day.

A token gives nothing that the account has not got without it. It lets us refuse who was not called yet without asking
the database.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from shared.cloud import clock
from shared.cloud.secrets import secret
from shared.sales.queue_passes import KEY

if TYPE_CHECKING:
    from jwt.types import Options

_AUDIENCE = "karcis-place"
_OPTIONS: "Options" = {"require": ["exp", "sub", "room", "number"]}
GOOD_FOR = timedelta(days=1)


@dataclass(frozen=True)
class PlaceClaim:
    """The place that a token proves."""

    room_id: UUID
    user_id: UUID
    number: int


def sign(claim: PlaceClaim) -> str:
    """The token of a place."""
    import jwt  # only in a rush: it would take a twentieth of a function's start

    claims = {
        "aud": _AUDIENCE,
        "room": str(claim.room_id),
        "sub": str(claim.user_id),
        "number": claim.number,
        "exp": clock.now() + GOOD_FOR,
    }
    return jwt.encode(claims, secret(KEY), algorithm="HS256")


def read(token: str) -> PlaceClaim | None:
    """The place that a token proves; None where it is forged or too old."""
    import jwt  # only in a rush: it would take a twentieth of a function's start

    try:
        claims = jwt.decode(token, secret(KEY), algorithms=["HS256"], audience=_AUDIENCE, options=_OPTIONS)
        return PlaceClaim(UUID(claims["room"]), UUID(claims["sub"]), int(claims["number"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        return None
