"""Runs one SQL statement from a file, as the owner of the tables, in a transaction (infra/deploy/run.yaml).

    python -m infra.deploy.statement incident.sql

Says how many rows it has touched and shows none: a build's log is no place for people's data.
"""

import sys
from pathlib import Path

from sqlalchemy import text

from shared.cloud.database import transaction


def run(sql: str) -> int:
    """Run a statement and return the number of rows, negative if unknown. A colon begins no parameter."""
    with transaction() as tx:
        return tx.execute(text(sql.replace(":", r"\:"))).rowcount


def main() -> int:
    """Run the file that is named."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    rows = run(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("done" if rows < 0 else f"done: {rows} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
