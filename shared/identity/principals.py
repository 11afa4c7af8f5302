"""The current role, session and second factor of a caller, whose access token may be out of date (UM-004, MFA-1)."""

from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.identity.sessions import SessionEnded
from shared.identity.tokens import Principal
from shared.problems import AccountGone, Forbidden

_NOW = text("""
    SELECT role, CASE role WHEN 'organizer' THEN id ELSE organizer_id END AS organizer_id,
        EXISTS (SELECT 1 FROM second_factors WHERE user_id = users.id) AS has_second_factor,
        CAST(:session_id AS uuid) IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM refresh_tokens  -- Uses index: refresh_tokens_family
            WHERE family_id = CAST(:session_id AS uuid) AND ended_at IS NULL) AS is_signed_out
    FROM users WHERE id = :id AND NOT is_deleted
""")


class FreshProofRequired(Forbidden):
    """This needs a proof of who you are that is only minutes old.

    POST /api/v1/auth/confirm with your password, or with a code that POST /api/v1/auth/confirm/code mails to you, and
    with your second factor if you have one; then repeat this request with the new access token.
    """

    slug = "fresh-proof-required"
    caller: Principal | None = None
    """The person who was asked for it."""


class SecondFactorRequired(Forbidden):
    """Admins need a second factor. Set one up on the page of your account, or by POST /api/v1/account/second-factor.

    Then repeat this request.
    """

    slug = "second-factor-required"


def refresh(tx: Transaction, claimed: Principal) -> Principal:
    """The principal of a token with its current role. An admin without the required second factor acts as a customer.

    Raises AccountGone, and SessionEnded where the token's session has ended.
    """
    now = tx.execute(_NOW, {"id": claimed.id, "session_id": claimed.session_id}).first()
    if now is None:
        raise AccountGone
    if now.is_signed_out:
        raise SessionEnded
    lacks_second_factor = now.role == "admin" and not now.has_second_factor and is_second_factor_required()
    role = "customer" if lacks_second_factor else now.role
    return Principal(
        claimed.id,
        role,
        now.organizer_id,
        claimed.session_id,
        claimed.auth_time,
        lacks_second_factor=lacks_second_factor,
    )


def is_second_factor_required() -> bool:
    """True if admins must have a second factor."""
    return settings().second_factor_for_admins != "optional"


def require_fresh_proof(caller: Principal, *, within_seconds: int | None = None) -> None:
    """Require a recent authentication of the caller. Raises FreshProofRequired."""
    most = settings().fresh_proof_seconds if within_seconds is None else within_seconds
    if caller.auth_time is None or clock.now().timestamp() - caller.auth_time > most:
        refusal = FreshProofRequired()
        refusal.caller = caller
        raise refusal


def require_step_up(caller: Principal) -> None:
    """Require of an admin who moves money an authentication of the last minutes. Raises FreshProofRequired."""
    if caller.role == "admin":
        require_fresh_proof(caller, within_seconds=settings().step_up_seconds)
