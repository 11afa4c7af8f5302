"""One-time codes by mail (UM-002, UM-006).

    verify_email, confirm_identity   six digits, ten minutes, five tries
    sign_in (sign_in_codes)          eight digits, ten minutes, five tries
    link_chat (chat/linking)         eight digits, ten minutes, five tries
    reset_password                   ten characters, an hour, a thousand tries

Digits can be guessed, so few attempts are allowed. So that strangers can't use them up, the network that requested
the code has five attempts of its own, and all other networks together have five more. Ten characters (50 bits) can't be
guessed, so wrong attempts do not block the right code.

`login_throttling` limits how often codes are sent and tried. Each person has at most one live code per purpose, stored
as a keyed hash, as a plain hash of a million possible codes hides nothing. All changes are made under the lock of the
person's row (people.lock).
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, StringConstraints
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.cloud.secrets import secret
from shared.field_types import SeparatorsRemoved
from shared.problems import Problem

Purpose = Literal["verify_email", "reset_password", "confirm_identity"]
Code = Annotated[str, StringConstraints(pattern="^[0-9]{6}$"), SeparatorsRemoved]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32, without letters that are easily confused."""
_CONFUSABLES = str.maketrans("OIL", "011", " -")


def _normalize(typed: str) -> str:
    """Normalize a typed code: upper case, no separators, confusable letters replaced."""
    return typed.upper().translate(_CONFUSABLES)


ResetCode = Annotated[
    str, StringConstraints(pattern="^[0-9A-Za-z -]{6,40}$"), AfterValidator(_normalize), SeparatorsRemoved
]
"""The code for a new password, as typed."""

KEY = "code-signing-key"
OTHER_NETWORKS_TRIES = 5


@dataclass(frozen=True)
class CodeFormat:
    """The format of a purpose's codes, their lifetime and number of attempts."""

    length: int
    alphabet: str
    life_seconds: int
    tries: int

    def new_code(self) -> str:
        """A random code."""
        return "".join(secrets.choice(self.alphabet) for _ in range(self.length))


SIX_DIGITS = CodeFormat(6, "0123456789", 600, 5)
EIGHT_DIGITS = CodeFormat(8, "0123456789", 600, 5)
TEN_CHARACTERS = CodeFormat(10, _ALPHABET, 3600, 1000)
FORMATS: Mapping[str, CodeFormat] = {
    "verify_email": SIX_DIGITS,
    "confirm_identity": SIX_DIGITS,
    "sign_in": EIGHT_DIGITS,
    "link_chat": EIGHT_DIGITS,
    "reset_password": TEN_CHARACTERS,
}
RESEND_SECONDS = 60
"""Another code is sent after a minute at the earliest; later ones are throttled more (login_throttling)."""


class CodeInvalid(Problem):
    """This code is not right, or no longer. After some wrong tries, or once its time is over, ask for a new one."""

    status, slug = 422, "code-invalid"


COLUMNS = "code_hash, tries_left, expires_at, asked_from, tries_elsewhere"
VALUES = ":code_hash, :tries, now() + make_interval(secs => :life_seconds), :asked_from, :tries_elsewhere"
RENEWED = """
    code_hash = excluded.code_hash, tries_left = excluded.tries_left, expires_at = excluded.expires_at,
    asked_from = excluded.asked_from, tries_elsewhere = excluded.tries_elsewhere, created_at = now()
"""
"""The parts of statements that issue a code. Its table has such columns (here, and in sign_in_codes)."""
IS_DUE = "created_at <= now() - make_interval(secs => :resend_seconds)"
_IS_HERE = "(asked_from = '' OR asked_from = :network OR :is_long)"
TRY_TAKEN = f"""
    tries_left = tries_left - CASE WHEN {_IS_HERE} THEN 1 ELSE 0 END,
    tries_elsewhere = tries_elsewhere - CASE WHEN {_IS_HERE} THEN 0 ELSE 1 END
"""
HAS_TRIES = f"expires_at > now() AND CASE WHEN {_IS_HERE} THEN tries_left ELSE tries_elsewhere END > 0"
"""The parts of statements that try a code."""

_ISSUE = text(f"""
    INSERT INTO one_time_codes (user_id, purpose, {COLUMNS}) VALUES (:user_id, :purpose, {VALUES})
    ON CONFLICT (user_id, purpose) DO UPDATE SET {RENEWED} WHERE one_time_codes.{IS_DUE}
    RETURNING user_id
""")
_IS_PENDING = text("SELECT EXISTS (SELECT 1 FROM one_time_codes WHERE user_id = :user_id AND expires_at > now())")
_TRY = text(f"""
    UPDATE one_time_codes SET {TRY_TAKEN} WHERE user_id = :user_id AND purpose = :purpose AND {HAS_TRIES}
    RETURNING code_hash
""")
_SPEND = text("DELETE FROM one_time_codes WHERE user_id = :user_id AND purpose = :purpose")


def issue(
    tx: Transaction, user_id: UUID, purpose: Purpose, *, life_seconds: int | None = None, network: str = ""
) -> str | None:
    """Issue a new code, requested from `network`, in place of the last; None where that is less than a minute old."""
    code = FORMATS[purpose].new_code()
    values = issue_values(FORMATS[purpose], _hashed(user_id, purpose, code), network, life_seconds)
    issued = tx.execute(_ISSUE, {"user_id": user_id, "purpose": purpose, **values}).first()
    return code if issued else None


def issue_values(form: CodeFormat, code_hash: str, network: str, life_seconds: int | None = None) -> dict[str, Any]:
    """The values of a new code's columns."""
    return {
        "code_hash": code_hash,
        "tries": form.tries,
        "tries_elsewhere": OTHER_NETWORKS_TRIES,
        "life_seconds": life_seconds or form.life_seconds,
        "resend_seconds": RESEND_SECONDS,
        "asked_from": _network_key(network),
    }


def try_values(form: CodeFormat, network: str) -> dict[str, Any]:
    """The values by which an attempt is counted."""
    return {"network": _network_key(network), "is_long": form is TEN_CHARACTERS}


def has_pending(tx: Transaction, user_id: UUID) -> bool:
    """True if any unexpired code exists, for any purpose, however many attempts it has left."""
    return bool(tx.execute(_IS_PENDING, {"user_id": user_id}).scalar_one())


def keyed_hash(words: str) -> str:
    """The keyed hash of a code or an address, as stored: it can't be guessed without our key."""
    return hmac.new(secret(KEY).encode(), words.encode(), hashlib.sha256).hexdigest()


def redeem(tx: Transaction, user_id: UUID, purpose: Purpose, code: str, *, network: str = "") -> bool:
    """Spend `code` if it is the live one. False costs an attempt: commit before refusing.

    The statement that reads the hash also counts the attempt, so that concurrent guesses are counted one by one.
    """
    names = {"user_id": user_id, "purpose": purpose}
    code_hash = tx.execute(_TRY, {**names, **try_values(FORMATS[purpose], network)}).scalar()
    if code_hash is None or not hmac.compare_digest(code_hash, _hashed(user_id, purpose, code)):
        return False
    tx.execute(_SPEND, names)
    return True


def _hashed(user_id: UUID, purpose: Purpose, code: str) -> str:
    return keyed_hash(f"{purpose}:{user_id}:{code}")


def _network_key(network: str) -> str:
    return keyed_hash(f"network:{network}") if network else ""
