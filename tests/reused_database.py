"""A migrated database that is emptied and used again: that takes a tenth of the processor time of a new one.

The product's connections to it are used again too. The first run of a statement on a new connection takes five
milliseconds, as the server reads its catalog and compiles triggers; later ones take less than one.
"""

from sqlalchemy import Engine, text

from infra.local.postgres import Postgres
from shared.cloud import clients
from shared.cloud.settings import settings

_END_TRANSACTIONS = text("""
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND state <> 'idle'
        AND pid <> pg_backend_pid()
""")
_EMPTY = text("""
    DO $$
    DECLARE filled regclass;
    BEGIN
      SET LOCAL session_replication_role = replica; -- no trigger refuses, no foreign key is looked at
      FOR filled IN
        SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = CAST('public' AS regnamespace) AND relname <> 'alembic_version'
      LOOP
        IF pg_relation_size(filled) > 1000000 THEN -- else later scans pass over what was there
          EXECUTE 'TRUNCATE ' || filled || ' CASCADE';
        ELSE
          EXECUTE 'DELETE FROM ' || filled;
        END IF;
      END LOOP;
    END $$
""")


class ReusedDatabase:
    """The database `name` of a server, as its owner sees it."""

    def __init__(self, server: Postgres, name: str) -> None:
        self.url = server.url(name)
        self._engine = server.engine(name)
        self._product: Engine | None = None

    def product_engine(self) -> Engine:
        """The product's engine of the modules before, made with the settings of the first."""
        if self._product is None:
            self._product = clients.make_engine(settings().database_role)
        return self._product

    def end_transactions(self) -> None:
        """Cut the connections on which somebody has left a transaction open: a lock of it would be waited for."""
        with self._engine.begin() as tx:
            tx.execute(_END_TRANSACTIONS)

    def empty(self) -> None:
        """Delete every row, as a migration leaves none."""
        with self._engine.begin() as tx:
            tx.execute(_EMPTY)

    def close(self) -> None:
        """Disconnect."""
        self._engine.dispose()
        if self._product is not None:
            self._product.dispose()
