"""An event's banner in the public bucket, as it was sent and in the sizes that pages show (EM-002, EM-004).

All objects of a banner lie in a folder of their own and never change, so browsers and the CDN may keep them for ever.
They are deleted a while after another banner has replaced them, or their event was deleted.
"""

from uuid import UUID, uuid4

from shared import pictures
from shared.catalog import editing
from shared.catalog.banners import FOLDER, Banner, BannerVariant
from shared.catalog.events import EventResponse
from shared.cloud import media
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.pictures import Picture

MAX_BANNER_BYTES = 5 * 1024 * 1024
FOR_EVER = "public, max-age=31536000, immutable"
WIDTHS = (480, 960, 1600)
"""A telephone's, a telephone's of two pixels to the point, and a desk's."""


def set_banner(caller: Principal, event_id: UUID, content: bytes) -> EventResponse:
    """Show this picture (JPEG or PNG) with the event.

    Decoding and storing happen between two short transactions; a banner stored for nothing is harmless.
    Raises NotFound, EventCancelled, NotAnImage, Invalid.
    """
    with transaction() as tx:
        editing.lock_changeable(tx, caller, event_id)
    banner = _store(*pictures.clean_with_variants(content, WIDTHS))
    with transaction() as tx:
        return editing.set_banner(tx, caller, event_id, banner)


def _store(original: Picture, variants: list[Picture]) -> Banner:
    """Where everybody can see it."""
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
    """The address of the picture, now that it is stored."""
    name = f"{stem}.{picture.extension}"
    media.store(name, picture, cache_control=FOR_EVER)
    return media.url(name)
