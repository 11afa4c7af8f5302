"""One import, arrival or check of a gateway at a time: each compares what is new with all that was there before."""

from sqlalchemy import text

from shared.cloud.database import Transaction

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('settlement_reports ' || :gateway, 0))")


def acquire(tx: Transaction, gateway: str) -> None:
    """Wait until nobody else works on this gateway's reports; held until `tx` ends."""
    tx.execute(_LOCK, {"gateway": gateway})
