"""Encryption of fields that a reader of the database must not see: identity numbers, bank accounts, vouchers (SEC-002).

    v3.<base64url of nonce and ciphertext>      AES-256-GCM; 3 is the version of the secret that made the key

A rotation adds a version to the secret. New values are encrypted with it; old ones stay readable through the version
they name, until `python -m shared.privacy.key_rotation` has re-encrypted them and the old version is disabled. Values
that must be unique or searchable have a fingerprint (blind index) beside them, under a key that never changes.

The cryptography library is imported with the first such value, as most instances never handle one.
"""

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from shared.cloud.secrets import secret, version

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY: Final = "field-encryption-key"
FINGERPRINT_KEY: Final = "fingerprint-key"

_NONCE_BYTES: Final = 12  # what GCM is made for; random, so far fewer than 2**32 values may share a key


class DecryptionFailed(ValueError):
    """An encrypted value was changed, belongs to another row, or its key is gone."""


def encrypt(plain: str, *, about: str) -> str:
    """Encrypt `plain` with `about` (`identity_number:<item id>`) as associated data, which decryption needs too."""
    key = version(KEY)
    nonce = os.urandom(_NONCE_BYTES)
    encrypted = _cipher(key.value).encrypt(nonce, plain.encode(), about.encode())
    return f"v{key.number}.{base64.urlsafe_b64encode(nonce + encrypted).decode()}"


def decrypt(encrypted: str, *, about: str) -> str:
    """The plain text that `encrypt` was given. Raises DecryptionFailed where the value or `about` has changed."""
    from cryptography.exceptions import InvalidTag

    number, _, encoded = encrypted.removeprefix("v").partition(".")
    try:
        content = base64.urlsafe_b64decode(encoded)
        key = version(KEY, number)
        return _cipher(key.value).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], about.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise DecryptionFailed(
            f"an encrypted value of key version {number!r} about {about.partition(':')[0]}"
        ) from error


def current_prefix() -> str:
    """The prefix of every value that is encrypted under the newest key."""
    return f"v{version(KEY).number}."


def fingerprint(plain: str, *, purpose: str) -> str:
    """A blind index in hex: equal for equal texts of one purpose, and useless without the key."""
    key = secret(FINGERPRINT_KEY).encode()
    return hmac.digest(key, f"{purpose}\0{plain}".encode(), hashlib.sha256).hex()


@lru_cache(maxsize=8)
def _cipher(secret_value: str) -> "AESGCM":
    """The cipher for a key that HKDF derives from the secret, which may be any text of enough entropy."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), length=32, salt=None, info=b"karcis field").derive(secret_value.encode()))
