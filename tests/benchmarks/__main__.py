"""`make bench`: measure the product on this machine, beside bare PostgreSQL and an empty function, and print tables.

    python -m tests.benchmarks [PART ...]            each figure the median of three; without a PART all but `sustained`
    python -m tests.benchmarks [PART ...] --quick    each figure measured once
    python -m tests.benchmarks sustained --minutes 5

Time is never judged: the exit code is 1 only where something was oversold, lost, miscounted or answered
with a server error.
"""

import argparse
import sys
from dataclasses import replace

from tests.benchmarks import bench
from tests.benchmarks.parts import PARTS, SUSTAINED


def main() -> int:
    """Measure, print, and tell whether the sale stayed true."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="each figure measured once")
    parser.add_argument("--minutes", type=float, default=30, help="how long the sustained load is")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    plan = replace(bench.QUICK if chosen.quick else bench.FULL, minutes=chosen.minutes)
    parts = chosen.parts or [name for name in PARTS if name != SUSTAINED]
    with bench.running(plan) as running:
        faults = sum(PARTS[name](running) for name in parts)
        if faults:
            bench.show(f"{faults} times something was oversold, lost, miscounted or met a server error.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
