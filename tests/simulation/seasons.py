"""Seasons: what a seed is about. Some live through whole events and their payouts, others never leave a rush.

A season has one phase or several, each for an equal part of the plan; a phase says which acts are drawn more or less
often than usual.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Weights = Mapping[str, int]


@dataclass(frozen=True)
class Season:
    """`share`: how many seeds are given it. `days`: the days after which each event may begin."""

    name: str
    share: int
    phases: tuple[Weights, ...] = ({},)
    days: Sequence[Sequence[int]] = ((0,), (9, 16, 25), (9, 16, 25))
    has_waiting_room: bool = False


_STILL = {"the clock jumps": 0, "days pass": 0}
_BUYING = {"a buyer reserves": 30, "a buyer checks out": 26, "a payer pays": 30, "a buyer looks at an order": 16}

SEASONS = (
    Season("ordinary", 3),
    Season(
        "rush",
        1,
        (
            {**_STILL, **_BUYING, "a buyer reserves": 50, "time passes": 8},
            {
                **_STILL,
                **_BUYING,
                "a buyer reserves": 50,
                "a buyer pays, and others take the seats before anybody has heard of the money": 24,
                "a delivery is delayed": 24,
                "time passes": 30,
            },
        ),
    ),
    Season(
        "waiting room",
        1,
        (
            {
                **_STILL,
                **_BUYING,
                "a buyer reserves": 50,
                "time passes": 8,
                "somebody joins the waiting room": 20,
                "somebody asks for their turn": 40,
                "the waiting room moves on": 16,
            },
        ),
        has_waiting_room=True,
    ),
    Season(
        "whole lives of events",
        4,
        (
            {**_STILL, **_BUYING, "somebody names a bank account": 12},
            {
                **_STILL,
                "a buyer looks at an order": 20,
                "a holder opens a ticket": 30,
                "gate staff scan a code": 24,
                "the counter hands goods over": 20,
                "a bank takes a payment back": 10,
                "somebody refunds at a gateway's dashboard": 10,
                "an admin decides what a dashboard refund was for": 12,
                "an admin asks for a cancellation": 2,
            },
            {
                "days pass": 20,
                "a bank takes a payment back": 12,
                "somebody refunds at a gateway's dashboard": 10,
                "an admin decides what a dashboard refund was for": 12,
                "the payouts of the day are made": 20,
                "somebody names a bank account": 16,
                "an organizer asks for a payout again": 12,
                "an admin decides whether an organizer deals with themselves": 12,
                "an admin decides about a bank account": 6,
                "an organizer changes an event": 0,
            },
        ),
        days=((0,), (0, 1), (1, 2)),
    ),
    Season(
        "money goes back",
        3,
        (
            {**_STILL, **_BUYING, "a payer pays half, and an admin may accept it": 10},
            {
                **_STILL,
                "somebody goes in before it is decided that their ticket goes back": 12,
                "a buyer gives tickets back one by one": 16,
                "a buyer looks at an order": 16,
                "a buyer asks for money back": 30,
                "an organizer decides about a refund": 26,
                "somebody names a bank account": 30,
                "somebody refunds at a gateway's dashboard": 8,
                "an admin tries a failed refund again": 12,
                "an admin pays a refund by hand": 6,
                "an admin decides what a dashboard refund was for": 10,
                "a card's owner disputes a payment": 20,
                "an admin books a dispute as lost": 10,
            },
        ),
        days=((9,), (9, 16), (16, 25)),
    ),
    Season(
        "events are moved",
        1,
        (
            {**_STILL, **_BUYING},
            {
                **_STILL,
                "an organizer changes an event": 12,
                "a buyer looks at an order": 20,
                "a buyer asks for money back": 24,
                "a buyer gives tickets back one by one": 12,
                "somebody refunds at a gateway's dashboard": 10,
                "an organizer decides about a refund": 16,
                "a holder opens a ticket": 24,
                "gate staff scan a code": 24,
            },
        ),
        days=((0,), (1,), (2,)),
    ),
    Season(
        "nobody decides about refunds",
        1,
        (
            {**_STILL, **_BUYING, "an organizer decides about a refund": 0},
            {
                **_STILL,
                "a buyer looks at an order": 20,
                "a buyer asks for money back": 40,
                "an organizer decides about a refund": 0,
                "somebody names a bank account": 12,
            },
            {
                "days pass": 160,
                "the payouts of the day are made": 60,
                "an organizer decides about a refund": 0,
                "an organizer changes an event": 0,
            },
        ),
        days=((9,), (9,), (10,)),
    ),
    Season(
        "events are cancelled",
        2,
        (
            {**_STILL, **_BUYING},
            {
                "an organizer changes an event": 6,
                "an organizer cancels an event": 6,
                "an admin asks for a cancellation": 6,
                "an admin decides about a cancellation": 10,
            },
        ),
        days=((0,), (15, 25), (20, 30)),
    ),
    Season(
        "people order in the chat",
        2,
        (
            {
                **_STILL,
                "time passes": 6,
                "somebody writes in the chat": 50,
                "somebody writes twice in the chat": 12,
                "somebody presses a button in the chat": 50,
                "somebody pays what the chat showed": 24,
                "somebody chooses what the chat may tell them": 6,
                "somebody links their account in the chat": 12,
                "a phone shares its number": 3,
            },
        ),
    ),
    Season(
        "payments fail",
        2,
        (
            {
                **_STILL,
                **_BUYING,
                "a payment attempt fails": 20,
                "a payer pays what had failed": 20,
                "a payer pays something old": 16,
                "a payer pays what nobody was shown": 30,
                "a card payment is doubted": 6,
                "a payer pays another amount": 8,
                "a buyer pays, and others take the seats before anybody has heard of the money": 16,
                "an admin decides about a mismatch": 2,
                "a payer pays half, and an admin may accept it": 12,
            },
        ),
    ),
)


def of(seed: int) -> Season:
    """The season of a seed."""
    [season] = random.Random(f"season of {seed}").choices(SEASONS, [season.share for season in SEASONS])
    return season


def settings_of(seed: int) -> Mapping[str, str]:
    """The settings of the product under a seed: with or without what all instances share, and with limits or not."""
    chance = random.Random(f"settings of {seed}")
    return {
        "SHARED_CACHE": "on" if chance.random() < 0.6 else "off",
        "RATE_LIMITS": "on" if chance.random() < 0.25 else "off",
    }
