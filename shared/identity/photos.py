"""Profile photos: small squares in the public bucket, at unguessable URLs (UM-007).

A photo is personal data, so caches keep it for an hour only, and a replaced one is deleted. All photos of an account
have one prefix, by which they are deleted with it.
"""

from uuid import UUID, uuid4

from sqlalchemy import text

from shared import pictures
from shared.cloud import media, object_deletion
from shared.cloud.database import Transaction, transaction
from shared.cloud.settings import settings
from shared.identity import people, profiles
from shared.identity.profiles import ProfileResponse
from shared.problems import NotSignedIn

MAX_PHOTO_BYTES = 5 * 1024 * 1024
CACHE_ONE_HOUR = "public, max-age=3600"

_SET = text("""
    UPDATE users u SET photo_object = :name, updated_at = now()
    FROM (SELECT id, photo_object FROM users WHERE id = :id) before
    WHERE u.id = before.id
    RETURNING before.photo_object
""")


def replace(user_id: UUID, content: bytes) -> ProfileResponse:
    """Set the photo of a profile to this picture (JPEG or PNG), cropped to a square.

    Decoding and storing happen before the transaction. A photo that is stored in vain is never shown, and is deleted
    with the account. Raises NotSignedIn where the account is gone, NotAnImage, Invalid.
    """
    with transaction() as tx:
        profiles.read(tx, user_id)
    picture = pictures.portrait(content)
    name = f"{_folder(user_id)}{uuid4().hex}.{picture.extension}"
    media.store(name, picture, cache_control=CACHE_ONE_HOUR)
    with transaction() as tx:
        _set(tx, user_id, name)
        return profiles.read(tx, user_id)


def remove(tx: Transaction, user_id: UUID) -> None:
    """Remove the photo. Raises NotSignedIn where the account is gone."""
    _set(tx, user_id, None)


def remove_all(tx: Transaction, user_id: UUID) -> None:
    """Delete every photo that an account ever stored. The caller changes its row."""
    object_deletion.delete_after_commit(tx, settings().media_bucket, [_folder(user_id)])


def _set(tx: Transaction, user_id: UUID, name: str | None) -> None:
    if people.lock(tx, user_id) is None:
        raise NotSignedIn("This account is gone. Register again.")
    before = tx.execute(_SET, {"id": user_id, "name": name}).scalar_one()
    if before:
        object_deletion.delete_after_commit(tx, settings().media_bucket, [before])


def _folder(user_id: UUID) -> str:
    return f"photos/{user_id.hex}/"
