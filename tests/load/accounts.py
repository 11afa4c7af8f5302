"""`python -m tests.load.accounts COUNT > tokens.txt`: accounts of buyers in a staging environment, and their tokens.

It writes to the database at DATABASE_URL (by Cloud SQL's proxy) and signs with the key in JWT_SIGNING_KEY, or else with
Secret Manager's. The accounts cannot sign in, as they have no password and nobody reads their mail; a token is good for
a day.
"""

import argparse
import os
import sys
from datetime import UTC, datetime

from sqlalchemy import create_engine

from shared.cloud import secrets
from shared.cloud.settings import settings
from shared.identity import tokens
from tests.benchmarks.crowd import Crowd


def main() -> None:
    """Make them and print a token on each line."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.accounts")
    parser.add_argument("count", type=int)
    os.environ.setdefault("ACCESS_TOKEN_SECONDS", "86400")
    if key := os.environ.get("JWT_SIGNING_KEY"):
        secrets.provide({tokens.KEY: key})
    engine = create_engine(settings().database_url)
    crowd = Crowd(engine, parser.parse_args().count, name=f"load-{datetime.now(UTC):%Y%m%d%H%M%S}-")
    sys.stdout.writelines(f"{buyer.token}\n" for buyer in crowd.buyers)


if __name__ == "__main__":
    main()
