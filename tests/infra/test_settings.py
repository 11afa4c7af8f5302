"""The settings that functions are given are those that the code reads, and point to where others look."""

import pytest

from functions.manifest import manifest
from infra.deploy.privileges import logins
from shared.cloud import cache, counters
from shared.cloud.settings import Settings, function_url, settings

FRAMEWORK = {
    "THREADS",
    "THREADED_TIMEOUT_ENABLED",
    "FUNCTION_TARGET",
    "CLOUD_RUN_TIMEOUT_SECONDS",
}  # functions-framework's own
ONLY_LOCAL = {
    "DATABASE_URL",
    "DATABASE_ROLE",
    "REPLICA_URL",
    "GOOGLE_AUTHORIZATION_URL",
    "GOOGLE_CERTS_URL",
    "RATE_LIMITS",
    "CONSTANT_TIME",
    "BCRYPT_COST",
}
# Nobody may call from elsewhere; nobody signs in with Google; the script of Midtrans's own address; no read replica.
OPTIONAL = {"CORS_ALLOWED_ORIGINS", "GOOGLE_CLIENT_IDS", "MIDTRANS_SNAP_SCRIPT_URL", "REPLICA_INSTANCE"}
OF_THE_PLATFORM = {"K_SERVICE", "K_REVISION"}  # Cloud Run says it by itself
KNOWN = {name.upper() for name in Settings.__dataclass_fields__}


def test_every_variable_is_one_that_is_read(told):
    assert set(told) == set(manifest().functions)
    for environment in told.values():
        assert set(environment) - FRAMEWORK <= KNOWN - ONLY_LOCAL


def test_what_has_no_sensible_default_in_the_cloud_is_set(told):
    without = {
        name.upper()
        for name, field in Settings.__dataclass_fields__.items()
        if field.default == "" or any(mark in str(field.default) for mark in ("local", "127.0.0.1"))
    }
    for environment in told.values():
        assert without - ONLY_LOCAL - OPTIONAL - OF_THE_PLATFORM <= set(environment)


def test_everybody_is_told_the_same_but_who_they_are(told):
    sized = {"POOL_SIZE", "THREADS", "STATEMENT_TIMEOUT_MS", "CLOUD_RUN_TIMEOUT_SECONDS"}
    own = {"FUNCTION", "FUNCTION_TARGET", "DATABASE_USER"} | sized
    rest = [{name: value for name, value in environment.items() if name not in own} for environment in told.values()]
    assert all(environment == rest[0] for environment in rest)
    assert {environment["FUNCTION"] for environment in told.values()} == set(told)
    assert all(environment["FUNCTION"] == environment["FUNCTION_TARGET"] for environment in told.values())
    assert len({environment["DATABASE_USER"] for environment in told.values()}) == len(told)


def test_the_logins_that_are_granted_rights_are_the_functions(told, monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", told["orders"]["GOOGLE_CLOUD_PROJECT"])
    settings.cache_clear()
    try:
        assert set(logins().values()) == {environment["DATABASE_USER"] for environment in told.values()}
    finally:
        settings.cache_clear()


def test_functions_are_called_where_the_code_says_they_are(told, resources, monkeypatch):
    environment = told["expire"]
    monkeypatch.setenv("FUNCTION_URL_TEMPLATE", environment["FUNCTION_URL_TEMPLATE"])
    settings.cache_clear()
    try:
        for function in manifest().functions.values():
            for topic in function.subscriptions:
                name = f"{function.name.replace('_', '-')}.{topic}"
                push = resources[f'google_pubsub_subscription.this["{name}"]']["push_config"][0]
                assert push["push_endpoint"] == f"{function_url(function.name)}/messages/{topic}"
                assert push["oidc_token"][0]["audience"] == function_url(function.name)
                assert push["oidc_token"][0]["service_account_email"] == environment["INVOKER"]
            for job in function.jobs:
                target = resources[f'google_cloud_scheduler_job.this["{function.name.replace("_", "-")}-{job}"]']
                assert target["http_target"][0]["uri"] == f"{function_url(function.name)}/jobs/{job}"
    finally:
        settings.cache_clear()


@pytest.mark.parametrize("collection", [counters.COLLECTION, cache.COLLECTION])
def test_what_is_shared_is_forgotten(resources, collection):
    field = resources[f'google_firestore_field.expiry["{collection}"]']
    assert field["field"] == "expires_at"
    assert field["ttl_config"]


def test_topics_and_queues_have_the_names_the_code_uses(resources):
    for topic in manifest().topics:
        assert resources[f'google_pubsub_topic.this["{topic}"]']["name"] == topic
        assert resources[f'google_pubsub_topic.dead["{topic}"]']["name"] == f"{topic}.dead"
        assert resources[f'google_pubsub_subscription.dead["{topic}"]']["name"] == f"{topic}.dead"
    for queue in manifest().queues:
        assert resources[f'google_cloud_tasks_queue.this["{queue}"]']["name"] == queue


def test_no_secret_has_a_value_in_terraform(resources):  # SEC-007
    assert not [address for address in resources if "secret_version" in address]
