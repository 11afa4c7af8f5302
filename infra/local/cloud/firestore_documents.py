"""Firestore's documents in the store: one row each, its name, and the message itself as bytes."""

from collections.abc import Iterable, Mapping

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    Table,
    Text,
    bindparam,
    delete,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from infra.local.cloud.firestore_protos import Document, Message
from infra.local.cloud.store import metadata

_documents = Table(
    "firestore_documents",
    metadata,
    Column("name", Text, primary_key=True, comment="projects/p/databases/d/documents/events/1"),
    Column("document", LargeBinary, nullable=False, comment="a google.firestore.v1.Document"),
)

_STORED = insert(_documents)
_PUT = _STORED.on_conflict_do_update(index_elements=["name"], set_={"document": _STORED.excluded.document})
_DELETE = delete(_documents).where(_documents.c.name == bindparam("gone"))


def get(tx: Connection, names: Iterable[str]) -> dict[str, Message | None]:
    """The documents of these full names, None for those that do not exist."""
    found: dict[str, Message | None] = dict.fromkeys(names)
    rows = tx.execute(select(_documents.c.name, _documents.c.document).where(_documents.c.name.in_(list(found))))
    return found | {name: Document.FromString(stored) for name, stored in rows}


def save(tx: Connection, changed: Mapping[str, Message | None]) -> None:
    """Store these documents, and delete those that are None."""
    kept = [
        {"name": name, "document": document.SerializeToString()}
        for name, document in changed.items()
        if document is not None
    ]
    gone = [{"gone": name} for name, document in changed.items() if document is None]
    if kept:
        tx.execute(_PUT, kept)
    if gone:
        tx.execute(_DELETE, gone)
