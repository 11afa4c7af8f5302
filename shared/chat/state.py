"""The state of a conversation, stored with its sender."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.chat.contents import Hold, OrderSummary

KEPT = {"language", "profile_name", "written_at", "told_late", "put_off_on", "notices_asked", "answers"}
"""Fields about the sender, kept when an order ends."""


class State(BaseModel):
    """The state of a conversation. `version` rises with each step, which makes buttons of earlier steps stale."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: Literal["idle", "quantity", "naming", "paying", "code"] = "idle"
    version: int = 0
    language: Literal["id", "en"] | None = None
    profile_name: str = ""
    code: str = ""
    most: int = 0
    gateway: str | None = None
    shown: tuple[str, ...] = ()
    """The ids of the rows of the last list, so that a number chooses one."""
    written_at: datetime | None = None
    """When the newest message that was taken in was written."""
    told_late: bool = False
    """The sender knows already that messages of theirs come late."""
    put_off_on: date | None = None
    """The day on which the sender was told that we answer no more on it."""
    order: OrderSummary | None = None
    names: tuple[str, ...] = ()
    intent: Hold | None = None
    """The purchase to make once it is known that no other order is live."""
    wants_payment: bool = False
    """The order is looked up to be paid, not to be told of."""
    notices_asked: bool = False
    """They were asked whether they want notices, or have said so (consent.py)."""
    answers: int = 0
    """The number of our messages since the last sale."""
