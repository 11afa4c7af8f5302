"""TS-004: the addresses that are accepted without asking the library are those that it leaves as they are."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError, networks

from shared.sales import reservation_requests
from shared.sales.reservation_requests import Email

ADDRESS = TypeAdapter(Email)
LETTERS = st.text("abzAZ019.-_+@", max_size=70)
LABELS = st.lists(st.text("abxn019-", min_size=1, max_size=66), min_size=1, max_size=4)
ENDINGS = st.sampled_from(
    ["com", "id", "test", "local", "arpa", "onion", "invalid", "localhost", "a1", "c", "xn--p1ai"]
)


@given(
    st.one_of(
        LETTERS, st.builds(lambda name, labels, end: f"{name}@{'.'.join([*labels, end])}", LETTERS, LABELS, ENDINGS)
    )
)
@example("siti.rahma+tiket@mail-1.example.co.id")
@example("a@xn--80ak6aa92e.com")
@example("a@b--c.com")
@example("a@1.2.3.4")
@example(f"{'a' * 65}@example.com")
@example(f"a@{'b' * 64}.com")
@example(f"a@{'b' * 31}-{'c' * 15}-{'d' * 15}.com")
@example(f"a@{'b' * 32}-{'c' * 31}.com")
def test_a_common_address_is_one_that_the_library_leaves_alone(text: str):
    if reservation_requests._COMMON_ADDRESS.fullmatch(text):
        assert networks.validate_email(text)[1] == text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("siti@example.com", "siti@example.com"),
        (" Siti@Example.COM ", "Siti@example.com"),
        ("siti@bücher.example", "siti@bücher.example"),
        ("Siti <siti@example.com>", "siti@example.com"),
    ],
)
def test_an_address_is_kept_in_its_normal_form(given: str, kept: str):
    assert ADDRESS.validate_python(given) == kept


@pytest.mark.parametrize(
    "wrong", ["siti", "siti@", "@example.com", "siti@example", "siti@host.local", "s\n@example.com", 7]
)
def test_what_is_no_address_is_refused_in_our_words(wrong: object):
    with pytest.raises(ValidationError, match="is not an e-mail address"):
        ADDRESS.validate_python(wrong)
