"""A person's copy of their data, as JSON or as CSV (DP-001)."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared import csv_text
from shared.cloud import audit, clock
from shared.cloud.database import snapshot
from shared.models import File, Query
from shared.privacy import personal_data_inventory
from shared.sales import schemas as sales_schemas

CSV_HEADER = ("section", "record", "field", "value")


class ExportQuery(Query):
    """The form of the file."""

    format: Literal["json", "csv"] = "json"


def export(user_id: UUID, query: ExportQuery) -> File:
    """Everything held about a person, in one file. Raises NotSignedIn where the account is gone.

    Opens its own transactions: that a person was shown their digital units is kept before they are.
    """
    sales_schemas.reveal_all(user_id)
    with snapshot() as tx:
        held = personal_data_inventory.read(tx, user_id)
        audit.record(
            tx, "user.data_exported", subject="user", subject_id=user_id, actor_id=user_id, format=query.format
        )
    name = f"karcis-{clock.now():%Y-%m-%d}.{query.format}"
    if query.format == "csv":
        return File(csv_text.to_bytes(CSV_HEADER, _cells(held)), "text/csv; charset=utf-8", name)
    content = json.dumps(held, default=_plain, ensure_ascii=False, indent=2)
    return File(content.encode(), "application/json", name)


def _cells(held: Mapping[str, personal_data_inventory.Section]) -> Iterator[tuple[str, int, str, Any]]:
    """One line per value: `orders`, the number of the record from 1, `items.2.attendee_name`, the value."""
    for section, content in held.items():
        records = content if isinstance(content, list) else [content]
        for number, record in enumerate(records, 1):
            for field, value in _leaves(record):
                yield section, number, field, value


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        inner: Any = value.items()
    elif isinstance(value, list):
        inner = enumerate(value, 1)
    else:
        yield path, value if value is None or isinstance(value, int | str) else _plain(value)
        return
    for name, each in inner:
        yield from _leaves(each, f"{path}.{name}" if path else str(name))


def _plain(value: Any) -> str:
    return clock.rfc3339(value) if isinstance(value, datetime) else str(value)
