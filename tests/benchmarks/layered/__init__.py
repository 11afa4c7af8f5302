"""Functions for `layers.py`, in a source of their own as functions-framework loads it."""

UNASKED = 422
"""The status of an answer to what is no reserve."""
