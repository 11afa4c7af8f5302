"""Files that are written from the code and kept beside it: written by a command, held to be current by the checks."""

import sys
from pathlib import Path


def keep(file: Path, content: str, command: str) -> int:
    """Write `file`, or with --check on the command line tell whether it is current; gives the exit status."""
    if "--check" not in sys.argv:
        file.write_text(content, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == content:
        return 0
    sys.stderr.write(f"{file.parent.name}/{file.name} is not current: run `{command}` and commit it.\n")
    return 1
