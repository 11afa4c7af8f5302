"""Login throttling: attempts at an address are spaced out, also without an account (SEC-004, UM-002, UM-006).

Wrong passwords are counted by account and network (/24, or /64 of IPv6), so that strangers lock nobody out:

    1st to 4th wrong password    the next attempt at once
    5th                          the next attempt after a minute
    each further one             after twice as long, a quarter of an hour at most
    reset                        by a quarter of an hour without attempts, the right password, or a password reset

Known devices and signed-in callers have counts of their own. Over all networks an account has a budget of 50 failures
plus one each half hour: once it is used up, a network has one attempt in six hours, so that the right password still
works from networks without failures. A network has a budget of 1,000 failures over all accounts plus one each two
seconds. docs/decisions/0017-limits-by-account-and-network.md has the calculation.

Wrong codes are throttled likewise, all codes of an address together, and reset after a day without attempts. Mails with
codes are sent after 1, 5, 15 minutes, then hourly, so that nobody's mailbox is flooded.

One-time passwords of a second factor have counts of their own, which the first factor does not reset; over all unknown
devices an account has a budget of 20 of them plus one each half hour, without exception. Only who has got past the
first factor can use it up, and it stops no known device.

An attempt is counted before the password or code is compared. So concurrent guesses, on however many instances, queue
at the row and are refused once their share is used up. The budgets are counted afterwards and may be exceeded by the
guesses that are compared concurrently.
"""

from dataclasses import dataclass

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.identity import codes
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.problems import Problem

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class AttemptLimit:
    """A kind of attempt. `waits` are the seconds from the n-th attempt to the next; the last applies to all others."""

    name: str
    waits: tuple[int, ...]
    resets_after: int
    """Seconds without attempts."""


PASSWORDS = AttemptLimit("attempts", (0, 0, 0, 0, 60, 120, 240, 480, 900), 900)
CODES = AttemptLimit("codes", PASSWORDS.waits, DAY_SECONDS)
SECOND_FACTORS = AttemptLimit("second factors", PASSWORDS.waits, DAY_SECONDS)
MAILS = {
    purpose: AttemptLimit(f"mails {purpose}", (codes.RESEND_SECONDS, 300, 900, 3600), DAY_SECONDS)
    for purpose in ("verify_email", "reset_password", "staff_invitation", "confirm_identity", "sign_in")
}
_GUARDED_WAIT = 21_600
"""Seconds between attempts of a network at an account whose budget is used up."""


@dataclass(frozen=True)
class LeakyBucket:
    """A budget of `most` failures (or mails, see code_mails) at once, plus one each `seconds_each`."""

    name: str
    most: int
    seconds_each: int


ACCOUNT = LeakyBucket("account", 50, 1800)
NETWORK = LeakyBucket("network", 1000, 2)
SECOND_FACTOR = LeakyBucket("second factor", 20, 1800)
_ALL = (PASSWORDS, CODES, *MAILS.values())


class TooManyAttempts(Problem):
    """There were too many wrong passwords or codes from where you are. Wait a little, then try again.

    A code that we mail to you for a new password lets you in as well.
    """

    status, slug = 429, "too-many-attempts"


_TRIES = """
    CASE WHEN login_attempts.next_try_at < clock_timestamp() - make_interval(secs => :resets_after) THEN 1
    ELSE login_attempts.tries + 1 END
"""
_WAIT = "make_interval(secs => (CAST(:waits AS integer[]))[least({tries}, cardinality(CAST(:waits AS integer[])))])"
# Not now(), which is the start of the transaction and may be before the attempt it had to wait for.
_TRY_ATTEMPT = text(f"""
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
# The row's time is how far the count is ahead of now (a leaky bucket).
_SPEND = text("""
    INSERT INTO login_attempts (address_key, tries, next_try_at)
    VALUES (:key, 1, clock_timestamp() + make_interval(secs => :seconds_each))
    ON CONFLICT (address_key) DO UPDATE
    SET tries = login_attempts.tries + 1,
        next_try_at = greatest(login_attempts.next_try_at, clock_timestamp()) + make_interval(secs => :seconds_each)
""")
_RESTORE = text("""
    UPDATE login_attempts SET next_try_at = next_try_at - make_interval(secs => :seconds_each) WHERE address_key = :key
""")
_RESET = text("DELETE FROM login_attempts WHERE address_key = ANY(:keys)")
# Two at a time keep the table at the size of a day's attempts, as each attempt adds one row at most.
_DELETE_OLD = text("""
    DELETE FROM login_attempts WHERE address_key IN (
        SELECT address_key FROM login_attempts  -- Uses index: login_attempts_age
        WHERE next_try_at < now() - interval '1 day' ORDER BY next_try_at LIMIT 2 FOR UPDATE SKIP LOCKED)
""")


def try_attempt(tx: Transaction, kind: AttemptLimit, email: str, client: str = "", *, is_guarded: bool = False) -> bool:
    """Take one try of this kind at an address; False, and none is taken, where the next is not due yet.

    `client` names a network, a device or a session; `is_guarded` spaces the tries out from the first on.
    """
    waits = [_GUARDED_WAIT] if is_guarded else list(kind.waits)
    values = {"key": _key(kind, email, client), "waits": waits, "resets_after": kind.resets_after}
    is_due = tx.execute(_TRY_ATTEMPT, values).first() is not None
    tx.execute(_DELETE_OLD)
    return is_due


def count_attempt(
    tx: Transaction,
    kind: AttemptLimit,
    email: str,
    client: ClientNetwork = UNKNOWN_CLIENT,
    *,
    known: str | None = None,
    checks_network: bool = True,
) -> None:
    """Count one attempt at the password or code of an address. Commit before comparing what was given.

    `known` is the key of a known device or session. Without `checks_network` the attempt counts although the network's
    budget is used up: for codes that can't be guessed, so that the neighbours of an attacker get in by them.
    Raises TooManyAttempts without counting.
    """
    if known is None and checks_network:
        _check_network(tx, client)
    is_guarded = known is None and seconds_over_budget(tx, ACCOUNT, email) > 0
    _take_attempt(tx, kind, email, known or client.network, is_guarded=is_guarded)


def count_second_factor(tx: Transaction, email: str, client: ClientNetwork, *, known: str | None) -> None:
    """Count one attempt at the second factor of an account, whose person is locked. Raises TooManyAttempts."""
    over = 0 if known else seconds_over_budget(tx, SECOND_FACTOR, email)
    if over > 0:
        raise TooManyAttempts(retry_after_seconds=over)
    _take_attempt(tx, SECOND_FACTORS, email, known or client.network)
    if known is None:
        spend(tx, SECOND_FACTOR, email)


def reset_second_factor(tx: Transaction, email: str, client: ClientNetwork, *, known: str | None) -> None:
    """Reset the count of where a second factor was accepted, and give its attempt back to the budget."""
    tx.execute(_RESET, {"keys": [_key(SECOND_FACTORS, email, known or client.network)]})
    if known is None:
        restore(tx, SECOND_FACTOR, email)


def record_failure(tx: Transaction, email: str, client: ClientNetwork, *, known: str | None = None) -> None:
    """Count a failed attempt against the budgets of the account and its network."""
    if known is None:
        spend(tx, ACCOUNT, email)
        if client.network:
            spend(tx, NETWORK, client.network)


def reset(tx: Transaction, email: str, client: ClientNetwork = UNKNOWN_CLIENT, *, known: str | None = None) -> None:
    """Reset the counts of an account whose owner has proved who they are."""
    keys = [_key(kind, email, where) for kind in _ALL for where in {"", client.network, known or ""}]
    tx.execute(_RESET, {"keys": keys})


def spend(tx: Transaction, budget: LeakyBucket, whose: str) -> None:
    """Count one against a budget, also beyond it."""
    tx.execute(_SPEND, {"key": _budget_key(budget, whose), "seconds_each": budget.seconds_each})


def restore(tx: Transaction, budget: LeakyBucket, whose: str) -> None:
    """Count one less against a budget."""
    tx.execute(_RESTORE, {"key": _budget_key(budget, whose), "seconds_each": budget.seconds_each})


def reset_budget(tx: Transaction, budget: LeakyBucket, whose: str) -> None:
    """Count nothing against a budget any more."""
    tx.execute(_RESET, {"keys": [_budget_key(budget, whose)]})


def seconds_over_budget(tx: Transaction, budget: LeakyBucket, whose: str) -> int:
    """The seconds until one more is within a budget; 0 or less where it is now."""
    ahead = tx.execute(_SECONDS_LEFT, {"key": _budget_key(budget, whose)}).scalar()
    return int(ahead or 0) - (budget.most - 1) * budget.seconds_each


def _take_attempt(tx: Transaction, kind: AttemptLimit, email: str, client: str, *, is_guarded: bool = False) -> None:
    """Like `try_attempt`. Raises TooManyAttempts where the next is not due yet."""
    if not try_attempt(tx, kind, email, client, is_guarded=is_guarded):
        left = tx.execute(_SECONDS_LEFT, {"key": _key(kind, email, client)}).scalar()
        raise TooManyAttempts(retry_after_seconds=max(left or 0, 1))


def _check_network(tx: Transaction, client: ClientNetwork) -> None:
    over = seconds_over_budget(tx, NETWORK, client.network) if settings().rate_limits != "off" else 0
    if over > 0:
        raise TooManyAttempts(retry_after_seconds=over)


def _budget_key(budget: LeakyBucket, whose: str) -> str:
    return codes.keyed_hash(f"budget {budget.name}:{whose}")


def _key(kind: AttemptLimit, email: str, client: str = "") -> str:
    return codes.keyed_hash(f"{kind.name}:{email}" + (f":{client}" if client else ""))
