"""Conversion of what organizers type into the desk's forms to the API's models, and back.

Money may be grouped (`150.000`); times are local, in the event's zone, and become moments here. What can't be read is
passed on as it was typed, for the model to refuse.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from shared import local_time
from shared.problems import Problem
from shared.site.languages import translate
from shared.web import wording
from shared.web.pages import Language

ZONES: Final = {"Asia/Jakarta": "WIB (Jakarta)", "Asia/Makassar": "WITA (Makassar)", "Asia/Jayapura": "WIT (Jayapura)"}
"""Indonesia's zones, to choose from."""
_AMOUNT = re.compile(r"(?:rp\.?)?\s*(\d{1,3}(?:([., ])\d{3}(?:\2\d{3})*)?|\d+)(?:,-)?", re.IGNORECASE)
_FIELD = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def texts(form: "MultiDict[str, str]", *names: str) -> dict[str, str]:
    """The texts of these fields, trimmed, with the line ends that we keep; empty for a field that was not sent."""
    return {name: unix_lines(form.get(name, "")).strip() for name in names}


def unix_lines(words: str) -> str:
    """A text whose lines end as ours do, and not as browsers send them (CR LF)."""
    return words.replace("\r\n", "\n")


def amount(typed: str) -> str:
    """The digits of an amount of rupiah or a number, however it is grouped: `Rp 150.000`, `150,000`, `150000`."""
    read = _AMOUNT.fullmatch(typed.strip())
    return re.sub(r"\D", "", read[1]) if read else typed


def moment(typed: str, zone: str) -> datetime | str:
    """The moment of a local time in a zone, as `2026-12-26T19:00`."""
    try:
        local = datetime.fromisoformat(typed)
    except ValueError:
        return typed
    return local.replace(tzinfo=ZoneInfo(zone if zone in local_time.zones() else "Asia/Jakarta"))


def local_text(moment: datetime | None, zone: str) -> str:
    """A moment as a `datetime-local` field holds it; empty for none."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}" if moment else ""


def unreadable_moments(given: Mapping[str, Any], names: tuple[str, ...], language: Language) -> dict[str, str]:
    """The errors of moments that could not be read."""
    words = translate(language, "Give a day and a time, for example 2026-12-26 19:00.")
    return {name: words for name in names if isinstance(given.get(name), str)}


def missing(given: Mapping[str, Any], language: Language) -> dict[str, str]:
    """The errors of required fields that are empty."""
    words = wording.translate("is missing", language)
    return {name: words for name, value in given.items() if value == ""}


def errors_of(problem: Problem | None, language: Language) -> dict[str, str]:
    """The errors of single fields in a refusal."""
    listed = problem.members.get("errors", []) if problem else []
    return {str(each["field"]): wording.translate(each["message"], language) for each in listed}


def general_problem(problem: Problem | None) -> Problem | None:
    """The refusal, unless what it says is told field by field."""
    return None if problem is None or problem.members.get("errors") else problem


def with_labels(errors: Mapping[str, str], labels: Mapping[str, str], language: Language) -> dict[str, str]:
    """The errors with the fields that they mention under the labels that the page gives them."""

    def label(found: re.Match[str]) -> str:
        english = labels.get(found[0])
        return f"“{translate(language, english)}”" if english else found[0]

    return {name: _FIELD.sub(label, message) for name, message in errors.items()}
