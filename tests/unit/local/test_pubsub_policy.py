"""A subscription's settings become requests, waits and dead letters."""

from typing import Any

import pytest
from google.pubsub_v1 import types

from infra.local.cloud.policies import AttemptResult, Caller, Dead, Done, Retry
from infra.local.cloud.pubsub_policy import PubsubPolicy, settings
from tests.unit.local.deliveries import a_delivery

NACK = AttemptResult(error="not acknowledged")


def a_subscription(**fields: Any) -> Any:
    return types.Subscription.pb(types.Subscription(name="projects/p/subscriptions/s", **fields))


def verdict(attempt: int, outcome: AttemptResult, **fields: Any) -> Done | Retry | Dead:
    delivery = a_delivery(attempt=attempt, settings=settings(a_subscription(**fields)))
    return PubsubPolicy().verdict(delivery, outcome)


def waits(attempts: int, **fields: Any) -> list[float]:
    verdicts = [verdict(attempt, NACK, **fields) for attempt in range(1, attempts + 1)]
    return [each.after_seconds for each in verdicts if isinstance(each, Retry)]


def test_a_push_must_be_answered_within_the_ack_deadline() -> None:
    push = {"push_endpoint": "http://127.0.0.1/push"}
    delivery = a_delivery(timeout_seconds=45.0, settings=settings(a_subscription(push_config=push)))

    request = PubsubPolicy().request(delivery)

    assert (request.url, request.timeout_seconds, request.caller) == ("http://127.0.0.1/push", 45.0, None)


@pytest.mark.parametrize(
    ("audience", "shown"), [("", "http://127.0.0.1/push"), ("https://issue-ticket", "https://issue-ticket")]
)
def test_the_audience_of_a_token_is_the_endpoint_unless_one_is_set(audience: str, shown: str) -> None:
    token = {"service_account_email": "push@example.org", "audience": audience}
    push = {"push_endpoint": "http://127.0.0.1/push", "oidc_token": token}

    request = PubsubPolicy().request(a_delivery(settings=settings(a_subscription(push_config=push))))

    assert request.caller == Caller("push@example.org", shown)


@pytest.mark.parametrize("status", [102, 200, 201, 202, 204])
def test_five_statuses_acknowledge_a_push(status: int) -> None:
    assert verdict(1, AttemptResult(status)) == Done()


@pytest.mark.parametrize("status", [203, 206, 301, 400, 404, 429, 500])
def test_any_other_status_refuses_it(status: int) -> None:
    assert isinstance(verdict(1, AttemptResult(status)), Retry)


def test_the_retry_policy_doubles_the_wait_up_to_its_most() -> None:
    policy = {"minimum_backoff": {"seconds": 10}, "maximum_backoff": {"seconds": 60}}
    assert waits(5, retry_policy=policy) == [10, 20, 40, 60, 60]


def test_an_empty_retry_policy_waits_10_to_600_seconds() -> None:
    assert waits(8, retry_policy={}) == [10, 20, 40, 80, 160, 320, 600, 600]


def test_without_a_retry_policy_a_pulled_message_comes_back_at_once() -> None:
    assert waits(3) == [0, 0, 0]


def test_without_a_retry_policy_a_push_backs_off_by_itself() -> None:
    push = {"push_endpoint": "http://127.0.0.1/push"}
    assert waits(3, push_config=push) == pytest.approx([0.1, 0.2, 0.4])
    assert isinstance(verdict(10_000, NACK, push_config=push), Retry)


def test_the_last_attempt_makes_a_dead_letter() -> None:
    policy = {"dead_letter_topic": "projects/p/topics/dead", "max_delivery_attempts": 7}
    assert isinstance(verdict(6, NACK, dead_letter_policy=policy), Retry)
    assert verdict(7, NACK, dead_letter_policy=policy) == Dead()
    assert verdict(7, AttemptResult(200), dead_letter_policy=policy) == Done()
