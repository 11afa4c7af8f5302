"""Webhooks that were not taken, repeated as the payment gateways, the mail service and WhatsApp do it.

Their simulators enqueue into the queue "webhooks" with the policies "xendit-webhook", "midtrans-webhook",
"sendgrid-webhook" and "whatsapp-webhook". The waits are the published ones (docs/reference/gateways.md); the option
`time_scale` (1.0 by default) of a delivery makes them shorter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from sqlalchemy import Engine

from infra.local.cloud import deliveries, policies
from infra.local.cloud.policies import AttemptResult, Dead, Delivery, Done, Policy, Retry, Verdict

QUEUE = "webhooks"


@dataclass(frozen=True)
class WebhookPolicy(Policy):
    """Done on any 2xx, else again after each of `waits` (seconds); `tries_again` limits that for a status.

    One that `wants_200` repeats after every other status, 201 and 204 included.
    """

    waits: tuple[float, ...]
    wants_200: bool = False
    tries_again: Mapping[int, int] = field(default_factory=dict)

    def verdict(self, delivery: Delivery, outcome: AttemptResult) -> Verdict:
        """The verdict: taken, or when to repeat it."""
        if outcome.status == HTTPStatus.OK or (outcome.is_success and not self.wants_200):
            return Done()
        if delivery.attempt > self.tries_again.get(outcome.status or 0, len(self.waits)):
            return Dead()
        return Retry(self.waits[delivery.attempt - 1] * delivery.options.get("time_scale", 1.0))


_MINUTE, _HOUR = 60.0, 3600.0

POLICIES = {
    "xendit-webhook": WebhookPolicy((15 * _MINUTE, 45 * _MINUTE, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)),
    "midtrans-webhook": WebhookPolicy(
        (2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 90 * _MINUTE, 210 * _MINUTE),
        tries_again={500: 1, 503: 4, 400: 2, 404: 2, 301: 0, 302: 0, 303: 0},
    ),
    # Published is only "at rising intervals, up to 24 hours"; the steps are ours.
    "sendgrid-webhook": WebhookPolicy((1 * _MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 6 * _HOUR, 15 * _HOUR)),
    # Published is "for up to seven days"; the steps are ours, 158 hours in all.
    "whatsapp-webhook": WebhookPolicy(
        (1 * _MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 12 * _HOUR, 24 * _HOUR, 48 * _HOUR, 72 * _HOUR),
        wants_200=True,
    ),
}


def register(engine: Engine) -> None:
    """Make the policies known to this process and open the queue."""
    for name, policy in POLICIES.items():
        policies.register(name, policy)
    with engine.begin() as tx:
        deliveries.open_queue(tx, QUEUE)
