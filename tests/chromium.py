"""The browser of the tests: Debian's Chromium without a window, or CHROMIUM=/path.

The headless shell is the same engine without the desktop around it. It opens a page for a third of the processor time.
"""

import os
import shutil

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")


def find() -> str | None:
    """The path of the first that is installed; None where none is."""
    chosen = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [chosen] if chosen else PROGRAMS)), None)
