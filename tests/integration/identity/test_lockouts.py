"""SEC-004: strangers who guess lock nobody out, and guess in vain all the same."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity import (
    client_networks,
    login_throttling,
    password_change,
    password_reset,
    password_sign_in,
)
from shared.identity.client_networks import ClientNetwork
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_reset import PasswordReset
from shared.identity.password_sign_in import Credentials, InvalidCredentials
from shared.identity.sessions import Tokens
from tests.endpoints import call, problem
from tests.integration.identity.steps import (
    NEW_PASSWORD,
    PASSWORD,
    Member,
    a_member,
    an_address,
    code_in,
    forget_password,
    login,
)

pytestmark = pytest.mark.usefixtures("database")

HOME = ClientNetwork("192.0.2.0/24")


def network(number: int) -> ClientNetwork:
    """One of many networks of strangers."""
    return ClientNetwork(f"10.{number // 250}.{number % 250}.0/24")


def attack(email: str, *, networks: int, tries: int = 6) -> None:
    """Strangers try wrong passwords from many networks."""
    for number in range(networks):
        for _ in range(tries):
            with suppress(TooManyAttempts, InvalidCredentials):
                password_sign_in.login(Credentials(email=email, password=NEW_PASSWORD), network(number))


def sign_in(member: Member, place: ClientNetwork = HOME, password: str = PASSWORD) -> Tokens:
    return password_sign_in.login(Credentials(email=member.email, password=password), place)


@pytest.fixture
def member() -> Member:
    return a_member()


def test_the_owner_signs_in_from_elsewhere_while_strangers_guess(member: Member):
    attack(member.email, networks=3)
    with pytest.raises(TooManyAttempts):
        sign_in(member, network(0))
    assert sign_in(member)


def test_under_a_large_attack_the_right_password_passes_from_where_nobody_has_failed(member: Member):
    attack(member.email, networks=12)
    assert sign_in(member)


def test_under_a_large_attack_each_network_has_one_try_in_six_hours(member: Member):
    attack(member.email, networks=12)
    fresh = network(77)
    with pytest.raises(InvalidCredentials):
        sign_in(member, fresh, NEW_PASSWORD)
    with pytest.raises(TooManyAttempts) as refused:
        sign_in(member, fresh, NEW_PASSWORD)
    assert refused.value.retry_after_seconds is not None
    assert refused.value.retry_after_seconds > 6 * 3600 - 60


def test_a_known_device_is_not_kept_waiting_by_its_own_network(member: Member):
    device = client_networks.device_token(None, member.id)
    attack(member.email, networks=1)
    with pytest.raises(TooManyAttempts):
        sign_in(member, network(0))
    assert sign_in(member, ClientNetwork(network(0).network, device))


def test_a_refresh_token_of_the_account_makes_a_device_known(member: Member):
    kept = login(member.email).refresh_token
    attack(member.email, networks=1)
    assert sign_in(member, ClientNetwork(network(0).network, refresh_token=kept))
    named = Credentials(email=member.email, password=PASSWORD, refresh_token=kept)
    assert password_sign_in.login(named, network(0))


def test_a_known_device_guesses_no_more_than_others(member: Member):
    device = ClientNetwork("", client_networks.device_token(None, member.id))
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            sign_in(member, device, NEW_PASSWORD)
    with pytest.raises(TooManyAttempts):
        sign_in(member, device)


@pytest.mark.parametrize("forged", ["", "~", "{id}.1.2", "{id}.{other}", "{other}"])
def test_a_forged_device_or_one_of_another_account_is_not_known(member: Member, forged: str):
    other = client_networks.device_token(None, a_member().id) or ""
    device = forged.format(id=member.id.hex, other=other)
    attack(member.email, networks=1)
    with pytest.raises(TooManyAttempts):
        sign_in(member, ClientNetwork(network(0).network, device))


def test_a_browser_is_known_for_five_accounts_at_most():
    members = [a_member() for _ in range(6)]
    cookie = None
    for each in members:
        cookie = client_networks.device_token(cookie, each.id) or cookie
    with transaction() as tx:
        known = [client_networks.known_device(tx, ClientNetwork("", cookie), each.id) is not None for each in members]
    assert known == [False] + [True] * 5
    assert client_networks.device_token(cookie, members[-1].id) is None


def test_a_signed_in_caller_is_not_kept_waiting_by_strangers(member: Member):
    attack(member.email, networks=12)
    for _ in range(5):
        with suppress(TooManyAttempts, InvalidCredentials):
            login(member.email, NEW_PASSWORD)
    assert password_change.verify_password(member.id, PASSWORD)


def test_a_forgotten_password_is_replaced_while_strangers_guess_codes(member: Member):
    code = code_in(forget_password(member.email))
    for number in range(12):
        for _ in range(6):
            with suppress(TooManyAttempts, CodeInvalid):
                junk = PasswordReset(email=member.email, code="0000000000", password=PASSWORD)
                password_reset.reset_password(junk, network(number))
    password_reset.reset_password(PasswordReset(email=member.email, code=code, password=NEW_PASSWORD), HOME)
    assert sign_in(member, HOME, NEW_PASSWORD)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rate limits are on, as in production."""
    monkeypatch.setenv("RATE_LIMITS", "on")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def keep_guessing(member: Member, place: ClientNetwork) -> None:
    """Sign in until that is refused: what a slow machine's network gains back meanwhile is used up at once."""
    for _ in range(100):
        sign_in(member, place)
        with transaction() as tx:
            login_throttling.record_failure(tx, an_address(), place)


@pytest.mark.usefixtures("counting")
def test_a_network_that_guesses_at_the_whole_population_is_slowed_down(member: Member):
    sprayer = network(9000)  # nobody else has failed there
    with transaction() as tx:
        for _ in range(login_throttling.NETWORK.most):
            login_throttling.record_failure(tx, an_address(), sprayer)
    with pytest.raises(TooManyAttempts) as refused:
        keep_guessing(member, sprayer)
    assert refused.value.retry_after_seconds is not None
    assert refused.value.retry_after_seconds <= login_throttling.NETWORK.seconds_each
    assert sign_in(member, HOME)


def test_sign_ins_leave_a_trace_which_no_flood_makes_long(member: Member):
    attack(member.email, networks=3)
    for _ in range(3):
        sign_in(member)
    with transaction() as tx:
        lines = tx.execute(
            text("SELECT action FROM audit_log WHERE subject_id = :id ORDER BY id"), {"id": str(member.id)}
        ).scalars()
        assert list(lines) == ["user.sign_in_failed", "user.signed_in"]


def test_the_endpoint_knows_networks(member: Member):
    def answer(address: str, password: str):
        body = {"email": member.email, "password": password}
        return call("POST", "/auth/login", json=body, environ_base={"REMOTE_ADDR": address})

    for n in range(5):
        assert problem(answer(f"198.51.100.{n}", NEW_PASSWORD)) == (401, "invalid-credentials")
    assert problem(answer("198.51.100.99", PASSWORD)) == (429, "too-many-attempts")
    assert answer("198.51.101.1", PASSWORD).status_code == 200
