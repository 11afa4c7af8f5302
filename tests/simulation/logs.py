"""The product's log: kept for the story of a failure, and printed nowhere."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


class LastErrors(logging.Handler):
    """Remembers the errors of the running step."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.records.append(record)

    def told(self) -> str:
        """The texts of the errors, with the end of their traces."""
        return "\n".join(_told(record) for record in self.records)


@contextmanager
def kept() -> Iterator[LastErrors]:
    """Let the log go into memory."""
    root, handler = logging.getLogger(), LastErrors()
    handlers, level = root.handlers, root.level
    root.handlers = [handler]
    root.setLevel(logging.ERROR)
    try:
        yield handler
    finally:
        root.handlers = handlers
        root.setLevel(level)


def _told(record: logging.LogRecord) -> str:
    trace = "".join(traceback.format_exception(*record.exc_info)[-8:]) if record.exc_info else ""
    return f"{record.getMessage()}\n{trace}"
