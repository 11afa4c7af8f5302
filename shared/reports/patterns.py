"""Patterns for LIKE."""


def anywhere(words: str | None) -> str:
    """A pattern that finds these words as they are: none of their signs means another."""
    literal = (words or "").replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{literal}%"
