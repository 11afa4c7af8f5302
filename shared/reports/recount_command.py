"""The command line that counts the kept figures of events anew, for operators.

python -m shared.reports.recount_command <event id> ...
python -m shared.reports.recount_command all
"""

import sys
from uuid import UUID

from shared.reports import daily_figures


def main(arguments: list[str]) -> int:
    """Recount these events, and print of each how many figures were wrong; return the exit status."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    events = daily_figures.all_events() if arguments == ["all"] else [UUID(argument) for argument in arguments]
    for event_id in events:
        print(f"{event_id}  {daily_figures.recount(event_id)} corrected")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
