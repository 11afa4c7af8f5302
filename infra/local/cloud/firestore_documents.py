"""Firestore's documents in the store: one row each, the message itself as bytes beside what finds it."""

from collections.abc import Iterable, Mapping

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    LargeBinary,
    Table,
    Text,
    bindparam,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from infra.local.cloud.firestore_protos import Document, Message
from infra.local.cloud.store import metadata

_BYTEWISE = Text(collation="C")  # Firestore's order of names, and it makes a prefix a range of the index

_documents = Table(
    "firestore_documents",
    metadata,
    Column("name", _BYTEWISE, primary_key=True, comment="projects/p/databases/d/documents/events/1"),
    Column("parent", _BYTEWISE, nullable=False, comment="the name without its last two segments"),
    Column("collection", _BYTEWISE, nullable=False, comment="the last segment but one"),
    Column("document", LargeBinary, nullable=False, comment="a google.firestore.v1.Document"),
    Index("firestore_documents_by_collection", "parent", "collection"),
)

_STORED = insert(_documents)
_PUT = _STORED.on_conflict_do_update(index_elements=["name"], set_={"document": _STORED.excluded.document})
_DELETE = delete(_documents).where(_documents.c.name == bindparam("gone"))


def get(tx: Connection, names: Iterable[str]) -> dict[str, Message | None]:
    """The documents of these full names, None for those that do not exist."""
    found: dict[str, Message | None] = dict.fromkeys(names)
    rows = tx.execute(select(_documents.c.name, _documents.c.document).where(_documents.c.name.in_(list(found))))
    return found | {name: Document.FromString(stored) for name, stored in rows}


def scan(tx: Connection, parent: str, collection: str, *, descendants: bool = False) -> list[Message]:
    """The documents of a collection right under `parent`, or with `descendants` at any depth, by name.

    An empty `collection` stands for every collection.
    """
    chosen = select(_documents.c.document).order_by(_documents.c.name)
    chosen = chosen.where(_below(parent) if descendants else _documents.c.parent == parent)
    if collection:
        chosen = chosen.where(_documents.c.collection == collection)
    return [Document.FromString(stored) for (stored,) in tx.execute(chosen)]


def collection_ids(tx: Connection, parent: str) -> list[str]:
    """The ids of the collections right under `parent`, sorted, those with only deeper documents too."""
    return _next_segments(tx, parent)


def document_ids(tx: Connection, parent: str, collection: str) -> list[str]:
    """The ids in a collection, sorted, those of documents too that only have documents below them."""
    return _next_segments(tx, f"{parent}/{collection}")


def save(tx: Connection, changed: Mapping[str, Message | None]) -> None:
    """Store these documents, and delete those that are None."""
    kept = [_row(document) for document in changed.values() if document is not None]
    gone = [{"gone": name} for name, document in changed.items() if document is None]
    if kept:
        tx.execute(_PUT, kept)
    if gone:
        tx.execute(_DELETE, gone)


def _row(document: Message) -> dict[str, object]:
    parent, collection, _ = document.name.rsplit("/", 2)
    return {
        "name": document.name,
        "parent": parent,
        "collection": collection,
        "document": document.SerializeToString(),
    }


def _below(path: str) -> ColumnElement[bool]:
    after_slash = chr(ord("/") + 1)
    return _documents.c.name.between(literal(f"{path}/", Text), literal(f"{path}{after_slash}", Text))


def _next_segments(tx: Connection, path: str) -> list[str]:
    rest = func.substr(_documents.c.name, len(path) + 2)
    segment = func.split_part(rest, "/", 1)
    rows = tx.execute(select(segment).where(_below(path)).distinct())
    return sorted(name for (name,) in rows)
