"""Sentences for people with values in them, which can be said again in another language (shared/web/wording.py)."""

from collections.abc import Mapping
from typing import Any, Self


class Sentence(str):
    """An English text made of a template and its values. A tuple among these is a list of texts."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        """The text: numbers with thousands separators, a tuple's texts with commas."""
        sentence = super().__new__(cls, template.format(**{name: _written(value) for name, value in values.items()}))
        sentence.template = template
        sentence.values = values
        return sentence


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
