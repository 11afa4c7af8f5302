"""What strangers may try at an address is spaced out, the same for addresses that nobody has (SEC-004, UM-002, UM-006).

    1st to 5th wrong password    the next try at once
    5th                          the next try after a minute
    each further one             after twice as long, a quarter of an hour at most
    a quarter of an hour's rest  forgotten; so does the right password, or a new one chosen by mail

Wrong codes are spaced likewise, all codes of an address together, and are forgotten after a day's rest only: a new
code brings no new tries. Mails with codes come after 1, 5, 15 minutes, then hourly. So of the million possible codes
about a hundred are tried in a day, and nobody's mailbox is flooded through us.

A try is counted before the password or code is looked at. So guesses made in the same moment, on however many
instances, queue up at the row and find it closed when their share is used up.
"""

from dataclasses import dataclass

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import codes
from shared.problems import Problem

A_DAY = 86_400


@dataclass(frozen=True)
class Kind:
    """What is tried. `waits` are the seconds from the n-th try to the next; the last is for all that follow."""

    name: str
    waits: tuple[int, ...]
    forgotten_after: int
    """Seconds of rest."""


PASSWORDS = Kind("attempts", (0, 0, 0, 0, 60, 120, 240, 480, 900), 900)
CODES = Kind("codes", PASSWORDS.waits, A_DAY)
MAILS = {
    purpose: Kind(f"mails {purpose}", (codes.RESEND_SECONDS, 300, 900, 3600), A_DAY)
    for purpose in ("verify_email", "reset_password", "staff_invitation", "confirm_identity")
}
_ALL = (PASSWORDS, CODES, *MAILS.values())


class TooManyAttempts(Problem):
    """There were too many wrong passwords or codes for this address. Wait a little, then try again."""

    status, slug = 429, "too-many-attempts"


_TRIES = """
    CASE WHEN login_attempts.next_try_at < clock_timestamp() - make_interval(secs => :forgotten_after) THEN 1
    ELSE login_attempts.tries + 1 END
"""
_WAIT = "make_interval(secs => (CAST(:waits AS integer[]))[least({tries}, cardinality(CAST(:waits AS integer[])))])"
# Not now(): that is when the transaction began, which may be before the try it had to wait for.
_TAKE = text(f"""
    INSERT INTO login_attempts (address_key, tries, next_try_at)
    VALUES (:key, 1, clock_timestamp() + {_WAIT.format(tries="1")})
    ON CONFLICT (address_key) DO UPDATE
    SET tries = {_TRIES}, next_try_at = clock_timestamp() + {_WAIT.format(tries=f"({_TRIES})")}
    WHERE login_attempts.next_try_at <= clock_timestamp()
    RETURNING tries
""")
_SECONDS_LEFT = text("""
    SELECT ceil(extract(epoch FROM next_try_at - clock_timestamp()))::integer
    FROM login_attempts WHERE address_key = :key
""")
_FORGET = text("DELETE FROM login_attempts WHERE address_key = ANY(:keys)")
# Two at a time keeps the table as small as a day's tries: each try adds one row at most.
_FORGET_OLD = text("""
    DELETE FROM login_attempts WHERE address_key IN (
        SELECT address_key FROM login_attempts  -- Uses index: login_attempts_age
        WHERE next_try_at < now() - interval '1 day' ORDER BY next_try_at LIMIT 2 FOR UPDATE SKIP LOCKED)
""")


def take(tx: Transaction, kind: Kind, email: str) -> bool:
    """Take one try of this kind at an address; False, and none is taken, where the next is not due yet."""
    values = {"key": _key(kind, email), "waits": list(kind.waits), "forgotten_after": kind.forgotten_after}
    is_due = tx.execute(_TAKE, values).first() is not None
    tx.execute(_FORGET_OLD)
    return is_due


def count(tx: Transaction, kind: Kind, email: str) -> None:
    """Take one try at the password or code of an address. Commit it before what was given is compared.

    Raises TooManyAttempts, which takes none.
    """
    if not take(tx, kind, email):
        left = tx.execute(_SECONDS_LEFT, {"key": _key(kind, email)}).scalar()
        raise TooManyAttempts(retry_after_seconds=max(left or 0, 1))


def forget(tx: Transaction, email: str) -> None:
    """Begin anew: somebody has proved that the account is theirs."""
    tx.execute(_FORGET, {"keys": [_key(kind, email) for kind in _ALL]})


def _key(kind: Kind, email: str) -> str:
    return codes.keyed_hash(f"{kind.name}:{email}")
