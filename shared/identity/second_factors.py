"""The second factor: one-time passwords of an authenticator app (TOTP, RFC 6238), and recovery codes (MFA-1).

    one-time password   six digits, new each 30 seconds; the neighbouring step's counts too, as phones' clocks differ
    recovery code       ten characters (50 bits), of which a person has ten, for the day the phone is lost

Each is accepted once: the newest accepted time step is stored, and no step up to it is accepted again; a used recovery
code is deleted. The app's secret is encrypted (cloud/field_encryption), recovery codes are stored as keyed hashes. All
changes happen under the lock of the person's row (people.lock).
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import pyotp
from sqlalchemy import text

from shared.cloud import audit, clock, field_encryption
from shared.cloud.database import Transaction
from shared.identity import codes, login_throttling
from shared.identity.accounts import AccountEmail
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.people import Person
from shared.identity.second_factor_notices import notice
from shared.problems import Problem

STEP_SECONDS = 30
RECOVERY_CODES = 10
_DIGITS = 6

FactorKind = Literal["authenticator app", "recovery code"]
Mail = Callable[[Transaction, AccountEmail | None], None]
"""Enqueues a mail in the same transaction, as this package sends none itself."""

SecondFactorCode = codes.ResetCode
"""A one-time password or a recovery code, as typed: it is written as codes for a new password are."""


@dataclass(frozen=True)
class SecondFactor:
    """A person's second factor. It is removed at `reset_due_at`, if its owner has asked for that."""

    enrolled_at: datetime
    reset_due_at: datetime | None
    recovery_codes_left: int


class SecondFactorInvalid(Problem):
    """This code is not right, or was used already. Enter the one that your app shows now, or a recovery code."""

    status, slug = 422, "second-factor-invalid"


_FIND = text("""
    SELECT f.enrolled_at, f.reset_due_at,
        (SELECT count(*) FROM recovery_codes r WHERE r.user_id = f.user_id) AS recovery_codes_left
    FROM second_factors f WHERE f.user_id = :user_id
""")
_SECRET = text("SELECT secret_sealed FROM second_factors WHERE user_id = :user_id")
_SPEND_STEP = text("""
    UPDATE second_factors SET last_step = :step WHERE user_id = :user_id AND last_step < :step RETURNING user_id
""")
_SPEND_CODE = text("DELETE FROM recovery_codes WHERE user_id = :user_id AND code_hash = :code_hash RETURNING user_id")
_COUNT_CODES = text("SELECT count(*) FROM recovery_codes WHERE user_id = :user_id")
_CANCEL_RESET = text("""
    UPDATE second_factors SET reset_due_at = NULL WHERE user_id = :user_id AND reset_due_at IS NOT NULL
    RETURNING user_id
""")
_STORE = text("""
    INSERT INTO second_factors (user_id, secret_sealed, last_step) VALUES (:user_id, :secret_sealed, :last_step)
    ON CONFLICT (user_id) DO UPDATE
    SET secret_sealed = excluded.secret_sealed, last_step = excluded.last_step, enrolled_at = now(), reset_due_at = NULL
""")
_REMOVE = text("DELETE FROM second_factors WHERE user_id = :user_id RETURNING user_id")
_REMOVE_CODES = text("DELETE FROM recovery_codes WHERE user_id = :user_id")
_ADD_CODES = text("""
    INSERT INTO recovery_codes (user_id, code_hash)
    SELECT :user_id, code_hash FROM unnest(CAST(:code_hashes AS text[])) AS t(code_hash)
""")


def find(tx: Transaction, user_id: UUID) -> SecondFactor | None:
    """The second factor of a person, if they have one."""
    row = tx.execute(_FIND, {"user_id": user_id}).first()
    return SecondFactor(*row) if row else None


def accept(tx: Transaction, person: Person, code: str, mail: Mail) -> FactorKind | None:
    """Accept a code of a locked person, once, and return its kind; None where it is wrong or was used.

    It ends a reset that somebody has asked for. The person is mailed of that, and of each used recovery code.
    """
    kind: FactorKind = "authenticator app" if is_one_time_password(code) else "recovery code"
    is_right = _spend_step(tx, person, code) if kind == "authenticator app" else _spend_code(tx, person, code)
    if not is_right:
        return None
    cancel_reset(tx, person, mail, by=person.id)
    if kind == "recovery code":
        audit.record(tx, "second_factor.recovery_code_used", subject="user", subject_id=person.id, actor_id=person.id)
        left = tx.execute(_COUNT_CODES, {"user_id": person.id}).scalar_one()
        mail(tx, notice(person, "recovery_code_used", recovery_codes_left=left))
    return kind


def cancel_reset(tx: Transaction, person: Person, mail: Mail, *, by: UUID | None) -> None:
    """End a reset that somebody has asked for, if any, and mail the locked person of it."""
    if tx.execute(_CANCEL_RESET, {"user_id": person.id}).first():
        audit.record(tx, "second_factor.reset_cancelled", subject="user", subject_id=person.id, actor_id=by)
        mail(tx, notice(person, "reset_cancelled"))


def is_one_time_password(code: str) -> bool:
    """True for a code that the app may show: it can be guessed, and a recovery code can't."""
    return len(code) == _DIGITS and code.isdigit()


def count_attempt(
    tx: Transaction, person: Person, code: str, client: ClientNetwork = UNKNOWN_CLIENT, *, known: str | None = None
) -> None:
    """Count one attempt of a person at their second factor. Raises TooManyAttempts without counting.

    Who holds a recovery code is not stopped by others' guesses, as it can't be guessed.
    """
    if is_one_time_password(code):
        login_throttling.count_second_factor(tx, person.email, client, known=known)


def step_of(secret: str, code: str) -> int | None:
    """The time step whose one-time password `code` is: the current one or a neighbour; None for any other."""
    current = int(clock.now().timestamp()) // STEP_SECONDS
    passwords = pyotp.TOTP(secret, digits=_DIGITS, interval=STEP_SECONDS)
    steps = (current, current - 1, current + 1)
    return next((step for step in steps if hmac.compare_digest(passwords.generate_otp(step), code)), None)


def store(tx: Transaction, user_id: UUID, secret: str, *, last_step: int) -> None:
    """Store the secret of a locked person's app, in the place of a former one."""
    encrypted = field_encryption.encrypt(secret, about=f"second_factor:{user_id}")
    tx.execute(_STORE, {"user_id": user_id, "secret_sealed": encrypted, "last_step": last_step})


def secret_of(tx: Transaction, user_id: UUID) -> str | None:
    """The secret of a person's app; None where they have no second factor."""
    encrypted = tx.execute(_SECRET, {"user_id": user_id}).scalar()
    return field_encryption.decrypt(encrypted, about=f"second_factor:{user_id}") if encrypted else None


def replace_recovery_codes(tx: Transaction, user_id: UUID) -> list[str]:
    """New recovery codes of a locked person, in the place of all former ones. They can't be read again."""
    made = [codes.TEN_CHARACTERS.new_code() for _ in range(RECOVERY_CODES)]
    tx.execute(_REMOVE_CODES, {"user_id": user_id})
    tx.execute(_ADD_CODES, {"user_id": user_id, "code_hashes": [_hashed(user_id, code) for code in made]})
    return [f"{code[:5]}-{code[5:]}" for code in made]


def remove(tx: Transaction, user_id: UUID) -> bool:
    """Remove the second factor of a locked person with its recovery codes; False where there was none."""
    return tx.execute(_REMOVE, {"user_id": user_id}).first() is not None


def _spend_step(tx: Transaction, person: Person, code: str) -> bool:
    secret = secret_of(tx, person.id)
    step = step_of(secret, code) if secret else None
    return step is not None and tx.execute(_SPEND_STEP, {"user_id": person.id, "step": step}).first() is not None


def _spend_code(tx: Transaction, person: Person, code: str) -> bool:
    names = {"user_id": person.id, "code_hash": _hashed(person.id, code)}
    return tx.execute(_SPEND_CODE, names).first() is not None


def _hashed(user_id: UUID, code: str) -> str:
    return codes.keyed_hash(f"recovery_code:{user_id}:{code}")
