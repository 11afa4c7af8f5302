"""Access tokens: short-lived signed JWTs, verified without a lookup (UM-004).

PyJWT is imported where it is used: functions that take no tokens start without it.
"""

from dataclasses import dataclass, field
from uuid import UUID

from shared.cloud import clock
from shared.cloud.secrets import secret
from shared.cloud.settings import settings

ISSUER = "karcis"
AUDIENCE = "karcis-api"
KEY = "jwt-signing-key"


@dataclass(frozen=True)
class Principal:
    """A signed-in person. `organizer_id` is the organizer they act for: themselves, their employer, or nobody."""

    id: UUID
    role: str
    organizer_id: UUID | None
    session_id: UUID | None = field(default=None, compare=False)
    """The session (the family of refresh tokens) that the access token belongs to."""
    auth_time: int | None = field(default=None, compare=False)
    """The time at which this person last authenticated, with every factor they have, in seconds since 1970."""
    lacks_second_factor: bool = field(default=False, compare=False)
    """True for an admin who has to set up a second factor, and is a customer until then."""

    def may_act_for(self, organizer_id: UUID) -> bool:
        """True if this person belongs to that organizer, or is an admin."""
        return self.role == "admin" or self.organizer_id == organizer_id


def access_token(
    user_id: UUID,
    role: str,
    organizer_id: UUID | None,
    session_id: UUID | None = None,
    *,
    auth_time: int | None = None,
) -> str:
    """Issue a token that is valid for `settings().access_token_seconds`.

    `auth_time` is when the bearer last authenticated (as in OpenID Connect); None counts as too long ago.
    """
    import jwt

    now = int(clock.now().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "role": role,
        "org": str(organizer_id) if organizer_id else None,
        "sid": str(session_id) if session_id else None,
        "auth_time": auth_time,
        "iat": now,
        "exp": now + settings().access_token_seconds,
    }
    return jwt.encode(claims, secret(KEY), algorithm="HS256")


def principal_of(token: str) -> Principal | None:
    """The principal of a token; None where it is forged, for another audience, or expired."""
    import jwt

    try:
        claims = jwt.decode(
            token,
            secret(KEY),
            algorithms=["HS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "sub", "role"], "strict_aud": True},
        )
        return Principal(
            UUID(claims["sub"]),
            claims["role"],
            _id(claims.get("org")),
            _id(claims.get("sid")),
            claims.get("auth_time"),
        )
    except (jwt.InvalidTokenError, ValueError):
        return None


def _id(claim: str | None) -> UUID | None:
    return UUID(claim) if claim else None
