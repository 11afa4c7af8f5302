"""People in the chat: they order by WhatsApp, pay, ask, cancel, write twice, link their account, and stop us."""

import random
import re
from typing import TYPE_CHECKING

from tests.model.chat_buyers import WORDS
from tests.simulation.acts.payers import press
from tests.simulation.acts.registry import act
from tests.simulation.people import KnownPayment

if TYPE_CHECKING:
    from tests.simulation.world import World

_CODES = "SELECT code FROM ticket_tiers WHERE price > 0 ORDER BY position, id"
_SHOWN = """
    SELECT p.gateway, p.gateway_reference, p.amount FROM chat_messages m
    JOIN payments p ON p.id = CAST(m.content ->> 'payment_id' AS uuid)
    WHERE m.status IN ('sent', 'delivered', 'read') AND p.gateway_reference IS NOT NULL
    ORDER BY m.created_at DESC, m.id LIMIT 4
"""
_CHOICES_OF_NOTICES = ("STOP", "BERHENTI", "MULAI", "KABARI")


@act("somebody writes in the chat", 6)
def write(world: "World", chance: random.Random) -> str | None:
    """Write what people write, of whom some know what they want."""
    text = _words(world, chance)
    world.phones.act(chance.choice(world.phones.ids), "write", text=text)
    return text


@act("somebody writes twice in the chat", 2)
def write_twice(world: "World", chance: random.Random) -> str | None:
    """Write several things at once, told in one webhook, or one thing that is told twice."""
    phone, text = chance.choice(world.phones.ids), _words(world, chance)
    if chance.random() < 0.5:
        world.phones.act(phone, "write", text=text, deliver="twice")
        return f"{text}, told twice"
    other = _words(world, chance)
    world.phones.act(phone, "write", texts=[text, other])
    return f"{text}, {other}"


@act("somebody presses a button in the chat", 6)
def choose(world: "World", chance: random.Random) -> str | None:
    """Press a button or choose a row of the last messages, the newest or an older one."""
    phone = chance.choice(world.phones.ids)
    choices = world.phones.choices(phone)
    if not choices:
        return None
    choice, title, kind = chance.choice(choices)
    world.phones.act(phone, "choose", id=choice, title=title, kind=kind)
    return title


@act("a phone presses somebody else's button", 2)
def press_of_another(world: "World", chance: random.Random) -> str | None:
    """Answer with the id of a button that another phone was shown; nobody is told of another's order by it."""
    owner, thief = chance.sample(world.phones.ids, 2)
    choices = world.phones.choices(owner)
    if not choices:
        return None
    choice, title, kind = chance.choice(choices)
    world.phones.act(thief, "choose", id=choice, title=title, kind=kind)
    return title


@act("somebody pays what the chat showed", 5)
def pay(world: "World", chance: random.Random) -> str | None:
    """Pay the code or the link of a message that has arrived."""
    shown = world.rows(_SHOWN)
    if not shown:
        return None
    payment = chance.choice(shown)
    known = KnownPayment("", payment.gateway, payment.gateway_reference, payment.amount)
    return f"{payment.gateway} {payment.amount}: {press(world, known, 'pay', {})}"


@act("somebody chooses what the chat may tell them", 2)
def stop(world: "World", chance: random.Random) -> str | None:
    """Stop us, or let us tell them again: by a word, or in WhatsApp itself."""
    phone = chance.choice(world.phones.ids)
    if chance.random() < 0.3:
        value = chance.choice(("stop", "resume"))
        world.phones.act(phone, "prefer", value=value)
        return f"{value} in WhatsApp"
    word = chance.choice(_CHOICES_OF_NOTICES)
    world.phones.act(phone, "write", text=word)
    return word


@act("somebody links their account in the chat", 3)
def link(world: "World", chance: random.Random) -> str | None:
    """Name an address, theirs or somebody's, or type a code that was mailed there."""
    phone = chance.choice(world.phones.ids)
    address = f"pembeli{chance.randrange(1, 10)}@example.com"  # the ninth is nobody's yet
    codes = [code for mail in world.gateways.mails_to(address)[-1:] for code in re.findall(r"\b\d{8}\b", mail)]
    text = chance.choice(codes) if codes and chance.random() < 0.7 else f"email {address}"
    world.phones.act(phone, "write", text=text)
    return text


@act("a phone shares its number", 1)
def share_number(world: "World", chance: random.Random) -> str | None:
    """Press the button that shares one's own number."""
    world.phones.act(chance.choice(world.phones.ids), "share-number")
    return "shared"


def _words(world: "World", chance: random.Random) -> str:
    codes = [row.code for row in world.rows(_CODES)]
    return chance.choice(WORDS).format(code=chance.choice(codes))
