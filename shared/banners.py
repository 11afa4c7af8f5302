"""Banners of events: the picture as sent, and its variants in other sizes (EM-002, EM-004)."""

from typing import Final

from pydantic import Field

from shared.models import ResponseModel


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
