"""The draw: a permutation of the first places of a waiting room, which nobody could know before and anybody can check.

It is a Feistel network whose rounds are HMAC-SHA256 under the room's key, on the smallest power of four that holds all
numbers; a result beyond them is permuted again (cycle walking). The key's hash, the commitment, is published with the
room, and the key at the hour. `shared/site/static/waiting-room.js` computes the same.
"""

import hashlib
import hmac
from uuid import UUID

from shared.cloud import secrets
from shared.sales.queue_passes import KEY

ROUNDS = 10


def key_of(room_id: UUID, version: str) -> str:
    """The key of a room's draw, in hex. It is in no table before the hour.

    `version` is that of the secret when the room was made: a rotation in between changes no draw.
    """
    known = secrets.version(KEY, version).value
    return hmac.digest(known.encode(), b"draw:" + room_id.bytes, "sha256").hex()


def commitment_to(key: str) -> str:
    """The hash that is published beforehand, so that the key can't be chosen afterwards."""
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()


def position(number: int, size: int, key: str) -> int:
    """The position of a place's number: drawn for the first `size` numbers, the number itself for later ones."""
    if number > size:
        return number
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    drawn = _permuted(number - 1, size, half, bytes.fromhex(key))
    while drawn >= size:
        drawn = _permuted(drawn, size, half, bytes.fromhex(key))
    return drawn + 1


def _permuted(value: int, size: int, half: int, key: bytes) -> int:
    mask = (1 << half) - 1
    left, right = value >> half, value & mask
    for turn in range(ROUNDS):
        left, right = right, left ^ (_hashed(key, size, turn, right) & mask)
    return left << half | right


def _hashed(key: bytes, size: int, turn: int, value: int) -> int:
    return int.from_bytes(hmac.digest(key, f"{size}:{turn}:{value}".encode(), "sha256")[:4], "big")
