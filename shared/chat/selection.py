"""Steps of a conversation that choose an event, a tier and a quantity."""

from typing import Any

from shared.chat import wording
from shared.chat.checkout import MAX_TYPED_NAMES
from shared.chat.commands import Command
from shared.chat.contents import (
    CheckOrder,
    EventsFound,
    FindTier,
    Hold,
    Incoming,
    Link,
    Option,
    Text,
    TierRow,
    TiersFound,
)
from shared.chat.state import State
from shared.chat.transitions import Transition, advance, language_of, say, show_present_step
from shared.gateways.whatsapp.messages import MAX_ROWS


def cart_received(state: State, update: Incoming) -> Transition:
    """Buy the item of a cart from the catalog."""
    return buy(state, Command("buy", code=update.choice.upper(), quantity=update.quantity))


def buy(state: State, command: Command) -> Transition:
    """Hold what a command names; ask for the quantity if it names none."""
    if command.quantity is None:
        return Transition(state=state, action=FindTier(code=command.code, gateway=command.gateway))
    wanted = Hold(
        code=command.code,
        quantity=command.quantity,
        gateway=command.gateway,
        promo=command.promo,
        profile_name=state.profile_name,
        language=language_of(state),
    )
    if state.order is not None:
        return Transition(state=state.model_copy(update={"intent": wanted}), action=CheckOrder(order_id=state.order.id))
    return Transition(state=state, action=wanted)


def choose_quantity(state: State, quantity: int) -> Transition:
    """Hold this many units of the tier that was asked about."""
    if not 1 <= quantity <= state.most:
        return say(state, "quantity_wrong", most=state.most)
    return buy(state, Command("buy", code=state.code, quantity=quantity, gateway=state.gateway))


def quantity_pressed(state: State, value: str) -> Transition:
    """Choose the quantity on a button."""
    return choose_quantity(state, int(value)) if value.isdecimal() else show_present_step(state)


def events_found(state: State, _: Any, result: EventsFound) -> Transition:
    """List the upcoming events."""
    if not result.events:
        return say(state, "no_events")
    rows = tuple(
        Option(
            id=f"event:{event.id}",
            title=event.title,
            description=wording.event_row(event.title, event.starts_at, event.timezone, language_of(state)),
        )
        for event in result.events
    )
    return _list(state, wording.sentence("events", language_of(state)), "choose_event", rows, wording.site_url())


def _list(state: State, body: str, label: str, found: tuple[Option, ...], url: str) -> Transition:
    """Show a list, from which a number chooses from now on; what does not fit is on the page at `url`."""
    language = language_of(state)
    rows = found[:MAX_ROWS]
    if len(found) > MAX_ROWS:
        body += "\n" + wording.sentence("more_on_site", language, url=url)
    shown = tuple(row.id for row in rows)
    step = "idle" if state.step == "quantity" else state.step
    text = Text(body=body, rows=rows, list_label=wording.sentence(label, language))
    return Transition(state=state.model_copy(update={"step": step, "shown": shown}), messages=(text,))


def tiers_found(state: State, _: Any, result: TiersFound) -> Transition:
    """The tiers of an event; one with a single tier goes on with that."""
    on_sale = [tier for tier in result.tiers if tier.on_sale and tier.available > 0]
    if not on_sale:
        return say(state, "sold_out")
    if len(on_sale) == 1:
        return _ask_quantity(state, result.title, on_sale[0], None)
    language = language_of(state)
    rows = tuple(
        Option(
            id=f"tier:{tier.code}",
            title=tier.name,
            description=wording.tier_row(tier.name, tier.code, tier.price, tier.available, language),
        )
        for tier in on_sale
    )
    body = wording.sentence("tiers", language, title=result.title)
    return _list(state, body, "choose_tier", rows, wording.event_url(on_sale[0].slug, language))


def code_found(state: State, action: FindTier, result: TiersFound) -> Transition:
    """Ask for the quantity of the tier with this code."""
    if not result.tiers:
        return say(state, "unknown_code", code=action.code)
    return _ask_quantity(state, result.title, result.tiers[0], action.gateway)


def _ask_quantity(state: State, title: str, tier: TierRow, gateway: str | None) -> Transition:
    language = language_of(state)
    if tier.needs_identity:
        return _on_site(state, tier.slug)
    most = min(tier.most, tier.available, MAX_TYPED_NAMES)
    if not tier.on_sale or most < 1:
        return say(state, "sold_out")
    asked = advance(state, step="quantity", code=tier.code, most=most, gateway=gateway, shown=())
    if most == 1:
        return choose_quantity(asked, 1)
    buttons = tuple(
        Option(id=f"quantity:{asked.version}:{number}", title=str(number)) for number in range(1, min(most, 3) + 1)
    )
    body = wording.sentence(
        "quantity", language, title=title, tier=tier.name, price=wording.amount(tier.price, language), most=most
    )
    return Transition(state=asked, messages=(Text(body=body, buttons=buttons),))


def _on_site(state: State, slug: str) -> Transition:
    language = language_of(state)
    body = wording.sentence("needs_site", language)
    url = wording.event_url(slug, language)
    return Transition(state=state, messages=(Link(body=body, label=wording.sentence("open_site", language), url=url),))
