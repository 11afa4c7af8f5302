"""Erasure of a person: the account's row stays for the ledger, without personal data (DP-002, DP-003)."""

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import login_throttling, photos, sign_in_codes, unverified_registrations
from shared.identity.people import Person

NAME = "Akun dihapus"
"""The name on orders and in organizers' reports after an account is deleted, in Indonesian."""

DOMAIN = "deleted.invalid"
"""The domain of the marker addresses of deleted accounts; it can't exist (RFC 2606)."""

ERASED_COLUMNS = f"""
    email = 'deleted-' || id || '@{DOMAIN}', full_name = '{NAME}', legal_name = NULL, payee_name = NULL, phone = NULL,
    password_hash = NULL,
    is_email_verified = false, oauth_provider = NULL, oauth_id = NULL, photo_object = NULL, marketing_opt_in = false,
    is_deleted = true, deleted_at = now(), updated_at = now()
"""
"""The changes to the row of a deleted account. Its codes and gate assignments are deleted with it (migration 0017)."""

_ERASE = text(f"UPDATE users SET {ERASED_COLUMNS} WHERE id = :id")
_SESSIONS = text("DELETE FROM refresh_tokens WHERE user_id = :id")


def erase(tx: Transaction, person: Person) -> None:
    """Erase the personal data of a person locked by people.lock_for_deletion, and end every session.

    The address is free for a new account from the commit on.
    """
    tx.execute(_ERASE, {"id": person.id})
    tx.execute(_SESSIONS, {"id": person.id})
    photos.remove_all(tx, person.id)
    login_throttling.reset(tx, person.email)
    unverified_registrations.delete(tx, person.email)
    sign_in_codes.delete(tx, person.email)


def marker_address(person: Person) -> str:
    """The marker address of a deleted account: one per person, as the column is unique."""
    return f"deleted-{person.id}@{DOMAIN}"
