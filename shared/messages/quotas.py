"""Daily quotas of mails, counted in the database under concurrency."""

import hashlib

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.problems import Problem

RETRY_AFTER_SECONDS = 86_400

_TAKE = text("""
    INSERT INTO mail_quotas AS q (subject, used, most) VALUES (:subject, 1, :most)
    ON CONFLICT (subject, day) DO UPDATE SET used = q.used + 1, most = excluded.most WHERE q.used < excluded.most
    RETURNING used
""")


class TooManyMails(Problem):
    """These mails were sent several times today. Download the tickets instead, or try again tomorrow."""

    status, slug = 429, "too-many-mails"


def try_take(tx: Transaction, subject: str, *, most: int) -> int:
    """Count one mail of today; return which one it is, and 0 where `most` have been counted already.

    The row stays locked until `tx` ends: take several in one order of their subjects.
    """
    return tx.execute(_TAKE, {"subject": subject, "most": most}).scalar() or 0


def try_take_all(tx: Transaction, wanted: dict[str, int]) -> bool:
    """Count one mail against the quota of each of these subjects; against none where one has none left."""
    with tx.begin_nested() as point:
        for subject, most in wanted.items():
            if not try_take(tx, subject, most=most):
                point.rollback()
                return False
    return True


def address_key(address: str) -> str:
    """The key under which an address is counted: not to be read from the table."""
    return hashlib.sha256(address.encode()).hexdigest()
