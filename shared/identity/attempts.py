"""Wrong passwords are limited per address, the same for addresses that nobody has (SEC-004, UM-006).

    1st to 5th wrong password    the next try at once
    5th                          the next try after a minute
    each further one             after twice as long, a quarter of an hour at most
    a quarter of an hour's rest  forgotten; so does the right password, or a new one chosen by mail

A try is counted before the password is looked at. So guesses made in the same moment, on however many
instances, queue up at the row and find it closed when their share is used up.
"""

import hashlib
import hmac

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.cloud.secrets import secret
from shared.identity import codes
from shared.problems import Problem

FREE_TRIES = 5
FIRST_WAIT_SECONDS = 60
LONGEST_WAIT_SECONDS = 900
FORGOTTEN_AFTER_SECONDS = 900


class TooManyAttempts(Problem):
    """There were too many wrong passwords for this address. Wait a little, or choose a new one by mail."""

    status, slug = 429, "too-many-attempts"


# Seconds from a try, the n-th of its row, to the next. An exponent past 10 would only overflow.
_WAIT = """
    CASE WHEN {tries} < :free_tries THEN interval '0'
    ELSE make_interval(secs => least(:longest_wait, :first_wait * 2 ^ least({tries} - :free_tries, 10))) END
"""
_TRIES = """
    CASE WHEN login_attempts.next_try_at < clock_timestamp() - make_interval(secs => :forgotten_after) THEN 1
    ELSE login_attempts.tries + 1 END
"""
# Not now(): that is when the transaction began, which may be before the try it had to wait for.
_COUNT = text(f"""
    INSERT INTO login_attempts (address_key, tries, next_try_at) VALUES (:key, 1, clock_timestamp())
    ON CONFLICT (address_key) DO UPDATE
    SET tries = {_TRIES}, next_try_at = clock_timestamp() + {_WAIT.format(tries=f"({_TRIES})")}
    WHERE login_attempts.next_try_at <= clock_timestamp()
    RETURNING tries
""")
_SECONDS_LEFT = text("""
    SELECT ceil(extract(epoch FROM next_try_at - clock_timestamp()))::integer
    FROM login_attempts WHERE address_key = :key
""")
_FORGET = text("DELETE FROM login_attempts WHERE address_key = :key")
# Two at a time keeps the table as small as a day's tries: each try adds one row at most.
_FORGET_OLD = text("""
    DELETE FROM login_attempts WHERE address_key IN (
        SELECT address_key FROM login_attempts  -- Uses index: login_attempts_age
        WHERE next_try_at < now() - interval '1 day' ORDER BY next_try_at LIMIT 2 FOR UPDATE SKIP LOCKED)
""")


def count(tx: Transaction, email: str) -> None:
    """Take one try at the password of an address. Commit it before the password is compared.

    Raises TooManyAttempts, which takes none.
    """
    key = _key(email)
    limits = {
        "free_tries": FREE_TRIES,
        "first_wait": FIRST_WAIT_SECONDS,
        "longest_wait": LONGEST_WAIT_SECONDS,
        "forgotten_after": FORGOTTEN_AFTER_SECONDS,
    }
    if tx.execute(_COUNT, {"key": key, **limits}).first() is None:
        left = tx.execute(_SECONDS_LEFT, {"key": key}).scalar()
        raise TooManyAttempts(retry_after_seconds=max(left or 0, 1))
    tx.execute(_FORGET_OLD)


def forget(tx: Transaction, email: str) -> None:
    """Begin anew: somebody has proved that the account is theirs."""
    tx.execute(_FORGET, {"key": _key(email)})


def _key(email: str) -> str:
    return hmac.new(secret(codes.KEY).encode(), f"attempts:{email}".encode(), hashlib.sha256).hexdigest()
