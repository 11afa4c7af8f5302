"""An event as a calendar file (RFC 5545), in UTC so that it is right in every zone."""

from datetime import datetime

from shared.catalog.events import EventResponse
from shared.cloud import clock
from shared.cloud.settings import settings
from shared.states import EventStatus

_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})
_LINE_BYTES = 75


def of_event(event: EventResponse) -> str:
    """The calendar file of one event."""
    place = ", ".join(part for part in (event.venue, event.location) if part)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Karcis//Karcis//ID",
        "BEGIN:VEVENT",
        f"UID:{event.id}@karcis",
        f"DTSTAMP:{_utc(clock.now())}",
        f"DTSTART:{_utc(event.start_date)}",
        f"DTEND:{_utc(event.end_date)}",
        f"SUMMARY:{event.title.translate(_ESCAPED)}",
        f"LOCATION:{place.translate(_ESCAPED)}",
        f"URL:{settings().public_url}/id/events/{event.slug}",
        f"STATUS:{'CANCELLED' if event.status == EventStatus.CANCELLED else 'CONFIRMED'}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(_folded(line) for line in lines)


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _folded(line: str) -> str:
    """The line in pieces of 75 bytes at most, none of which cuts a character."""
    pieces, size = [""], 0
    for letter in line:
        width = len(letter.encode())
        if size + width > _LINE_BYTES:
            pieces.append(" ")
            size = 1
        pieces[-1] += letter
        size += width
    return "\r\n".join(pieces) + "\r\n"
