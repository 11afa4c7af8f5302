"""Deletion of banners that no event shows any more (EM-004)."""

import re
from typing import Final

from shared.cloud import object_deletion
from shared.cloud.database import Transaction
from shared.cloud.settings import settings

FOLDER: Final = "banners/"
DELETION_DELAY_SECONDS: Final = 3600
"""The time for which a cached page may still refer to a banner that was replaced."""
_BANNER_FOLDER: Final = re.compile(rf"/({FOLDER}[0-9a-f]{{32}}/)[a-z0-9]+\.[a-z]+")


def delete_later(tx: Transaction, url: str | None) -> None:
    """Schedule the deletion of all objects of the banner at `url`, which no event shows once `tx` has committed.

    Older banners have no folder of their own, may be shared by several events, and stay.
    """
    own = _BANNER_FOLDER.search(url or "")
    if own:
        object_deletion.schedule_deletion(tx, settings().media_bucket, [own[1]], after_seconds=DELETION_DELAY_SECONDS)
