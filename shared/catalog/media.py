"""Banners: an event's picture in the public bucket (EM-002, EM-004).

An object is named by the hash of its content and never changes, so browsers and the CDN may keep it for
ever. The banner that another one replaces stays until the bucket's lifecycle rule removes it.
"""

import hashlib
from uuid import UUID

from shared.catalog import editing, pictures
from shared.catalog.events import EventAnswer
from shared.catalog.pictures import Picture
from shared.cloud import storage
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity.tokens import Principal

MAX_BANNER_BYTES = 5 * 1024 * 1024
FOR_EVER = "public, max-age=31536000, immutable"


def set_banner(caller: Principal, event_id: UUID, content: bytes) -> EventAnswer:
    """Show this picture (JPEG or PNG) with the event.

    Decoding and storing happen between two short transactions; a banner stored for nothing is harmless.
    Raises NotFound, EventCancelled, NotAnImage, Invalid.
    """
    with transaction() as tx:
        editing.lock_changeable(tx, caller, event_id)
    url = _store(pictures.clean(content))
    with transaction() as tx:
        return editing.set_banner(tx, caller, event_id, url)


def _store(picture: Picture) -> str:
    """Where everybody can see it."""
    name = f"banners/{hashlib.sha256(picture.content).hexdigest()}.{picture.extension}"
    bucket = settings().media_bucket
    storage.put_once(bucket, name, picture.content, picture.content_type, cache_control=FOR_EVER)
    return f"{settings().media_base_url}/{name}"
