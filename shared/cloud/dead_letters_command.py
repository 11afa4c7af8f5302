"""The command line for dead letters, for operators.

python -m shared.cloud.dead_letters_command list
python -m shared.cloud.dead_letters_command show <id>
python -m shared.cloud.dead_letters_command replay <id> --reason "the gateway is back"
python -m shared.cloud.dead_letters_command discard <id> --reason "the event is over"
"""

import argparse
import getpass
import sys
from uuid import UUID

from shared.cloud import dead_letters
from shared.cloud.database import transaction
from shared.cloud.dead_letters import DeadLetterQuery, Decision
from shared.problems import Problem


def main(arguments: list[str]) -> int:
    """Run one command; return the exit status."""
    parser = argparse.ArgumentParser(prog="dead_letters", description="Look at dead letters, replay or discard them.")
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="those to decide about, oldest first")
    acts.add_parser("show", help="one of them").add_argument("id", type=UUID)
    for act in ("replay", "discard"):
        deciding = acts.add_parser(act)
        deciding.add_argument("id", type=UUID)
        deciding.add_argument("--reason", required=True)
    try:
        return _do(parser.parse_args(arguments))
    except Problem as problem:
        print(problem.detail, file=sys.stderr)
        return 1


def _do(asked: argparse.Namespace) -> int:
    with transaction() as tx:
        if asked.act == "list":
            page = dead_letters.list_page(tx, DeadLetterQuery(page_size=100))
            for letter in page.items:
                print(f"{letter.id}  {letter.created_at:%Y-%m-%d %H:%M}  {letter.source:20}  {letter.target}")
            print(f"{page.total} to decide about")
        elif asked.act == "show":
            print(dead_letters.read(tx, asked.id).model_dump_json(indent=2))
        else:
            decide = dead_letters.replay if asked.act == "replay" else dead_letters.discard
            decided = decide(tx, asked.id, Decision(reason=asked.reason), by=f"operator {getpass.getuser()}")
            print(f"{decided.id}  {decided.decision}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
