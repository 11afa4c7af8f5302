"""Starts a product with few threads, lets an attack at it, and prints what came of it as a table."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.folders import a_folder
from tests.stack import Stack

THREADS = 4
"""As few as our smallest function's instance has, in one process: what holds here holds with more."""
PROXY = "35.191.0.1"

Attack = Callable[[Stack], Sequence["Figure"]]


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, what it came to, and what it may come to at most (or must be)."""

    what: str
    measured: object
    allowed: str
    holds: bool


@contextmanager
def product(**settings: str) -> Iterator[Stack]:
    """A running product that counts its callers, behind a load balancer as in the cloud."""
    few = {"WEB_WORKERS": "1", "WEB_THREADS": str(THREADS), "RATE_LIMITS": "on", "TRUSTED_PROXIES": "2"}
    with a_folder() as folder:
        stack = Stack(folder, **few | settings)
        try:
            yield stack.start()
        finally:
            stack.stop()


def from_address(address: str) -> str:
    """The X-Forwarded-For of a caller at `address`, as Google's load balancer writes it."""
    return f"{address}, {PROXY}"


def one(name: str, attack: Attack, **settings: str) -> int:
    """Run one attack and print its figures; 1 where one is out of its bound, else 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and with us what we have started
    with product(**settings) as stack:
        figures = attack(stack)
    print(table(name.rsplit(".", 1)[-1] if name != "__main__" else attack.__doc__ or "", figures), flush=True)
    return 0 if all(figure.holds for figure in figures) else 1


def table(title: str, figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [("what", "measured", "allowed", "holds")]
    rows += [(each.what, str(each.measured), each.allowed, "yes" if each.holds else "NO") for each in figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in rows]
    lines.insert(1, f"| {' | '.join('-' * width for width in widths)} |")
    return "\n".join([title, "", *lines, ""])
