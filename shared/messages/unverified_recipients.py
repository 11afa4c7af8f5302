"""Mails to unverified addresses: they carry no text that somebody typed in order to reach that address.

Anybody may give any address: as their own when they register, or as an attendee's. Until its owner has proved it, no
mail to it holds a display name. Organizers' words (title, place, the names of tiers) are in it only where money was
paid for the order or a bank has confirmed who the organizer is, and never where it holds a link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.links import contains_link
from shared.messages.template_data import Change, Order

_IS_PROVEN = text("""
    SELECT EXISTS (SELECT 1 FROM users  -- Uses index: users_email
        WHERE email = :address AND is_email_verified AND NOT is_deleted)
""")


def without_unverified_text(tx: Transaction, address: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """The context of a mail to this address; until it is proved, without texts that a stranger may have written."""
    safe = dict(known)
    if tx.execute(_IS_PROVEN, {"address": address}).scalar_one():
        return safe
    if "full_name" in known:
        safe["full_name"] = ""
    if "order" in known:
        safe |= _of_order(known, known["order"])
    return safe


def _of_order(known: Mapping[str, Any], order: Order) -> dict[str, Any]:
    is_vetted = order.is_vetted
    event = order.event
    shown = replace(event, title=_safe(event.title, is_vetted), where=_safe(event.where, is_vetted))
    safe: dict[str, Any] = {"order": replace(order, buyer_name="", event=shown, lines=(), payment=None)}
    if "tickets" in known:
        nameless = [replace(each, attendee_name="") for each in known["tickets"]]
        safe["tickets"] = _safe_tiers(nameless, is_vetted)
        safe["are_attached"] = is_vetted and known["are_attached"]  # a PDF holds all that an organizer wrote
    if "held" in known:
        safe["held"] = _safe_tiers(known["held"], is_vetted)
    if "changes" in known:
        changes = [each for each in known["changes"] if each.what == "when" or _is_safe(each, is_vetted)]
        safe |= {"changes": changes, "is_partial": len(changes) < len(known["changes"])}
    return safe


def _safe_tiers(lines: Sequence[Any], is_vetted: bool) -> list[Any]:
    return [replace(each, tier_name=_safe(each.tier_name, is_vetted)) for each in lines]


def _is_safe(change: Change, is_vetted: bool) -> bool:
    return bool(_safe(change.before, is_vetted) and _safe(change.after, is_vetted))


def _safe(words: str, is_vetted: bool) -> str:
    return words if is_vetted and not contains_link(words) else ""
