"""Codes to sign in with, by address: who asks for one may have no account yet (AUTH-1).

An address has one live code at most, tried as those of `codes` are. It has eight digits instead of six, because it
lets into an account that is there: ten guesses at each of a day's 38 codes (code_mails) find one in 700 years.
"""

import hmac
from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.field_types import SeparatorsRemoved
from shared.identity import codes

SignInCode = Annotated[str, StringConstraints(pattern="^[0-9]{8}$"), SeparatorsRemoved]
"""A code, typed in whatever parts."""

_FORMAT = codes.FORMATS["sign_in"]

_ISSUE = text(f"""
    INSERT INTO sign_in_codes (address_key, accepts_terms, {codes.COLUMNS})
    VALUES (:address_key, :accepts_terms, {codes.VALUES})
    ON CONFLICT (address_key) DO UPDATE SET {codes.RENEWED}, accepts_terms = excluded.accepts_terms
    WHERE sign_in_codes.{codes.IS_DUE}
    RETURNING address_key
""")
_TRY = text(f"""
    UPDATE sign_in_codes SET {codes.TRY_TAKEN} WHERE address_key = :address_key AND {codes.HAS_TRIES}
    RETURNING code_hash
""")
_LOCK = text("SELECT 1 FROM sign_in_codes WHERE address_key = :address_key FOR UPDATE")
_SPEND = text("DELETE FROM sign_in_codes WHERE address_key = :address_key")
_TERMS = text("SELECT created_at FROM sign_in_codes WHERE address_key = :address_key AND accepts_terms")


def lock(tx: Transaction, email: str) -> None:
    """Lock the code of an address, if there is one. It comes before the counts of login_throttling."""
    tx.execute(_LOCK, {"address_key": _key(email)})


def issue(tx: Transaction, email: str, *, accepts_terms: bool, network: str = "") -> str | None:
    """Issue a new code, requested from `network`, in place of the last; None where that is less than a minute old."""
    code = _FORMAT.new_code()
    values = codes.issue_values(_FORMAT, _hashed(email, code), network)
    issued = tx.execute(_ISSUE, {"address_key": _key(email), "accepts_terms": accepts_terms, **values}).first()
    return code if issued else None


def redeem(tx: Transaction, email: str, code: str, *, network: str = "") -> bool:
    """Spend `code` if it is the live one. False costs an attempt: commit before refusing."""
    names = {"address_key": _key(email)}
    code_hash = tx.execute(_TRY, {**names, **codes.try_values(_FORMAT, network)}).scalar()
    if code_hash is None or not hmac.compare_digest(code_hash, _hashed(email, code)):
        return False
    tx.execute(_SPEND, names)
    return True


def terms_accepted_at(tx: Transaction, email: str) -> datetime | None:
    """The time at which the terms were accepted with the request of an address's code; None where they were not."""
    accepted_at: datetime | None = tx.execute(_TERMS, {"address_key": _key(email)}).scalar()
    return accepted_at


def delete(tx: Transaction, email: str) -> None:
    """Delete the code of an address whose account is deleted."""
    tx.execute(_SPEND, {"address_key": _key(email)})


def _hashed(email: str, code: str) -> str:
    return codes.keyed_hash(f"sign_in:{email}:{code}")


def _key(email: str) -> str:
    return codes.keyed_hash(f"sign in:{email}")
