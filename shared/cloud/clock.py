"""The clock in Python. Decisions about a sale use the database's clock instead (`now()` in SQL)."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment, in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Format a moment for the API: `2026-11-21T13:00:00Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
