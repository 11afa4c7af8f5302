"""Few passwords are hashed at a time; whoever would wait too long is asked to come back."""

import threading

import pytest

from shared.identity import passwords
from shared.problems import TryAgain

HASH = passwords.hash_password("Rahasia#1", cost=4)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAIT_SECONDS", 0.05)


def test_who_would_wait_too_long_is_asked_to_come_back(no_patience: None):
    taken = [passwords._hashing_slots.acquire() for _ in range(passwords.MAX_CONCURRENT_HASHES)]
    try:
        with pytest.raises(TryAgain) as refused:
            passwords.matches("Rahasia#1", HASH)
        assert refused.value.retry_after_seconds
    finally:
        for _ in taken:
            passwords._hashing_slots.release()
    assert passwords.matches("Rahasia#1", HASH)


def test_turns_are_given_back(no_patience: None):
    threads = [
        threading.Thread(target=passwords.matches, args=("x", HASH)) for _ in range(passwords.MAX_CONCURRENT_HASHES)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(passwords.matches("Rahasia#1", HASH) for _ in range(5))
