"""Makes what Terraform makes in the cloud: topics, subscriptions, queues, buckets, secrets, as the manifest says.

Through Google's own clients, and again at every start: what is there stays as it is, and is seen in lists.
"""

import json
import os
import secrets as random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.api_core.exceptions import AlreadyExists, Conflict, NotFound
from google.cloud import secretmanager_v1, tasks_v2
from google.cloud.pubsub_v1 import SubscriberClient
from google.protobuf.duration_pb2 import Duration

from functions.manifest import Function, Manifest, manifest
from infra.local.simulators import sendgrid
from shared.cloud import clients
from shared.cloud.settings import function_url, settings


def provision() -> None:
    """Make everything that is missing."""
    listed = manifest()
    _secrets(listed)
    _topics(listed)
    _subscriptions(listed)
    _queues(listed)
    _buckets(listed)


def write_jobs(file: Path) -> None:
    """Write the Cloud Scheduler jobs of the manifest for the local scheduler.

    The environment variable PAUSED_FUNCTIONS names functions whose jobs are paused.
    """
    paused = os.environ.get("PAUSED_FUNCTIONS", "").split()
    jobs = [
        {
            "name": f"{function.name.replace('_', '-')}-{job}",
            "schedule": schedule,
            "time_zone": manifest().time_zone,
            "url": f"{function_url(function.name)}/jobs/{job}",
            "audience": function_url(function.name),
            "service_account": settings().invoker,
            "attempt_deadline_seconds": function.sizing["timeout_seconds"],
            "paused": function.name in paused,
        }
        for function in manifest().functions.values()
        for job, schedule in function.jobs.items()
    ]
    file.write_text(json.dumps(jobs, indent=2))


def _secrets(listed: Manifest) -> None:
    """A random value for each secret at the first start; an environment variable of its name replaces it."""
    published = {"sendgrid-webhook-key": sendgrid.published_key(os.environ["LOCAL_STORE_URL"])}
    client = clients.secret_manager()
    there = {each.name for each in client.list_secrets(parent=_project())}
    secret = secretmanager_v1.Secret(replication=secretmanager_v1.Replication(automatic={}))
    for name in listed.secrets:
        path = f"{_project()}/secrets/{name}"
        if path not in there:
            _unless_there(client.create_secret, parent=_project(), secret_id=name, secret=secret)
        try:
            current = client.access_secret_version(name=f"{path}/versions/latest").payload.data.decode()
        except NotFound:
            current = None
        wanted = os.environ.get(_variable(name)) or published.get(name) or current or random.token_urlsafe(32)
        if wanted != current:
            payload = secretmanager_v1.SecretPayload(data=wanted.encode())
            client.add_secret_version(parent=path, payload=payload)


def _variable(secret: str) -> str:
    return secret.upper().replace("-", "_")


def _topics(listed: Manifest) -> None:
    publisher = clients.publisher()
    there = {topic.name for topic in publisher.list_topics(project=_project())}
    for name in (f"{_project()}/topics/{topic}{end}" for topic in listed.topics for end in ("", ".dead")):
        if name not in there:
            _unless_there(publisher.create_topic, name=name)


def _subscriptions(listed: Manifest) -> None:
    with SubscriberClient() as subscriber:
        there = {each.name: each.push_config for each in subscriber.list_subscriptions(project=_project())}
        for wanted in _wanted_subscriptions(listed):
            name, push = wanted["name"], wanted.get("push_config")
            if name not in there:
                _unless_there(subscriber.create_subscription, request=wanted)
            elif push and push["push_endpoint"] != there[name].push_endpoint:  # our port has changed
                subscriber.modify_push_config(request={"subscription": name, "push_config": push})


def _wanted_subscriptions(listed: Manifest) -> Iterator[dict[str, Any]]:
    for topic in listed.topics:
        yield {"name": f"{_project()}/subscriptions/{topic}.dead", "topic": f"{_project()}/topics/{topic}.dead"}
    for function in listed.functions.values():
        for topic, attempts in function.subscriptions.items():
            yield _subscription(function, topic, attempts)


def _project() -> str:
    return f"projects/{settings().google_cloud_project}"


def _subscription(function: Function, topic: str, attempts: int) -> dict[str, Any]:
    url = function_url(function.name)
    return {
        "name": f"{_project()}/subscriptions/{function.name.replace('_', '-')}.{topic}",
        "topic": f"{_project()}/topics/{topic}",
        "ack_deadline_seconds": min(function.sizing["timeout_seconds"] + 10, 600),
        "push_config": {
            "push_endpoint": f"{url}/messages/{topic}",
            "oidc_token": {"service_account_email": settings().invoker, "audience": url},
        },
        "retry_policy": {"minimum_backoff": Duration(seconds=1), "maximum_backoff": Duration(seconds=600)},
        "dead_letter_policy": {
            "dead_letter_topic": f"{_project()}/topics/{topic}.dead",
            "max_delivery_attempts": attempts,
        },
    }


def _queues(listed: Manifest) -> None:
    client = clients.tasks()
    parent = f"{_project()}/locations/{settings().region}"
    there = {queue.name for queue in client.list_queues(parent=parent)}
    for name, limits in listed.queues.items():
        queue = tasks_v2.Queue(
            name=f"{parent}/queues/{name}",
            rate_limits=tasks_v2.RateLimits(max_concurrent_dispatches=limits["max_concurrent_dispatches"]),
            retry_config=tasks_v2.RetryConfig(
                max_attempts=limits["max_attempts"],
                min_backoff=_duration(limits["min_backoff_seconds"]),
                max_backoff=_duration(limits["max_backoff_seconds"]),
            ),
        )
        if queue.name not in there:
            _unless_there(client.create_queue, parent=parent, queue=queue)


def _buckets(listed: Manifest) -> None:
    names = {
        "tickets": settings().tickets_bucket,
        "media": settings().media_bucket,
        "queue": settings().queue_bucket,
    }
    for bucket in listed.buckets:
        _unless_there(clients.storage().create_bucket, bucket_or_name=names[bucket])
    _show_to_everybody(settings().media_bucket)
    _show_to_everybody(settings().queue_bucket)


def _show_to_everybody(name: str) -> None:
    bucket = clients.storage().bucket(name)
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings = [{"role": "roles/storage.legacyObjectReader", "members": {"allUsers"}}]
    bucket.set_iam_policy(policy)


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(int(seconds * 1000))
    return duration


def _unless_there(create: Callable[..., object], **arguments: Any) -> None:
    try:
        create(**arguments)
    except (AlreadyExists, Conflict):
        return
