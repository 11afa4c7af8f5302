"""Banners as they are shown: their picture as it was sent, and in the sizes that pages choose from (EM-002, EM-004)."""

import re
from typing import Final

from pydantic import Field

from shared.cloud import object_deletion
from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.models import ResponseModel

FOLDER: Final = "banners/"
STILL_SHOWN_SECONDS: Final = 3600
"""For so long a page that somebody keeps may still show a banner that is none any more."""
_OWN_FOLDER: Final = re.compile(rf"/({FOLDER}[0-9a-f]{{32}}/)[a-z0-9]+\.[a-z]+")


class BannerVariant(ResponseModel):
    """A banner in one size, as WebP."""

    url: str
    width: int
    height: int


class Banner(ResponseModel):
    """A banner and the pixels of its sides, which a page reserves before the picture is there.

    `variants` are the same picture, the narrowest first and none wider than the picture itself. One that was stored
    before there were any has none, and null for its sides.
    """

    url: str
    width: int | None = None
    height: int | None = None
    variants: list[BannerVariant] = Field(default_factory=list)


# What sets a banner by its URL alone leaves the sizes of the one before.
COLUMN: Final = """
    CASE WHEN e.banner->>'url' = e.banner_url THEN e.banner
        WHEN e.banner_url IS NOT NULL THEN jsonb_build_object('url', e.banner_url) END AS banner
"""


def delete_later(tx: Transaction, url: str | None) -> None:
    """Have all objects of the banner at `url` deleted, as no event shows it once `tx` has committed.

    Banners from before each had a folder may be several events' and stay.
    """
    own = _OWN_FOLDER.search(url or "")
    if own:
        object_deletion.leave_to_sweep(tx, settings().media_bucket, [own[1]], after_seconds=STILL_SHOWN_SECONDS)
