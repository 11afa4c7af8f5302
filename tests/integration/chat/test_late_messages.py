"""Messages that reach us long after they were written, as Meta repeats them for a week, act no more (CHAT-5)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.cloud import clock
from tests.doubles import Published
from tests.factories import stock
from tests.integration.chat.phones import Phone, deliver, drain
from tests.integration.chat.steps import an_offer

pytestmark = pytest.mark.usefixtures("database", "whatsapp")
APhone = Callable[..., Phone]


def arrives(phone: Phone, typed: str, *, age: timedelta) -> list[str]:
    """A message arrives that was written a while ago; what is answered."""
    before = len(phone.heard)
    value = phone.value({"type": "text", "text": {"body": typed}})
    value["messages"][0]["timestamp"] = str(int((clock.now() - age).timestamp()))
    deliver([value])
    drain(phone.published)
    return [each.text for each in phone.heard[before:]]


def test_a_purchase_of_six_hours_ago_holds_nothing_now(a_phone: APhone):
    event, code = an_offer()
    phone = a_phone()
    [told] = arrives(phone, f"beli {code} 1", age=timedelta(hours=6))
    assert "baru sampai sekarang" in told
    assert arrives(phone, f"beli {code} 1", age=timedelta(hours=5)) == []  # it was said
    assert stock(event.tier_ids[0]).reserved == 0
    assert len(phone.writes(f"beli {code} 1")) == 1
    assert stock(event.tier_ids[0]).reserved == 1


def test_a_cancellation_that_was_overtaken_leaves_the_newer_order_alone(a_phone: APhone, published: Published):
    event, code = an_offer()
    phone = a_phone()
    phone.writes(f"beli {code} 1")
    [told] = arrives(phone, "batal", age=timedelta(minutes=2))
    assert "baru sampai sekarang" in told
    assert stock(event.tier_ids[0]).reserved == 1
    assert "dibatalkan" in phone.writes("batal")[0].text


def test_after_a_day_nothing_is_done_and_nothing_said(a_phone: APhone):
    event, code = an_offer()
    assert arrives(a_phone(), f"beli {code} 1", age=timedelta(hours=25)) == []
    assert stock(event.tier_ids[0]).reserved == 0
