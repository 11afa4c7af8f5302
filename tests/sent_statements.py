"""The statements that the product sends to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from shared.cloud import clients


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that the product sends during the block."""
    sent: list[str] = []
    engine = clients.engine()

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", record)
    yield sent
    event.remove(engine, "before_cursor_execute", record)
