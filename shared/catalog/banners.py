"""Banners of events: the picture as sent, and its variants in other sizes (EM-002, EM-004)."""

import re
from typing import Final

from pydantic import Field

from shared.cloud import object_deletion
from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.models import ResponseModel

FOLDER: Final = "banners/"
DELETION_DELAY_SECONDS: Final = 3600
"""The time for which a cached page may still refer to a banner that was replaced."""
_BANNER_FOLDER: Final = re.compile(rf"/({FOLDER}[0-9a-f]{{32}}/)[a-z0-9]+\.[a-z]+")


class BannerVariant(ResponseModel):
    """A banner in one size, as WebP."""

    url: str
    width: int
    height: int


class Banner(ResponseModel):
    """A banner with its size in pixels, by which a page can reserve the space before the picture has loaded.

    `variants` are the same picture in other sizes, narrowest first, none wider than the original. Older banners have
    no variants, and null for their size.
    """

    url: str
    width: int | None = None
    height: int | None = None
    variants: list[BannerVariant] = Field(default_factory=list)


# A writer that sets `banner_url` alone leaves the sizes of the previous banner, which are ignored.
COLUMN: Final = """
    CASE WHEN e.banner->>'url' = e.banner_url THEN e.banner
        WHEN e.banner_url IS NOT NULL THEN jsonb_build_object('url', e.banner_url) END AS banner
"""


def delete_later(tx: Transaction, url: str | None) -> None:
    """Schedule the deletion of all objects of the banner at `url`, which no event shows once `tx` has committed.

    Older banners have no folder of their own, may be shared by several events, and stay.
    """
    own = _BANNER_FOLDER.search(url or "")
    if own:
        object_deletion.schedule_deletion(tx, settings().media_bucket, [own[1]], after_seconds=DELETION_DELAY_SECONDS)
