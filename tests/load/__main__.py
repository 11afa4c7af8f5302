"""`make load`: the loads of the requirements, against a product of its own or a deployed one, with a report for people.

    python -m tests.load [PROFILE ...] [--minutes 30] [--users 500] [--seats 500] [--quick] [--report build/load.html]
    python -m tests.load PROFILE ... --address https://... --event ID --tokens FILE

Profiles: normal (100 users), flash (1,000 at once for 500 seats), sustained (500 users for 30 minutes); without one all
of them. Time is never judged: the exit code is 1 only where something was oversold, lost, miscounted or unanswered.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.load import report, running, target
from tests.load.profiles import PROFILES, Profile

ACCOUNTS = 10_000
_QUICK_MINUTES, _QUICK_SHARE = 0.5, 5


def main() -> int:
    """Load, print, write the report, and tell whether all went well."""
    options = _options()
    with target.chosen(options, ACCOUNTS) as loaded:
        outcomes = []
        for profile in _profiles(options):
            outcomes.append(running.run(profile, loaded))
            sys.stdout.write(f"{report.words(outcomes[-1])}\n\n")
            sys.stdout.flush()
        description = loaded.description
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(report.page(outcomes, description), encoding="utf-8")
    sys.stdout.write(f"the report: {options.report}\n")
    return int(any(outcome.faults for outcome in outcomes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", help=", ".join(PROFILES))
    parser.add_argument("--minutes", type=float, help="how long, for profiles that take a while")
    parser.add_argument("--users", type=int, help="how many at once")
    parser.add_argument("--seats", type=int, help="how many seats a local product offers")
    parser.add_argument("--quick", action="store_true", help="half a minute, and a fifth of the users and seats")
    parser.add_argument("--report", type=Path, default=Path("build/load.html"))
    parser.add_argument("--address", help="a deployed product, instead of one of our own")
    parser.add_argument("--event", help="the id of its event")
    parser.add_argument("--tokens", type=Path, help="a file of access tokens (python -m tests.load.accounts)")
    options = parser.parse_args()
    if unknown := set(options.profiles) - set(PROFILES):
        parser.error(f"no such profile: {', '.join(sorted(unknown))}; there are {', '.join(PROFILES)}")
    if options.address and not (options.event and options.tokens):
        parser.error("--address needs --event and --tokens")
    return options


def _profiles(options: argparse.Namespace) -> Iterator[Profile]:
    for name in options.profiles or PROFILES:
        profile = PROFILES[name]
        if options.quick:
            profile = replace(profile, users=profile.users // _QUICK_SHARE, seats=profile.seats // _QUICK_SHARE)
            profile = replace(profile, minutes=profile.minutes and _QUICK_MINUTES)
        if options.minutes and profile.minutes:
            profile = replace(profile, minutes=options.minutes)
        yield replace(profile, users=options.users or profile.users, seats=options.seats or profile.seats)


if __name__ == "__main__":
    sys.exit(main())
