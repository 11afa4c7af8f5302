"""A process that dies between any two steps of a conversation loses nothing and says nothing twice (CHAT-3, CHAT-5)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.chat import actions, notice_messages, sending, work
from shared.cloud import database
from shared.payments import checkout
from tests.doubles import Published
from tests.factories import stock
from tests.integration.chat.phones import FakeWhatsApp, Phone, deliver, drain, work_on
from tests.integration.chat.steps import an_offer

pytestmark = pytest.mark.usefixtures("database")
APhone = Callable[..., Phone]
MODULES = (work, actions, sending, notice_messages, checkout)


class Killed(BaseException):
    """As kill -9: nothing of ours catches it."""


class Killer:
    """Kills at the point of this number, once: before or after a commit, and around each call of WhatsApp."""

    def __init__(self, at: int) -> None:
        self.passed = 0
        self._at = at

    def point(self) -> None:
        """One moment at which the process may die."""
        self.passed += 1
        if self.passed == self._at:
            raise Killed


def under(killer: Killer, whatsapp: FakeWhatsApp, patch: pytest.MonkeyPatch) -> None:
    """Let the product pass the killer at every commit and call."""
    send = whatsapp.send

    @contextmanager
    def transaction() -> Iterator[database.Transaction]:
        with database.transaction() as tx:
            yield tx
            killer.point()
        killer.point()

    def watched(*given: Any, **named: Any) -> str:
        killer.point()
        taken = send(*given, **named)
        killer.point()
        return taken

    for module in MODULES:
        patch.setattr(module, "transaction", transaction)
    patch.setattr(whatsapp, "send", watched)


def go_on(phone: Phone, whatsapp: FakeWhatsApp) -> None:
    """The events after a death: statuses of what WhatsApp has taken, the end of the claim, and the message again."""
    told = {"status": "sent", "timestamp": "1796000000"}
    statuses = [
        {**told, "id": f"wamid.{each.callback_data}", "biz_opaque_callback_data": each.callback_data}
        for each in whatsapp.sent
    ]
    deliver([{"statuses": statuses}])
    with database.transaction() as tx:
        query = text("UPDATE chat_senders SET claimed_until = NULL WHERE messenger_id = :id RETURNING id")
        sender_id: UUID = tx.execute(query, {"id": phone.user_id}).scalar_one()
    work_on(sender_id, 2)
    drain(phone.published)


def buys(code: str, phone: Phone, whatsapp: FakeWhatsApp, at: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Buy, and die at one point on the way; how many points there were."""
    killer = Killer(at)
    with monkeypatch.context() as patch:
        under(killer, whatsapp, patch)
        try:
            phone.writes(f"beli {code} 1")
        except Killed:
            patch.undo()
            go_on(phone, whatsapp)
    return killer.passed


@pytest.mark.slow("a purchase for each place where it may be killed")
def test_whoever_is_killed_anywhere_sells_once_and_answers_once(
    a_phone: APhone, whatsapp: FakeWhatsApp, published: Published, monkeypatch: pytest.MonkeyPatch
):
    event, code = an_offer(kind="product", price=0, quota=200)
    points = buys(code, a_phone(), whatsapp, 0, monkeypatch)
    assert points > 20
    phones = [a_phone() for _ in range(points)]
    for at, phone in enumerate(phones, 1):
        whatsapp.sent.clear()
        buys(code, phone, whatsapp, at, monkeypatch)
        assert [("Kode pengambilan" in each.text) for each in phone.heard] == [True], f"killed at point {at}"
    assert (stock(event.tier_ids[0]).reserved, stock(event.tier_ids[0]).sold) == (0, points + 1)
