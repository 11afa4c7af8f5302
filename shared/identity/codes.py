"""One-time codes by mail: six digits, ten minutes, five tries (UM-002, UM-006).

How often codes come, and how often they are tried one after the other, is limited by `attempts`. Each person has at
most one live code per purpose, kept as a keyed hash: of a million possible codes a plain hash would hide none. All
of it happens under the lock of the person's row (people.lock).
"""

import hashlib
import hmac
import secrets
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.cloud.secrets import secret
from shared.problems import Problem

Purpose = Literal["verify_email", "reset_password", "confirm_identity"]
Code = Annotated[str, Field(pattern="^[0-9]{6}$", repr=False)]

KEY = "code-signing-key"
TRIES = 5
LIFE_SECONDS = 600
RESEND_SECONDS = 60
"""Another code comes at the earliest after a minute; later ones after longer, see `attempts`."""


class CodeInvalid(Problem):
    """This code is not right, or no longer. After five tries or ten minutes ask for a new one."""

    status, slug = 422, "code-invalid"


_ISSUE = text("""
    INSERT INTO one_time_codes (user_id, purpose, code_hash, tries_left, expires_at)
    VALUES (:user_id, :purpose, :code_hash, :tries, now() + make_interval(secs => :life_seconds))
    ON CONFLICT (user_id, purpose) DO UPDATE
    SET code_hash = excluded.code_hash, tries_left = excluded.tries_left, expires_at = excluded.expires_at,
        created_at = now()
    WHERE one_time_codes.created_at <= now() - make_interval(secs => :resend_seconds)
    RETURNING user_id
""")
_IS_PENDING = text("SELECT EXISTS (SELECT 1 FROM one_time_codes WHERE user_id = :user_id AND expires_at > now())")
_TRY = text("""
    UPDATE one_time_codes SET tries_left = tries_left - 1
    WHERE user_id = :user_id AND purpose = :purpose AND tries_left > 0 AND expires_at > now()
    RETURNING code_hash
""")
_SPEND = text("DELETE FROM one_time_codes WHERE user_id = :user_id AND purpose = :purpose")


def issue(tx: Transaction, user_id: UUID, purpose: Purpose, *, life_seconds: int = LIFE_SECONDS) -> str | None:
    """A new code in place of any older one; None where that one is less than a minute old."""
    code = f"{secrets.randbelow(1_000_000):06}"
    issued = tx.execute(
        _ISSUE,
        {
            "user_id": user_id,
            "purpose": purpose,
            "code_hash": _hashed(user_id, purpose, code),
            "tries": TRIES,
            "life_seconds": life_seconds,
            "resend_seconds": RESEND_SECONDS,
        },
    ).first()
    return code if issued else None


def is_any_pending(tx: Transaction, user_id: UUID) -> bool:
    """Whether a code was sent, for whatever purpose, whose time is not over, however many tries it has left."""
    return bool(tx.execute(_IS_PENDING, {"user_id": user_id}).scalar_one())


def keyed_hash(words: str) -> str:
    """What stands in the database for a code or an address: nobody finds it by trying without our key."""
    return hmac.new(secret(KEY).encode(), words.encode(), hashlib.sha256).hexdigest()


def redeem(tx: Transaction, user_id: UUID, purpose: Purpose, code: str) -> bool:
    """Whether `code` is the live one, which is then spent. False costs a try: commit it before refusing.

    The try is taken by the very statement that reads the hash, so that guesses made at the same
    moment are counted one after the other.
    """
    names = {"user_id": user_id, "purpose": purpose}
    code_hash = tx.execute(_TRY, names).scalar()
    if code_hash is None or not hmac.compare_digest(code_hash, _hashed(user_id, purpose, code)):
        return False
    tx.execute(_SPEND, names)
    return True


def _hashed(user_id: UUID, purpose: Purpose, code: str) -> str:
    return keyed_hash(f"{purpose}:{user_id}:{code}")
