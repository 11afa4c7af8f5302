"""Forgers: they repeat what they have overheard with another content, and call our functions with tokens for others."""

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import jwt

from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.delivery import Delivery, DeliveryKind
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.functions import Response
    from tests.simulation.world import World

_REFUSALS = (400, 401, 403, 404, 422, 429, 503)
_SIGNS_ITS_BODY = ("mail_events", "chat_webhook")
"""Functions whose webhooks are signed with all that they say. A gateway's notification is a hint: it is asked."""


@act("somebody repeats a webhook with another content", 3)
def change_body(world: "World", chance: random.Random) -> str | None:
    """Tell something else with a signature that was overheard: a hint is looked into, anything else is refused."""
    heard = [each for each in world.deliveries.overheard if each.body.startswith((b"{", b"["))]
    if not heard:
        return None
    webhook = chance.choice(heard)
    forged = replace(webhook, body=_changed(chance, webhook.body))
    return _tell(world, forged, must_be_refused=webhook.function in _SIGNS_ITS_BODY)


@act("somebody repeats a webhook with another signature", 2)
def change_signature(world: "World", chance: random.Random) -> str | None:
    """Tell what was overheard, without its proof."""
    heard = [each for each in world.deliveries.overheard if _is_signed_in_headers(each)]
    if not heard:
        return None
    webhook = chance.choice(heard)
    headers = {
        name: value if name == "Content-Type" else value[:-6] + "AAAAAA" for name, value in webhook.headers.items()
    }
    return _tell(world, replace(webhook, headers=headers), must_be_refused=True)


@act("somebody delivers with a token for another function", 2)
def use_other_token(world: "World", chance: random.Random) -> str | None:
    """Hand a private function what it waits for, with a token that was made for another one."""
    due = [each for each in world.deliveries.waiting if each.kind is not DeliveryKind.WEBHOOK]
    if not due:
        return None
    delivery = chance.choice(due)
    others = [name for name in world.manifest.functions if name != delivery.function]
    answer = world.functions.deliver(delivery, token_for=chance.choice(others))
    return _refused(delivery.title, answer)


@act("somebody signs their own token", 2)
def sign_token(world: "World", chance: random.Random) -> str | None:
    """Call as an admin with a token that is unsigned, signed by a guess, or made for something else."""
    admin, buyer = world.people.admins[0], chance.choice(world.people.buyers)
    claims = jwt.decode(world.people.headers(admin)["Authorization"].split()[1], options={"verify_signature": False})
    token = chance.choice(
        (
            jwt.encode(claims, None, algorithm="none"),
            jwt.encode(claims, "guessed-key-of-enough-length-for-hs256", algorithm="HS256"),
            buyer.queue_pass or buyer.place_token or "eyJhbGciOiJub25lIn0.e30.",
        )
    )
    answer = ask(world, "GET", "/admin/overview", {"Authorization": f"Bearer {token}"})
    return _refused("GET /admin/overview", answer)


def _tell(world: "World", webhook: Delivery, *, must_be_refused: bool) -> str:
    answer = world.functions.deliver(webhook)
    if answer is not None and answer.status == 500 and not world.faults.excuses_deliveries:
        raise Violation("no delivery fails without a reason", [webhook.title, world.errors.told()])
    return _refused(webhook.title, answer) if must_be_refused else f"{webhook.title}: {outcome(answer)}"


def _refused(what: str, answer: "Response | None") -> str:
    if answer is not None and answer.status not in (*_REFUSALS, 500):
        raise Violation("I10: nobody reads or does what isn't theirs", [f"{what}: {answer.status}"])
    return f"{what}: {outcome(answer)}"


def _is_signed_in_headers(webhook: Delivery) -> bool:
    """Midtrans signs in the body."""
    return not webhook.path.endswith("/midtrans")


def _changed(chance: random.Random, body: bytes) -> bytes:
    """The document with one of its values replaced by another's, or by a word that tells of money."""
    document = json.loads(body)
    inner = document[0] if isinstance(document, list) else document
    name = chance.choice(sorted(inner))
    words = ("PAID", "settlement", "SUCCEEDED", 1, None, "refund", [], {})
    inner[name] = chance.choice([*words, *(value for _, value in sorted(inner.items()) if isinstance(value, str))])
    return json.dumps(document).encode()
