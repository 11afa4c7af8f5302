"""Addresses of banners that a run on the same data stored at another port."""

from sqlalchemy import text

from shared.cloud.database import transaction

_FORMER = r"http://127\.0\.0\.1:\d+/media/"
_MOVE = text("""
    UPDATE events SET banner_url = regexp_replace(banner_url, :former, :current),
        banner = CAST(regexp_replace(CAST(banner AS text), :former, :current, 'g') AS jsonb)
    WHERE banner_url ~ :former AND NOT starts_with(banner_url, :current)
""")


def move_to(base_url: str) -> None:
    """Let banners be found at `base_url`, which has the port of this run. They are stored with their whole address."""
    with transaction() as tx:
        tx.execute(_MOVE, {"former": _FORMER, "current": f"{base_url}/"})
