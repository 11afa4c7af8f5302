"""The conversation is a pure function: the same updates and results give the same again, and nothing breaks it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.chat import conversation
from shared.chat.contents import (
    CallPerson,
    Done,
    EventRow,
    EventsFound,
    FindTickets,
    FindTier,
    Hold,
    Incoming,
    ListEvents,
    OrderChanged,
    OrderFound,
    OrderSummary,
    Refused,
    Result,
    ShowEvent,
    Text,
    TierRow,
    TiersFound,
)
from shared.chat.state import State
from shared.chat.transitions import Transition
from shared.gateways.whatsapp import messages

ORDER, OTHER = UUID(int=1), UUID(int=2)
SOON = datetime(2027, 1, 16, 12, tzinfo=UTC)
EVENT = EventRow(id=UUID(int=3), title="Konser Senja", starts_at=SOON, timezone="Asia/Jakarta")
TIER = TierRow(
    code="K7M2QP", name="Reguler", price=100_000, available=9, most=5, on_sale=True, needs_identity=False, slug="konser"
)


def order(status: str = "reserved", **fields) -> OrderSummary:
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
    return OrderSummary(**usual | fields)


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
        "K7M2QP",
        "en",
    ]
    ids = [f"{name}:{n}" for name in ("pay", "cancel", "me", "quantity") for n in range(3)]
    choices = [*ids, "quantity:1:2", "tier:K7M2QP", f"event:{EVENT.id}", "event:no", "", ":"]
    kinds = st.sampled_from(["text", "choice", "image", "cart", "contact", "unsupported", "ignored"])
    written = st.builds(
        Incoming,
        kind=kinds,
        text=st.sampled_from(words),
        choice=st.sampled_from(choices),
        quantity=st.integers(0, 9),
        sent_at=st.sampled_from([None, SOON, SOON - timedelta(seconds=1)]),
        is_late=st.booleans(),
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
            transition = conversation.step(state, update)
            actions = 0
            while transition.action is not None:
                actions += 1
                assert actions < 5, "no action leads to the next for ever"
                told += [message.model_dump_json() for message in transition.messages]
                transition = conversation.resume(
                    transition.state, transition.action, result_of(transition.action.kind, wanted)
                )
            told += [message.model_dump_json() for message in transition.messages]
            state = State.model_validate_json(transition.state.model_dump_json(exclude_defaults=True))
            assert state == transition.state, "it is stored as it is"
        return told

    assert played() == played()


@given(updates())
def test_a_person_is_answered_or_something_is_looked_up_for_them(update):
    transition = conversation.step(State(), update)
    is_silent = isinstance(update, OrderChanged) or update.kind == "ignored"
    assert is_silent or transition.messages or transition.action


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
    transition = conversation.resume(State(), Hold(code="K7M2QP", quantity=1), Refused(slug=slug))
    [told] = transition.messages
    assert words in told.body
    assert transition.state.order is None


def hears(state: State, text: str, **how) -> Transition:
    return conversation.step(state, Incoming(kind="text", text=text, **how))


def bought(transition: Transition) -> tuple[str, int]:
    assert isinstance(transition.action, Hold)
    return transition.action.code, transition.action.quantity


def shown_tiers(**state) -> State:
    tiers = (TIER, TIER.model_copy(update={"code": "VIU1B", "name": "Utama"}))
    found = TiersFound(title="Konser Senja", tiers=tiers)
    return conversation.resume(State(**state), ShowEvent(event_id=EVENT.id), found).state


def test_a_number_chooses_a_row_of_the_list_and_then_a_quantity():
    transition = hears(shown_tiers(), "2")
    assert isinstance(transition.action, FindTier)
    assert transition.action.code == "VIU1B"
    [wrong] = hears(shown_tiers(), "3").messages
    assert "1 sampai 2" in wrong.body
    asked = conversation.resume(
        transition.state, transition.action, TiersFound(title="Konser Senja", tiers=(TIER,))
    ).state
    assert bought(hears(asked, "2 tiket")) == ("K7M2QP", 2)
    assert bought(hears(asked, "dua")) == ("K7M2QP", 2)


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_row_tells_the_code_and_the_whole_name_where_it_is_cut_off_above(language: str):
    long = "Festival Early Bird, sisi timur panggung, berdiri, tanpa masuk kembali"
    first = TIER.model_copy(update={"name": long, "price": 1_250_000})
    second = TIER.model_copy(update={"code": "VIU1B", "available": 200})
    state = State(language=language)
    listed = conversation.resume(state, ShowEvent(event_id=EVENT.id), TiersFound(title="Konser", tiers=(first, second)))
    [asked] = listed.messages
    assert isinstance(asked, Text)
    cut, whole = (row.description for row in asked.rows)
    assert long[:30] in cut
    assert "K7M2QP" in cut
    assert "1250000" in cut.replace(".", "").replace(",", "")
    assert len(cut) <= messages.ROW_DESCRIPTION_LENGTH
    assert "VIU1B" in whole
    assert "Reguler" not in whole


@pytest.mark.parametrize("count", [messages.MAX_ROWS, messages.MAX_ROWS + 1])
def test_what_does_not_fit_into_a_list_is_on_the_site_and_has_no_number(count: int):
    tiers = tuple(TIER.model_copy(update={"code": f"KODE{number}"}) for number in range(count))
    events = tuple(EVENT.model_copy(update={"id": UUID(int=number)}) for number in range(count))
    of_tiers = conversation.resume(State(), ShowEvent(event_id=EVENT.id), TiersFound(title="Konser", tiers=tiers))
    of_events = conversation.resume(State(), ListEvents(), EventsFound(events=events))
    for listed, url in ((of_tiers, "/events/konser"), (of_events, "http")):
        [asked] = listed.messages
        assert isinstance(asked, Text)
        assert len(asked.rows) == len(listed.state.shown) == messages.MAX_ROWS
        assert (url in asked.body) is (count > messages.MAX_ROWS)


@pytest.mark.parametrize(("language", "name"), [("id", "batal"), ("en", "Cancel ")])
def test_a_name_that_reads_like_the_other_button_is_no_button_as_whatsapp_refuses_two_alike(language: str, name: str):
    state = State(language=language, profile_name=name)
    held = conversation.resume(state, Hold(code="K7M2QP", quantity=1), OrderFound(order=order(unnamed=1)))
    [asked] = held.messages
    assert isinstance(asked, Text)
    assert [each.id.partition(":")[0] for each in asked.buttons] == ["cancel"]


def test_a_list_that_is_shown_after_the_quantity_was_asked_is_what_a_number_chooses_from():
    asked = conversation.resume(State(), FindTier(code="K7M2QP"), TiersFound(title="Konser", tiers=(TIER,))).state
    listed = conversation.resume(asked, ListEvents(), EventsFound(events=(EVENT,))).state
    assert hears(listed, "1").action == ShowEvent(event_id=EVENT.id)


@pytest.mark.parametrize("typed", ["viu1b 2", "VIU1B 2 tiket", "beli viu1b 2", "viu1b dua"])
def test_a_code_is_known_in_any_case_and_without_a_verb(typed: str):
    assert bought(hears(State(), typed)) == ("VIU1B", 2)


def test_a_word_is_a_code_once_it_was_shown():
    assert hears(State(), "konser").action == ListEvents()
    assert hears(State(shown=("tier:KONSER",)), "konser").action == FindTier(code="KONSER")


@pytest.mark.parametrize("typed", ["beli K7M2QP 2", "batal", "bayar", "2", "VIU1B 1", "email siti@example.com"])
def test_what_comes_late_changes_nothing_and_is_told_of_once(typed: str):
    state = shown_tiers(order=order())
    for how in ({"is_late": True}, {"sent_at": SOON - timedelta(seconds=1)}):
        late = hears(state.model_copy(update={"written_at": SOON}), typed, **how)
        assert late.action is None
        assert "baru sampai sekarang" in late.messages[0].body
        again = hears(late.state, typed, **how)
        assert (again.messages, again.action) == ((), None)
        assert hears(hears(again.state, "bantuan").state, typed, **how).messages


def test_a_name_and_a_button_that_come_late_are_not_taken():
    naming = State(step="naming", order=order(), version=3)
    assert hears(naming, "Siti", is_late=True).state.names == ()
    pressed = Incoming(kind="choice", choice="cancel:3", is_late=True)
    assert conversation.step(naming, pressed).action is None


@pytest.mark.parametrize("typed", ["menu", "status", "tiket", "sudah bayar", "bantuan", "orang"])
def test_what_changes_nothing_is_answered_though_late(typed: str):
    late, in_time = (hears(State(order=order()), typed, is_late=is_late) for is_late in (True, False))
    assert late == in_time


def test_over_the_budget_only_what_was_bought_is_told_of():
    def put_off(state: State, text: str, *, may_tell: bool = True, has_bought: bool = False) -> Transition:
        told = Incoming(kind="text", text=text)
        return conversation.step_over_budget(state, told, today=SOON.date(), may_tell=may_tell, has_bought=has_bought)

    first = put_off(State(), "beli K7M2QP 1")
    assert (first.action, "penuh" in first.messages[0].body) == (None, True)
    assert put_off(first.state, "menu") == Transition(state=first.state)
    assert put_off(State(), "menu", may_tell=False).messages == ()
    assert put_off(first.state, "tiket", has_bought=True).action == FindTickets()
    assert put_off(first.state, "tiket").action is None
    assert put_off(first.state, "orang").action == CallPerson()
    assert put_off(State(step="paying", order=order()), "sudah bayar").action


def test_a_number_is_no_name():
    [told] = hears(State(step="naming", order=order()), "2").messages
    assert "tidak bisa dipakai" in told.body
