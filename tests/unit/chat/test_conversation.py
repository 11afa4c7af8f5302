"""The conversation is a pure function: the same updates and results give the same again, and nothing breaks it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.chat import conversation
from shared.chat.contents import (
    Done,
    EventRow,
    EventsFound,
    Hold,
    Incoming,
    OrderChanged,
    OrderFacts,
    OrderFound,
    Refused,
    Result,
    TierRow,
    TiersFound,
)
from shared.chat.conversation import State

ORDER, OTHER = UUID(int=1), UUID(int=2)
SOON = datetime(2027, 1, 16, 12, tzinfo=UTC)
EVENT = EventRow(id=UUID(int=3), title="Konser Senja", starts_at=SOON, timezone="Asia/Jakarta")
TIER = TierRow(
    code="K7M2QP", name="Reguler", price=100_000, available=9, most=5, on_sale=True, needs_identity=False, slug="konser"
)


def order(status: str = "reserved", **facts) -> OrderFacts:
    usual = {
        "id": ORDER,
        "status": status,
        "event_title": "Konser Senja",
        "lines": ("1 × Reguler",),
        "subtotal": 100_000,
        "platform_fee": 7_500,
        "discount": 0,
        "total": 107_500,
        "unnamed": 1,
        "expires_at": SOON,
    }
    return OrderFacts(**usual | facts)


def results() -> st.SearchStrategy[Result]:
    found = st.builds(
        order,
        st.sampled_from(["reserved", "pending_payment", "paid", "expired", "cancelled", "refunded"]),
        id=st.sampled_from([ORDER, OTHER]),
        unnamed=st.integers(0, 3),
        ticket_ids=st.sampled_from([(), (UUID(int=9),)]),
        digital_units=st.integers(0, 7),
        has_products=st.booleans(),
        payment_id=st.sampled_from([None, UUID(int=8)]),
        has_qris=st.booleans(),
    )
    slugs = st.sampled_from(
        ["sold-out", "already-reserved", "reservation-expired", "try-again", "needs-site", "new-one"]
    )
    return st.one_of(
        st.builds(OrderFound, order=found), st.builds(Refused, slug=slugs, order=st.one_of(st.none(), found))
    )


def updates() -> st.SearchStrategy[Incoming | OrderChanged]:
    words = [
        "menu",
        "beli K7M2QP 2",
        "buy K7M2QP",
        "bayar",
        "sudah bayar",
        "status",
        "batal",
        "tiket",
        "Siti",
        "2",
        "en",
    ]
    ids = [f"{name}:{n}" for name in ("pay", "cancel", "me", "quantity") for n in range(3)]
    choices = [*ids, "quantity:1:2", "tier:K7M2QP", f"event:{EVENT.id}", "event:no", "", ":"]
    kinds = st.sampled_from(["text", "choice", "image", "cart", "contact", "unsupported", "ignored"])
    written = st.builds(
        Incoming, kind=kinds, text=st.sampled_from(words), choice=st.sampled_from(choices), quantity=st.integers(0, 9)
    )
    told = st.builds(OrderChanged, kind=st.sampled_from(["delivery", "end"]), order_id=st.sampled_from([ORDER, OTHER]))
    return st.one_of(written, told)


def result_of(kind: str, wanted: Result) -> Result:
    """The result that an action of this kind may have."""
    if kind == "list_events":
        return EventsFound(events=(EVENT,))
    if kind in ("show_event", "find_tier"):
        return TiersFound(title=EVENT.title, tiers=(TIER,))
    if kind == "call_person" or (kind == "find_tickets" and isinstance(wanted, Refused)):
        return Done()
    return wanted


@given(st.lists(st.tuples(updates(), results()), max_size=8))
def test_whatever_comes_is_taken_in_the_same_each_time(history):
    def played() -> list[str]:
        state, told = State(), []
        for update, wanted in history:
            outcome = conversation.step(state, update)
            actions = 0
            while outcome.action is not None:
                actions += 1
                assert actions < 5, "no action leads to the next for ever"
                told += [message.model_dump_json() for message in outcome.messages]
                outcome = conversation.resume(outcome.state, outcome.action, result_of(outcome.action.kind, wanted))
            told += [message.model_dump_json() for message in outcome.messages]
            state = State.model_validate_json(outcome.state.model_dump_json(exclude_defaults=True))
            assert state == outcome.state, "it is stored as it is"
        return told

    assert played() == played()


@given(updates())
def test_a_person_is_answered_or_something_is_looked_up_for_them(update):
    outcome = conversation.step(State(), update)
    is_silent = isinstance(update, OrderChanged) or update.kind == "ignored"
    assert is_silent or outcome.messages or outcome.action


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("sale-closed", "habis"),
        ("queue-pass-required", "ruang tunggu"),
        ("hold-again-later", "nanti"),
        ("new", "gangguan"),
    ],
)
def test_a_refused_hold_says_why_and_leaves_no_order(slug: str, words: str):
    outcome = conversation.resume(State(), Hold(code="K7M2QP", quantity=1), Refused(slug=slug))
    [told] = outcome.messages
    assert words in told.body
    assert outcome.state.order is None
