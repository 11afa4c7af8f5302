"""Keyset pagination, newest first: a page names the row before which the next begins, so that all are equally fast."""

from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from sqlalchemy import TextClause, text

from shared.cloud.database import Transaction
from shared.models import Query, ResponseModel

T = TypeVar("T", bound=ResponseModel)

PAGE_SIZE = 25


class KeysetQuery(Query):
    """A page of a list: the first, or the one before a row."""

    before: UUID | None = None


class KeysetListing(ResponseModel, Generic[T]):
    """A page of a list, newest first. `next_before` begins the next page; None where this is the last."""

    items: list[T]
    next_before: UUID | None

    @classmethod
    def read(cls, tx: Transaction, statement: TextClause, model: type[T], wanted: KeysetQuery, **values: Any) -> Self:
        """The page that a statement of `select` reads."""
        rows = tx.execute(statement, {"before": wanted.before, "limit": PAGE_SIZE + 1, **values}).mappings().all()
        items = [model(**row) for row in rows[:PAGE_SIZE]]
        return cls(items=items, next_before=rows[PAGE_SIZE - 1]["id"] if len(rows) > PAGE_SIZE else None)


def select(columns: str, table: str, condition: str, *, joined: str = "", index: str) -> TextClause:
    """The statement of such a page: rows of `table` (as `r`) that fit `condition`, by when they were made.

    `index` is on that time, of rows that fit.
    """
    return text(f"""
        SELECT {columns} FROM (
            SELECT * FROM {table}  -- Uses index: {index}
            WHERE {condition} AND (created_at, id) < (
                COALESCE((SELECT created_at FROM {table} WHERE id = CAST(:before AS uuid)), 'infinity'),
                COALESCE(CAST(:before AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
            ORDER BY created_at DESC, id DESC LIMIT :limit
        ) AS r {joined} ORDER BY r.created_at DESC, r.id DESC
    """)
