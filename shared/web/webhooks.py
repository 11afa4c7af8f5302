"""Records of forged webhooks: one a minute of each kind and sender is kept."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.gateways import forged_webhooks
from shared.gateways.forged_webhooks import ForgedWebhook
from shared.web.rate_limits import is_first_of_minute
from shared.web.requests import RawRequest


@contextmanager
def forgeries_recorded(request: RawRequest) -> Iterator[None]:
    """Record a sample of the forged notifications that are refused in this block."""
    try:
        yield
    except ForgedWebhook as forged:
        if is_first_of_minute(f"{forged.gateway} {forged.reason} {request.address}"):
            forged_webhooks.record(forged)
        raise
