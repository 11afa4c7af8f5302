"""One purchase is found by one id in the log of everything it passes: endpoints, gateways, queues and messages."""

import json
from typing import Any
from uuid import uuid4

from tests.people import World
from tests.stack import Stack
from tests.waiting import until

XENDIT_TRIES = 3


def lines(stack: Stack, **like: Any) -> list[dict[str, Any]]:
    """The lines of the product's log that have these fields."""
    printed = [read(line) for line in stack.output().splitlines()]
    return [line for line in printed if line and like.items() <= line.items()]


def read(line: str) -> dict[str, Any] | None:
    """A line of the log; None for what is not one, or was printed into by another process."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def traces(found: list[dict[str, Any]]) -> set[str]:
    return {line["logging.googleapis.com/trace"] for line in found}


def test_one_id_leads_from_the_reservation_to_the_mail_with_the_tickets(stack: Stack, world: World):
    event = world.somebody("organizer").publish()
    buyer = world.somebody()
    mine, trace = f"purchase-{uuid4()}", uuid4().hex
    buyer.api.headers.update({"X-Request-Id": mine, "traceparent": f"00-{trace}-00f067aa0ba902b7-00"})

    order = buyer.reserve(event)
    payment = buyer.checkout(order)
    world.faults("xendit", status=503, count=XENDIT_TRIES)  # so that the webhook's work goes on in a task
    world.gateway("xendit", payment["gateway_reference"], "pay")
    buyer.until_tickets(order, 1)
    world.mail(buyer.address, "e_ticket")

    hops = {
        "http": ["/api/v1/orders/reserve", "/api/v1/orders/{order_id}/checkout", "/api/v1/payments/webhook/xendit"],
        "task": ["/tasks/retry"],
        "message": ["/messages/email.requested", "/messages/payment.success", "/messages/ticket.created"],
    }
    for kind, routes in hops.items():
        for route in routes:
            until(
                lambda route=route, kind=kind: lines(stack, correlation_id=mine, kind=kind, route=route),
                what=f"for a line about {route}",
            )
    for template in ("order_confirmation", "e_ticket"):
        until(
            lambda template=template: lines(stack, correlation_id=mine, message="mail.sent", template=template),
            what=f"for a line about the mail {template}",
        )
    for gateway in ("xendit", "sendgrid"):
        assert lines(stack, correlation_id=mine, message="gateway.answered", gateway=gateway)

    # A gateway brings no trace of ours: what it tells us is a trace of its own, of the same purchase.
    asked = f"projects/karcis-local/traces/{trace}"
    confirmed = lines(stack, message="mail.sent", template="order_confirmation", correlation_id=mine)
    assert traces(lines(stack, route="/api/v1/orders/{order_id}/checkout", correlation_id=mine)) == {asked}
    assert traces(confirmed) == {asked}
    notified = lines(stack, route="/api/v1/payments/webhook/xendit", correlation_id=mine)
    ticketed = lines(stack, message="mail.sent", template="e_ticket", correlation_id=mine)
    assert traces(notified) == traces(ticketed) != {asked}
