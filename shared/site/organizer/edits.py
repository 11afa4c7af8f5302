"""Edit conflicts: a form remembers the values that it was made of (optimistic locking).

Saving a form after somebody else has changed the same thing saves nothing yet: it shows what is different now, and
keeps what was typed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from werkzeug.datastructures import MultiDict

FIELD: Final = "seen"
"""The hidden field that remembers."""
_DIGEST_LENGTH = 12


@dataclass(frozen=True)
class EditConflict:
    """The fields that somebody else has changed, as they are `now`, and what the form shows then.

    `merged` has the new value of a field that was left alone, and what was typed in any other.
    """

    now: dict[str, str]
    merged: dict[str, str]


def fingerprint(values: Mapping[str, str]) -> str:
    """The values that a form is made of, for its hidden field: a short digest of each."""
    return json.dumps({name: _digest(value) for name, value in values.items()}, separators=(",", ":"))


def hidden_value(form: "MultiDict[str, str]", values: Mapping[str, str], *, has_conflict: bool = False) -> str:
    """The content of the form's hidden field: what it remembered, until its reader was told."""
    return form[FIELD] if FIELD in form and not has_conflict else fingerprint(values)


def find_conflict(remembered: str, typed: Mapping[str, str], current: Mapping[str, str]) -> EditConflict | None:
    """The fields that somebody else has changed since the form was made, unless to what was typed."""
    digests = _read(remembered)
    now = {
        name: current.get(name, "")
        for name, digest in digests.items()
        if _digest(current.get(name, "")) != digest and current.get(name, "") != typed.get(name, "")
    }
    untouched = {name: value for name, value in now.items() if _digest(typed.get(name, "")) == digests[name]}
    return EditConflict(now, {**typed, **untouched}) if now else None


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:_DIGEST_LENGTH]


def _read(remembered: str) -> dict[str, str]:
    """The digests of a hidden field; none where anybody has written something else into it."""
    try:
        found = json.loads(remembered)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: digest for name, digest in found.items() if isinstance(digest, str)}
