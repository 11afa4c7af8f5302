"""A function that does nothing, to be served by functions-framework."""

from flask import Request


def empty(request: Request) -> tuple[str, int]:
    """Answer at once."""
    return "{}", 201
