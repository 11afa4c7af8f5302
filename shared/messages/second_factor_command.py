"""The command line to reset a second factor, for operators where no two other admins can sign in.

python -m shared.messages.second_factor_command reset admin@example.com --reason "Called her, the phone is at sea"
"""

import argparse
import getpass
import sys

from shared.cloud.database import transaction
from shared.identity import people, second_factor_resets
from shared.messages import mails


def main(arguments: list[str]) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="second_factor", description="Reset the second factor of who has lost it.")
    resetting = parser.add_subparsers(dest="act", required=True).add_parser("reset")
    resetting.add_argument("address")
    resetting.add_argument("--reason", required=True)
    options = parser.parse_args(arguments)
    if _reset(options.address.strip().lower(), f"{options.reason} (operator {getpass.getuser()})"):
        print("reset; its owner is mailed")
        return 0
    print("no account with a second factor has this address", file=sys.stderr)
    return 1


def _reset(address: str, reason: str) -> bool:
    with transaction() as tx:
        person = people.lock_by_email(tx, address)
        return person is not None and second_factor_resets.reset(
            tx, person, mails.enqueue_for_account, by=None, reason=reason
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
