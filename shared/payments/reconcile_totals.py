"""The totals of a run of reconcile: which of them count repairs.

A module of its own, so that those who only read totals need no access to the tables that reconcile repairs.
"""

from collections.abc import Mapping
from typing import Final

LEDGER_DIFFERENCE: Final = "ledger_difference"
"""Postings that do not balance: reconcile finds them, and only a person repairs them."""
NOT_REPAIRS: Final = ("reconcile_release_stock", "reconcile_delete_file", LEDGER_DIFFERENCE)
"""The totals of routine work, and of what a run only finds."""


def repairs(totals: Mapping[str, int]) -> int:
    """The number of repairs."""
    return sum(count for name, count in totals.items() if name not in NOT_REPAIRS)
