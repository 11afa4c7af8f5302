"""Upload of an event's banner to the public bucket, as sent and in the sizes that pages show (EM-002, EM-004).

All objects of a banner are in a folder of their own and never change, so browsers and the CDN may keep them for ever.
They are deleted some time after the banner was replaced or its event deleted.
"""

from uuid import UUID, uuid4

from shared import pictures
from shared.banners import Banner, BannerVariant
from shared.catalog import editing
from shared.catalog.banner_deletion import FOLDER
from shared.catalog.events import EventResponse
from shared.cloud import media
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.pictures import Picture

MAX_BANNER_BYTES = 5 * 1024 * 1024
IMMUTABLE = "public, max-age=31536000, immutable"
WIDTHS = (480, 960, 1600)
"""The widths of a phone, of a phone with two pixels to the point, and of a desktop."""


def set_banner(caller: Principal, event_id: UUID, content: bytes) -> EventResponse:
    """Set the event's banner to this picture (JPEG or PNG).

    Decoding and storing happen between two short transactions; a banner that is stored in vain is harmless.
    Raises NotFound, EventCancelled, NotAnImage, Invalid.
    """
    with transaction() as tx:
        editing.lock_changeable(tx, caller, event_id)
    banner = _store(*pictures.clean(content, WIDTHS))
    with transaction() as tx:
        return editing.set_banner(tx, caller, event_id, banner)


def _store(original: Picture, variants: list[Picture]) -> Banner:
    """Store a picture in the public bucket, and return its address."""
    folder = f"{FOLDER}{uuid4().hex}/"
    return Banner(
        url=_put(f"{folder}original", original),
        width=original.width,
        height=original.height,
        variants=[_variant(folder, variant) for variant in sorted(variants, key=lambda variant: variant.width)],
    )


def _variant(folder: str, picture: Picture) -> BannerVariant:
    return BannerVariant(url=_put(f"{folder}{picture.width}", picture), width=picture.width, height=picture.height)


def _put(stem: str, picture: Picture) -> str:
    """Store a picture and return its URL."""
    name = f"{stem}.{picture.extension}"
    media.store(name, picture, cache_control=IMMUTABLE)
    return media.url(name)
