"""Holding what a buyer wants, together with whoever asks at the same moment (TS-002)."""

from shared.cloud import cache
from shared.cloud.request_batching import RequestBatcher
from shared.problems import Problem
from shared.sales import expiry, inventory, reservations
from shared.sales.reservation_requests import ReservationRequest
from shared.sales.schemas import OrderResponse

_reserve_together = RequestBatcher(reservations.reserve)


def hold(request: ReservationRequest) -> OrderResponse:
    """Hold what is wanted for 15 minutes, all of it or none. Raises the refusals of `reservations.reserve`."""
    outcome = _reserve_together(request)
    if isinstance(outcome, Problem):
        raise outcome
    expiry.schedule_expiry(outcome.reservation_expires_at)
    cache.invalidate(inventory.cache_mark(outcome.event_id))
    return outcome
