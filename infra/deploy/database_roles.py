"""Makes roles of the database: those of the product, of its functions, and those that a dump or an export names."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

_THERE = text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles)")
# As in migration 0004: the right to make roles is cloudsqlsuperuser's, whose members become it for a moment; another
# database of the server may make this one meanwhile.
_CREATE = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'cloudsqlsuperuser' AND rolcreaterole) THEN
        SET ROLE cloudsqlsuperuser;
    END IF;
    CREATE ROLE {role} NOLOGIN;
    RESET ROLE;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""


def make_missing(tx: Connection, names: Iterable[str]) -> list[str]:
    """Make those of these roles that are missing, without a login; return their names."""
    wanted = set(names)
    missing = sorted(wanted - set(tx.execute(_THERE, {"roles": list(wanted)}).scalars()))
    quote = tx.dialect.identifier_preparer.quote_identifier
    for name in missing:
        tx.exec_driver_sql(_CREATE.format(role=quote(name)))
    return missing
