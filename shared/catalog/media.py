"""Banners: an event's picture in the public bucket (EM-002, EM-004).

An object is named by the hash of its content and never changes, so browsers and the CDN may keep it for
ever. The banner that another one replaces stays until the bucket's lifecycle rule removes it.
"""

import hashlib
from uuid import UUID

from shared import pictures
from shared.catalog import editing
from shared.catalog.events import EventResponse
from shared.cloud import media
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.pictures import Picture

MAX_BANNER_BYTES = 5 * 1024 * 1024
FOR_EVER = "public, max-age=31536000, immutable"


def set_banner(caller: Principal, event_id: UUID, content: bytes) -> EventResponse:
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
    media.store(name, picture, cache_control=FOR_EVER)
    return media.url(name)
