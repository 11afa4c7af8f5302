"""Acts of people and machines: one module for each kind of them. Every act is drawn by its weight."""

from tests.simulation.acts import (  # noqa: F401 - each declares its acts
    admins,
    at_once,
    buyers,
    cancellations,
    chat,
    dashboards,
    drafts,
    forgers,
    gate,
    listings,
    machines,
    offline_gate,
    organizers,
    outages,
    payers,
    returns,
    strangers,
    visitors,
    waiting_room,
)
from tests.simulation.acts.registry import ACTS, WEIGHTS

__all__ = ["ACTS", "WEIGHTS"]
