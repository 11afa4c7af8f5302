"""The functions of the product that a story passes, in the order in which a reader meets them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[3]
LIBRARY = (
    *(
        "shared/cloud/",
        "shared/web/",
        "shared/models",
        "shared/field_types",
        "shared/problems",
        "shared/rupiah",
        "shared/sentences",
    ),
    *("shared/links", "shared/local_time", "shared/identity/tokens", "shared/identity/principals"),
    *("shared/gateways/registry", "shared/sales/reservation_requests", "shared/accounting/accounts"),
)
"""The files that every story uses and none is about."""
LEAVES = {
    "shared/tickets/ticket_rendering.py": {"_render"},
    "shared/tickets/qr.py": {"encode"},
    "shared/messages/rendering.py": {"render"},
}
"""Functions that a reader of a story does not enter: drawing, templates."""
GATEWAYS = "shared/gateways/"
"""Behind the protocol's methods is the wire format."""

Hop = tuple[str, str]
"""A file and a function in it."""


class Trace:
    """The hops of a story; `switches` counts how often its reader goes to another file, there and back."""

    def __init__(self) -> None:
        self.hops: list[Hop] = []
        self._read: list[str] = []
        self._stack: list[tuple[Hop, bool, bool]] = []

    @property
    def switches(self) -> int:
        """Changes of file between one place of reading and the next."""
        return sum(here != there for here, there in zip(self._read, self._read[1:], strict=False))

    def observe(self, frame: FrameType, event: str, _: Any) -> None:
        """See one call or return (sys.setprofile)."""
        if event not in ("call", "return"):
            return
        hop = _hop(frame)
        if hop is None:
            return
        if event == "call":
            inside = bool(self._stack and (self._stack[-1][2] or _is_leaf(self._stack[-1][0])))
            is_new = not inside and hop not in self.hops
            self._stack.append((hop, is_new, inside))
            if is_new:
                self.hops.append(hop)
                self._read.append(hop[0])
        elif self._stack:
            _, was_new, _ = self._stack.pop()
            if was_new and self._stack:
                self._read.append(self._stack[-1][0][0])


@contextmanager
def traced(trace: Trace) -> Iterator[None]:
    """Follow what this thread calls within the block."""
    sys.setprofile(trace.observe)
    try:
        yield
    finally:
        sys.setprofile(None)


def _hop(frame: FrameType) -> Hop | None:
    code = frame.f_code
    if not code.co_filename.startswith(f"{ROOT}/") or code.co_name.startswith(("<", "__")):
        return None
    file = code.co_filename.removeprefix(f"{ROOT}/")
    is_ours = file.endswith(".py") and file.startswith(("shared/", "functions/")) and file != "functions/manifest.py"
    return (file, code.co_name) if is_ours and not file.startswith(LIBRARY) else None


def _is_leaf(hop: Hop) -> bool:
    file, name = hop
    return name in LEAVES.get(file, ()) or (file.startswith(GATEWAYS))
