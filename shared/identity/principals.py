"""The current role and session of a caller, whose access token may be out of date (UM-004)."""

from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.identity.sessions import SessionEnded
from shared.identity.tokens import Principal
from shared.problems import AccountGone, Forbidden

_NOW = text("""
    SELECT role, CASE role WHEN 'organizer' THEN id ELSE organizer_id END AS organizer_id,
        CAST(:session_id AS uuid) IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM refresh_tokens  -- Uses index: refresh_tokens_family
            WHERE family_id = CAST(:session_id AS uuid) AND ended_at IS NULL) AS is_signed_out
    FROM users WHERE id = :id AND NOT is_deleted
""")


class FreshProofRequired(Forbidden):
    """This needs a proof of who you are that is not older than five minutes.

    POST /api/v1/auth/confirm with your password, or with a code that POST /api/v1/auth/confirm/code mails to you; then
    repeat this request with the new access token.
    """

    slug = "fresh-proof-required"


def refresh(tx: Transaction, claimed: Principal) -> Principal:
    """The principal of a token with its current role.

    Raises AccountGone, and SessionEnded where the token's session has ended.
    """
    now = tx.execute(_NOW, {"id": claimed.id, "session_id": claimed.session_id}).first()
    if now is None:
        raise AccountGone
    if now.is_signed_out:
        raise SessionEnded
    return Principal(claimed.id, now.role, now.organizer_id, claimed.session_id, claimed.auth_time)


def require_fresh_proof(caller: Principal) -> None:
    """Require a recent authentication of the caller. Raises FreshProofRequired."""
    proven_at = caller.auth_time
    if proven_at is None or clock.now().timestamp() - proven_at > settings().fresh_proof_seconds:
        raise FreshProofRequired
