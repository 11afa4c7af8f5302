"""Answers of list methods, page by page, from tables that hold a definition under a name."""

from sqlalchemy import Connection, Table

_LARGEST_PAGE = 1000


def page(tx: Connection, table: Table, parent: str, page_size: int, page_token: str) -> tuple[list[bytes], str]:
    """The definitions of what is named `parent`/..., in order, and the token of the next page ("" at the end).

    `table` has the columns `name` and `definition`. The token is the last name of the page before.
    """
    size = min(page_size, _LARGEST_PAGE) if page_size > 0 else _LARGEST_PAGE
    name = table.c.name
    query = (
        table.select()
        .where(name.startswith(parent + "/", autoescape=True), name > page_token)
        .order_by(name)
        .limit(size + 1)
    )
    rows = tx.execute(query).all()
    return [row.definition for row in rows[:size]], rows[size - 1].name if len(rows) > size else ""
