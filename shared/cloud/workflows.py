"""Google Workflows: starting one of the project's. A laptop has none."""

import json
import logging
from typing import Any

import requests

from shared.cloud import clients, permissions
from shared.cloud.settings import settings

TIMEOUT_SECONDS = 10

log = logging.getLogger(__name__)


class WorkflowNotStarted(Exception):
    """Workflows can't be reached, or refused to start this one."""


def start(name: str, argument: dict[str, Any]) -> None:
    """Start a workflow, and don't wait for its end. Raises WorkflowNotStarted."""
    from google.auth.exceptions import GoogleAuthError

    permissions.check("workflows", name)
    chosen = settings()
    log.info("workflow.started", extra={"workflow": name, **argument})
    if not chosen.workflows_url:
        return
    workflow = f"projects/{chosen.google_cloud_project}/locations/{chosen.region}/workflows/{name}"
    try:
        clients.google_session().post(
            f"{chosen.workflows_url}/v1/{workflow}/executions",
            json={"argument": json.dumps(argument)},
            timeout=TIMEOUT_SECONDS * chosen.timeout_factor,
        ).raise_for_status()
    except (requests.RequestException, GoogleAuthError) as error:
        raise WorkflowNotStarted(f"{name}: {type(error).__name__}") from error
