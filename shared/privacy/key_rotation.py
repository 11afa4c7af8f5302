"""Key rotation: re-encryption of every encrypted field: `python -m shared.privacy.key_rotation`.

    1  add a version to the secret field-encryption-key: what is encrypted from now on uses it
    2  wait ten minutes, until no instance remembers the old version as the newest
    3  run this; run it again until it says that nothing was left
    4  disable the old version; destroy it once the backups that need it are gone

It works in small batches, each a transaction of its own, beside the running product, and can be stopped
anywhere. Fingerprints stay: their key is never changed.
"""

import sys
from dataclasses import dataclass

from sqlalchemy import text

from shared.cloud import audit, field_encryption
from shared.cloud.database import Transaction, transaction

BATCH_SIZE = 500


@dataclass(frozen=True)
class Field:
    """An encrypted column: where it is, and its `about` for field_encryption.encrypt (`{}` is the row's id)."""

    table: str
    key: str
    column: str
    about: str


FIELDS = (
    Field("bank_accounts", "id", "account_number_sealed", "bank_account:{}"),
    Field("registrations", "item_id", "identity_sealed", "identity_number:{}"),
    Field("second_factors", "user_id", "secret_sealed", "second_factor:{}"),
    Field("digital_units", "id", "secret_sealed", "digital_unit:{}"),
)
"""All of them: a test compares this list with the database's columns."""


def rotate() -> dict[str, int]:
    """Re-encrypt the values under older keys; return how many there were in each table.

    Raises field_encryption.DecryptionFailed where a value can't be opened any more: nothing of its batch is changed.
    """
    done = {field.table: _rotate(field) for field in FIELDS}
    with transaction() as tx:
        audit.record(
            tx, "fields.reencrypted", subject="fields", subject_id=field_encryption.current_prefix(), counts=done
        )
    return done


def _rotate(field: Field) -> int:
    total = 0
    while True:
        with transaction() as tx:
            count = _batch(tx, field)
        total += count
        if count < BATCH_SIZE:
            return total


def _batch(tx: Transaction, field: Field) -> int:
    found = text(f"""
        SELECT {field.key} AS key, {field.column} AS encrypted FROM {field.table}
        WHERE {field.column} <> '' AND NOT starts_with({field.column}, :prefix)
        ORDER BY {field.key} LIMIT {BATCH_SIZE} FOR NO KEY UPDATE SKIP LOCKED
    """)
    change = text(f"UPDATE {field.table} SET {field.column} = :encrypted WHERE {field.key} = :key")
    rows = tx.execute(found, {"prefix": field_encryption.current_prefix()}).all()
    reencrypted = [{"key": row.key, "encrypted": _reencrypt(field, row.key, row.encrypted)} for row in rows]
    if reencrypted:
        tx.execute(change, reencrypted)
    return len(reencrypted)


def _reencrypt(field: Field, key: object, encrypted: str) -> str:
    about = field.about.format(key)
    return field_encryption.encrypt(field_encryption.decrypt(encrypted, about=about), about=about)


if __name__ == "__main__":
    reencrypted = rotate()
    sys.stdout.write("".join(f"{table:16} {count}\n" for table, count in reencrypted.items()))
