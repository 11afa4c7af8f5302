"""The database in which the local cloud keeps everything, so that kill -9 loses nothing it has acknowledged."""

from sqlalchemy import Engine, MetaData, create_engine, event, text

from shared.cloud import loopback
from shared.cloud.prepared_statements import prepare_statements

metadata = MetaData()
"""Every local service declares its tables here; `open_store` makes the missing ones."""

_ONE_AT_A_TIME = 7_202_611
_LEFT_BY_OLDER_VERSIONS = (
    "DROP TABLE IF EXISTS deliveries, delivery_lanes",
    "ALTER TABLE IF EXISTS firestore_documents DROP COLUMN IF EXISTS parent, DROP COLUMN IF EXISTS collection",
)


def open_store(url: str, *, pool_size: int = 16) -> Engine:
    """Connect to `url` (a postgresql+pg8000 URL) and create the tables that are not there yet.

    Import the service modules first: they are what declares the tables. Safe when several
    processes open the same store at once.
    """
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=16,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=loopback.connect_args(url),
    )
    event.listen(engine, "connect", prepare_statements)
    with engine.begin() as tx:
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})
        for statement in _LEFT_BY_OLDER_VERSIONS:
            tx.execute(text(statement))
        metadata.create_all(tx)
    return engine
