"""UM-004, SEC-004: refresh tokens work once; one that is used again ends its whole family."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import sessions
from shared.identity.sessions import RefreshRequest, SessionEnded, Tokens
from shared.identity.tokens import principal_of
from tests.integration.identity.steps import a_member, login
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def refresh(tokens: Tokens) -> Tokens:
    """Use a refresh token."""
    return sessions.refresh(RefreshRequest(refresh_token=tokens.refresh_token))


def let_pass(tokens: Tokens, *, seconds: int = 0, days: int = 0) -> None:
    """Make a token that much older."""
    with transaction() as tx:
        tx.execute(
            text("""
                UPDATE refresh_tokens SET spent_at = spent_at - make_interval(secs => :seconds),
                    expires_at = expires_at - make_interval(days => :days)
                WHERE token_hash = :hash
            """),
            {"seconds": seconds, "days": days, "hash": sessions._hashed(tokens.refresh_token)},
        )


def is_over(tokens: Tokens) -> bool:
    """True if a token is refused."""
    try:
        refresh(tokens)
    except SessionEnded:
        return True
    return False


def test_each_refresh_gives_new_tokens_for_the_same_person():
    member = a_member()
    first = login(member.email)
    second = refresh(first)
    third = refresh(second)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    principal = principal_of(third.access_token)
    assert principal is not None
    assert principal.id == member.id
    assert third.expires_in == 900


def test_a_spent_token_used_again_ends_the_whole_family_and_no_other():
    member = a_member()
    other_device = login(member.email)
    first = login(member.email)
    second = refresh(first)
    third = refresh(second)
    let_pass(first, seconds=11)

    assert is_over(first)
    assert is_over(third), "the end outlives the refusal that brought it"
    assert is_over(second)
    assert not is_over(other_device)


def test_the_end_of_a_stolen_family_is_in_the_audit_trail():
    member = a_member()
    first = login(member.email)
    refresh(first)
    let_pass(first, seconds=11)
    assert is_over(first)
    with transaction() as tx:
        recorded = tx.execute(
            text("SELECT count(*) FROM audit_log WHERE action = 'session.reused' AND subject_id = :id"),
            {"id": str(member.id)},
        )
        assert recorded.scalar_one() == 1


def test_two_tabs_may_refresh_at_the_same_moment():
    first = login(a_member().email)
    fresh = at_the_same_time([lambda: refresh(first)] * 8)
    assert not any(is_over(tokens) for tokens in fresh)


def live_tokens(tokens: Tokens) -> int:
    """The number of tokens of a family that may still be exchanged."""
    with transaction() as tx:
        found: int = tx.execute(
            text("""
                SELECT count(*) FROM refresh_tokens
                WHERE family_id = :family_id AND spent_at IS NULL AND ended_at IS NULL
            """),
            {"family_id": tokens.session_id},
        ).scalar_one()
    return found


def test_eight_refreshes_in_the_same_moment_give_one_successor():
    first = login(a_member().email)
    fresh = at_the_same_time([lambda: refresh(first)] * 8)
    assert len({tokens.refresh_token for tokens in fresh}) == 1
    assert live_tokens(first) == 1


def test_a_client_that_lost_the_answer_gets_the_same_successor_and_later_ends_the_family():
    first = login(a_member().email)
    second = refresh(first)
    third = refresh(second)
    assert refresh(first).refresh_token == second.refresh_token
    assert live_tokens(first) == 1
    let_pass(first, seconds=11)
    assert is_over(first)
    assert is_over(third)


def test_a_family_that_ends_while_it_is_refreshed_leaves_no_token_behind():
    first = login(a_member().email)
    second = refresh(first)
    let_pass(first, seconds=11)

    acts = [lambda: is_over(first)] + [lambda: _refreshed_or_none(second)] * 6
    outcomes = at_the_same_time(acts)

    survivors = [outcome for outcome in outcomes[1:] if isinstance(outcome, Tokens)]
    assert all(is_over(tokens) for tokens in survivors)


def _refreshed_or_none(tokens: Tokens) -> Tokens | None:
    try:
        return refresh(tokens)
    except SessionEnded:
        return None


def test_a_token_lives_seven_days():
    tokens = login(a_member().email)
    with transaction() as tx:
        life = tx.execute(
            text("SELECT expires_at - created_at FROM refresh_tokens WHERE token_hash = :hash"),
            {"hash": sessions._hashed(tokens.refresh_token)},
        ).scalar_one()
    assert life.days == 7
    let_pass(tokens, days=7)
    assert is_over(tokens)


def test_signing_out_ends_the_family():
    first = login(a_member().email)
    second = refresh(first)
    with transaction() as tx:
        sessions.end(tx, RefreshRequest(refresh_token=first.refresh_token))
    assert is_over(second)


def test_signing_out_with_an_unknown_token_is_no_error():
    with transaction() as tx:
        sessions.end(tx, RefreshRequest(refresh_token="nobody's"))


def test_a_made_up_token_and_one_of_a_deleted_account_are_refused():
    member = a_member()
    tokens = login(member.email)
    with transaction() as tx:
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": member.id})
    assert is_over(tokens)
    assert is_over(Tokens(access_token="", refresh_token="made-up", expires_in=0, session_id=uuid4()))


def test_only_a_hash_of_the_token_is_kept():
    tokens = login(a_member().email)
    with transaction() as tx:
        kept = tx.execute(
            text("SELECT count(*) FROM refresh_tokens WHERE token_hash = :t"), {"t": tokens.refresh_token}
        )
        assert kept.scalar_one() == 0
