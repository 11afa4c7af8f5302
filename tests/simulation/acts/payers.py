"""Payers, at the gateways' own pages: what is open, what has ended, twice, or another amount."""

import json
import random
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from tests.simulation.acts.asking import ask, outcome, show
from tests.simulation.acts.buyers import pick_order
from tests.simulation.acts.registry import act
from tests.simulation.network import GATEWAYS
from tests.simulation.people import GATEWAY_NAMES, KnownPayment

if TYPE_CHECKING:
    from tests.simulation.world import World


_BY_CARD = 0.5
"""The share of what Midtrans is paid by card."""


@act("a payer pays", 22)
def pay(world: "World", chance: random.Random) -> str | None:
    """Pay what was asked for, mostly one of the newest payments."""
    return _press(world, chance, "pay", newest=3)


@act("a payer pays something old", 3)
def pay_any(world: "World", chance: random.Random) -> str | None:
    """Pay anything ever shown: also late, or by a second way."""
    return _press(world, chance, "pay")


@act("a payer pays another amount", 4)
def pay_oddly(world: "World", chance: random.Random) -> str | None:
    """Pay too little or too much."""
    difference = chance.choice((-7_000, -1, 1, 50_000))
    return _press(world, chance, "pay", difference=difference, newest=3, statuses=("pending",))


@act("a payer pays half, and an admin may accept it", 2)
def pay_half(world: "World", chance: random.Random) -> str | None:
    """Pay half of what an order asks for, which is found out at once, and taken for the whole or not."""
    found = pick_order(world, chance, "pending_payment")
    if found is None:
        return None
    buyer, order = found
    newest = {payment["id"] for payment in order["payments"][-1:]}
    known = [payment for payment in buyer.payments() if payment.id in newest]
    if not known:
        return None
    [payment] = known
    pressed = press(world, payment, "pay", {"amount": payment.amount // 2})
    asked = ask(world, "GET", f"/payments/{payment.id}/status", buyer.headers())
    told = [str(pressed), outcome(asked)]
    if chance.random() < 0.6:
        path = f"/admin/reviews/{payment.id}/accept"
        told.append(outcome(ask(world, "POST", path, world.people.an_admin(chance))))
    show(world, buyer, ask(world, "GET", f"/orders/{order['id']}", buyer.headers()))
    return f"{payment.gateway} {payment.amount // 2}: {', '.join(told)}"


@act("a payment attempt fails", 2)
def fail(world: "World", chance: random.Random) -> str | None:
    """Have an attempt denied. Of Xendit's payments nobody hears of it."""
    return _press(world, chance, "fail", newest=1, gateways=("midtrans",))


@act("a payer pays what had failed", 2)
def pay_failed(world: "World", chance: random.Random) -> str | None:
    """Succeed after all with an attempt that was said to have failed."""
    failed = [payment for buyer in world.people.buyers for payment in buyer.payments(statuses=("failed",))]
    if not failed:
        return None
    payment = chance.choice(failed)
    return f"{payment.gateway} {payment.amount}: {press(world, payment, 'pay', {})}"


@act("a payer pays what nobody was shown", 6)
def pay_unseen(world: "World", chance: random.Random) -> str | None:
    """Pay what a wallet asks for on the phone, although the answer with the payment's page was lost."""
    shown = [payment.reference for buyer in world.people.buyers for payment in buyer.payments()]
    found = world.gateways.unpaid_besides(shown)
    if not found:
        return None
    gateway, reference, amount = chance.choice(found)
    return f"{gateway} {amount}: {press(world, KnownPayment('', gateway, reference, amount), 'pay', {})}"


def _press(
    world: "World",
    chance: random.Random,
    action: str,
    *,
    difference: int = 0,
    newest: int = 0,
    gateways: Collection[str] = GATEWAY_NAMES,
    statuses: Collection[str] | None = None,
) -> str | None:
    known = [
        payment for buyer in world.people.buyers for payment in buyer.payments(gateways, statuses=statuses)[-newest:]
    ]
    if not known:
        return None
    payment = chance.choice(known)
    how: dict[str, Any] = {"amount": max(payment.amount + difference, 1)} if difference else {}
    if payment.gateway == "midtrans" and action == "pay" and chance.random() < _BY_CARD:
        how["channel"] = "CREDIT_CARD"  # which can be disputed
    return f"{payment.gateway} {action} {payment.amount + difference}: {press(world, payment, action, how)}"


def press(world: "World", payment: KnownPayment, action: str, how: dict[str, Any]) -> int:
    """Press a button of the gateway's page; its status: 409 where it is not possible any more."""
    url = f"{GATEWAYS}/{payment.gateway}/payments/{payment.reference}/{action}"
    return world.network.carry("POST", url, {"Content-Type": "application/json"}, json.dumps(how)).status
