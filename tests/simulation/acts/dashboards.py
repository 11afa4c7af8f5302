"""People at the gateways' dashboards, and banks: money goes back without us, or is doubted, or is taken back."""

import random
from typing import TYPE_CHECKING

from tests.simulation.acts.payers import press
from tests.simulation.acts.registry import act
from tests.simulation.people import KnownPayment

if TYPE_CHECKING:
    from tests.simulation.world import World


@act("somebody refunds at a gateway's dashboard", 3)
def refund(world: "World", chance: random.Random) -> str | None:
    """Give all of a payment back, or a part."""
    how = chance.choice(({}, {"amount": 5_000}, {"amount": 36_000}, {"amount": 40_000}))
    return _press(world, chance, "refund", ("xendit", "midtrans"), how)


@act("a card payment is doubted", 2)
def challenge(world: "World", chance: random.Random) -> str | None:
    """Midtrans takes a card payment, and waits for a decision."""
    return _press(world, chance, "challenge", ("midtrans",), {})


@act("a bank takes a payment back", 1)
def reverse(world: "World", chance: random.Random) -> str | None:
    """Minutes later, what was paid is gone again."""
    return _press(world, chance, "reverse", ("midtrans",), {})


@act("a card's owner disputes a payment", 6)
def dispute(world: "World", chance: random.Random) -> str | None:
    """A chargeback: the bank takes what is left of a payment by card, and an admin books it some day."""
    found = world.gateways.paid_by_card()
    if not found:
        return None
    gateway, reference, amount = chance.choice(found)
    return f"{gateway} {amount}: {press(world, KnownPayment('', gateway, reference, amount), 'charge_back', {})}"


def _press(
    world: "World", chance: random.Random, action: str, gateways: tuple[str, ...], how: dict[str, int]
) -> str | None:
    known = [each for buyer in world.people.buyers for each in buyer.payments() if each.gateway in gateways]
    if not known:
        return None
    payment = chance.choice(known)
    return f"{payment.gateway} {how.get('amount', 'all')}: {press(world, payment, action, how)}"
