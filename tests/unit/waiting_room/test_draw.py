"""The draw gives each position once, favours nobody, and can be checked by whoever has the key."""

import hashlib
from collections import Counter
from uuid import uuid4

import pytest

from shared.waiting_room import draw

KEY = "6f62034be756ae36ee0e7a67ce3ca8878714394762240b6e5f085f2b739e648c"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 17, 1000])
def test_each_position_is_given_once(size: int):
    positions = [draw.position(number, size, KEY) for number in range(1, size + 1)]
    assert sorted(positions) == list(range(1, size + 1))


def test_who_comes_after_the_draw_stands_behind_it_in_the_order_of_coming():
    assert [draw.position(number, 100, KEY) for number in (101, 102, 250)] == [101, 102, 250]


def test_who_comes_first_has_no_better_chance_than_who_comes_last():
    keys = [hashlib.sha256(bytes([high, low])).hexdigest() for high in range(8) for low in range(250)]
    for number in (1, 10):
        landed = Counter(draw.position(number, 10, key) for key in keys)
        assert len(landed) == 10
        assert all(150 < count < 250 for count in landed.values()), landed


def test_the_size_changes_the_whole_order():
    before, after = ([draw.position(number, size, KEY) for number in range(1, 101)] for size in (100, 101))
    assert sum(one == other for one, other in zip(before, after, strict=True)) < 10


def test_the_commitment_is_the_hash_of_the_key():
    assert draw.commitment_to(KEY) == hashlib.sha256(bytes.fromhex(KEY)).hexdigest()


def test_each_room_has_a_key_of_its_own():
    room = uuid4()
    assert draw.key_of(room, "1") == draw.key_of(room, "1") != draw.key_of(uuid4(), "1")
