"""One live payment for an order: the gateways' own lists are asked for all that can still be paid (FAILOVER-1)."""

from typing import TYPE_CHECKING, Any

from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_KNOWN = """
    SELECT gateway, external_id, gateway_reference, must_end_at_gateway FROM payments
    WHERE order_id = ANY(CAST(:orders AS uuid[]))
"""


def check(world: "World") -> None:
    """At most one payment of an order can be paid, but for those that the product has marked to be cancelled.

    Left out is one that a second checkout has taken over, as the first had stood still for a minute, and might be dead.
    """
    payable = world.gateways.payable_twice()
    if not payable:
        return
    known = world.rows(_KNOWN, orders=list(payable))
    for order_id, payments in payable.items():
        live = [each for each in payments if each[1] not in world.promises.taken_over and not _is_marked(each, known)]
        if len(live) > 1:
            raise Violation("an order never has two live payments", [order_id, *live])


def _is_marked(payment: tuple[str, str, str], known: list[Any]) -> bool:
    """True if the product knows that a payment (gateway, our id, the gateway's) is to end."""
    gateway, external_id, reference = payment
    ours = [row for row in known if row.gateway == gateway and row.external_id == external_id]
    named = [row for row in ours if row.gateway_reference == reference]
    return any(row.must_end_at_gateway for row in named or [row for row in ours if row.gateway_reference is None])
