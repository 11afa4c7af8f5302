"""Runs gcloud. Project and region come from CLOUDSDK_CORE_PROJECT and CLOUDSDK_RUN_REGION."""

import json
import subprocess
from typing import Any


def gcloud(*arguments: str) -> Any:
    """Run a gcloud command and return its output, parsed from JSON; None if there is none.

    Raises subprocess.CalledProcessError; gcloud's messages are in the build's log.
    """
    ran = subprocess.run(
        ["gcloud", *arguments, "--quiet", "--format=json"], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(ran.stdout) if ran.stdout.strip() else None


def token() -> str:
    """An access token of the account that runs the build."""
    access_token: str = gcloud("auth", "print-access-token")["token"]
    return access_token
