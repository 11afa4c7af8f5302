"""EM-001, EM-008: the desk's forms send what was changed and nothing else, and say what is wrong where it stands."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from werkzeug.datastructures import MultiDict

from shared.catalog.events import EventResponse, ListedTierChange
from shared.catalog.promo_codes import PromoResponse
from shared.catalog.tiers import NewTier
from shared.site.organizer import checklist, edits, event_form, goods_pages, promo_form, tier_form, tier_pages
from shared.site.organizer.event_form import rows_of, values_of
from tests.unit.site.test_offers import LATER, NOW, event, tier


def form_of(of: EventResponse, **typed: str) -> "MultiDict[str, str]":
    """The form of an event as a browser sends it, with what somebody has typed into it."""
    rows = {
        f"t{row.number}_{name}": getattr(row, name) for row in rows_of(of) for name in ("id", "name", "price", "quota")
    }
    return MultiDict({**values_of(of), **rows, **typed})


def changes(of: EventResponse, **typed: str) -> dict[str, object]:
    """The fields that the form changes."""
    wanted, errors = event_form.change(form_of(of, **typed), of, "id")
    assert errors == {}
    assert wanted
    return wanted.model_dump(exclude_unset=True)


def test_a_form_that_nobody_touched_changes_nothing_even_at_an_odd_second():
    odd = event(tier(), start_date=LATER + timedelta(seconds=31), description="a\r\nb")
    assert changes(odd) == {"tiers": []}


def test_only_what_was_touched_is_changed():
    of = event(tier(), tier(), venue="Istora")
    assert changes(of, title="Baru", venue="") == {"title": "Baru", "venue": None, "tiers": []}
    changed = changes(of, t1_price="Rp 90.000", t2_id="", t2_name="C", t2_price="0", t2_quota="1.000")
    assert changed["tiers"] == [
        ListedTierChange(id=of.tiers[1].id, price=90_000).model_dump(exclude_unset=True),
        NewTier(name="C", price=0, quota=1000).model_dump(exclude_unset=True),
    ]


def test_the_last_of_a_hundred_tickets_is_changed_as_the_first_is():
    of = event(*(tier(quota=1) for _ in range(100)))
    assert changes(of, t99_price="90.000", capacity="") == {
        "capacity": 100,
        "tiers": [ListedTierChange(id=of.tiers[99].id, price=90_000).model_dump(exclude_unset=True)],
    }
    last = {"t100_name": "", "t101_name": "B", "t101_price": "0", "t101_quota": "1"}
    assert changes(of, **last)["tiers"] == [NewTier(name="B", price=0, quota=1).model_dump(exclude_unset=True)]


def test_another_zone_keeps_the_hours_on_the_clock():
    of = event(start_date=datetime(2026, 12, 4, 12, tzinfo=UTC), end_date=datetime(2026, 12, 4, 15, tzinfo=UTC))
    moved = changes(of, timezone="Asia/Jayapura")
    assert (moved["start_date"], moved["end_date"]) == (
        datetime(2026, 12, 4, 10, tzinfo=UTC),
        datetime(2026, 12, 4, 13, tzinfo=UTC),
    )


def test_another_zone_keeps_the_hours_of_its_tickets_sales_too():
    opens, ends = datetime(2026, 12, 2, 3, tzinfo=UTC), datetime(2026, 12, 3, 16, 59, tzinfo=UTC)
    early = tier(sale_start=opens, early_bird_price=100_000, early_bird_end=ends)
    of = event(early, tier())
    assert changes(of, timezone="Asia/Makassar", t0_name="Presale")["tiers"] == [
        {
            "id": early.id,
            "name": "Presale",
            "sale_start": opens - timedelta(hours=1),
            "early_bird_end": ends - timedelta(hours=1),
        }
    ]


def test_another_zone_moves_the_sales_of_a_hundred_tickets():
    opens = datetime(2026, 12, 2, 3, tzinfo=UTC)
    of = event(*(tier(sale_start=opens) for _ in range(100)))
    moved = changes(of, timezone="Asia/Makassar")["tiers"]
    assert moved == [{"id": each.id, "sale_start": opens - timedelta(hours=1)} for each in of.tiers]


@pytest.mark.parametrize("field", ["title", "category", "location", "start_date", "end_date", "t0_name", "t0_price"])
def test_a_field_that_may_not_be_empty_is_missed_in_its_place(field: str):
    of = event(tier())
    wanted, errors = event_form.change(form_of(of, **{field: ""}), of, "id")
    assert wanted is None
    assert list(errors) == [field]


def test_an_empty_capacity_is_that_of_the_tickets():
    assert changes(event(tier(quota=30), tier(quota=20)), capacity="") == {"capacity": 50, "tiers": []}


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ({}, {"capacity": "isi berapa orang yang boleh datang, atau isi satu jenis tiket"}),
        ({"t0_name": "Festival", "t0_price": "0"}, {"t0_quota": "wajib diisi"}),
    ],
    ids=["no tickets", "a ticket without its quota"],
)
def test_a_new_event_needs_a_capacity_only_where_it_has_no_tickets(row: dict[str, str], wrong: dict[str, str]):
    typed = MultiDict({**values_of(event()), "t0_name": "", "capacity": "", **row})
    assert event_form.new_event(typed, "id")[1] == wrong


def test_a_tier_that_nobody_touched_stays_and_a_cleared_price_is_none():
    of = tier(early_bird_price=100_000, early_bird_end=NOW)
    form = MultiDict(tier_form.values_of(of, "Asia/Jakarta"))
    untouched, _ = tier_form.change(form, of, "Asia/Jakarta", "id")
    assert untouched
    assert untouched.model_dump(exclude_unset=True) == {}
    form.update({"early_bird_price": ""})
    form.setlist("early_bird_price", [""])
    cleared, _ = tier_form.change(form, of, "Asia/Jakarta", "id")
    assert cleared
    assert cleared.model_dump(exclude_unset=True) == {"early_bird_price": None}


def test_a_box_that_is_not_ticked_says_no_and_an_empty_deadline_is_none():
    of = event(tier(), name_change_deadline=NOW, one_purchase_per_person=True, allows_reentry=True)
    unticked = dict.fromkeys(("refund_after_change", "one_purchase_per_person", "allows_reentry"), "")
    assert changes(of, **unticked, name_change_deadline="") == {
        "refund_after_change": False,
        "one_purchase_per_person": False,
        "allows_reentry": False,
        "name_change_deadline": None,
        "tiers": [],
    }


def a_promo(**facts: object) -> PromoResponse:
    fields = dict.fromkeys(PromoResponse.model_fields)
    usual = {"id": uuid4(), "code": "SENJA10", "funded_by": "organizer", "percent": 10, "applies_to": "order"}
    counted = {"minimum_spend": 0, "uses": 3, "late_uses": 0, "spent": 0, "waives_fee": False, "is_active": True}
    return PromoResponse(**{**fields, **usual, **counted, "created_at": NOW, **facts})


def promo_changes(of: PromoResponse, *tier_ids: UUID, **typed: str) -> dict[str, object]:
    """The fields that the form of a code changes."""
    before = promo_form.values_of(of, tier_ids, "Asia/Jakarta")
    form = MultiDict({**before, **typed})
    form.setlist("tier_ids", form["tier_ids"].split())
    wanted, errors = promo_form.change(form, before, "Asia/Jakarta", "id")
    assert errors == {}
    assert wanted
    return wanted.model_dump(exclude_unset=True)


def test_only_what_was_touched_of_a_code_is_changed():
    tier_id = uuid4()
    of = a_promo(tier_ids=[tier_id], ends_at=LATER, max_uses=50, max_discount=50_000)
    assert promo_changes(of, tier_id) == {}
    assert promo_changes(of, tier_id, max_uses="1.000", ends_at="") == {"max_uses": 1000, "ends_at": None}
    assert promo_changes(of, tier_id, value="Rp 25.000", unit="amount") == {"amount": 25_000, "percent": None}
    assert promo_changes(of, tier_id, tier_ids="", minimum_spend="") == {"tier_ids": None}


def test_a_code_without_its_discount_is_missed_in_its_place():
    of = a_promo()
    before = promo_form.values_of(of, [], "Asia/Jakarta")
    wanted, errors = promo_form.change(MultiDict({**before, "value": ""}), before, "Asia/Jakarta", "id")
    assert wanted is None
    assert list(errors) == ["value"]


def test_a_form_that_was_overtaken_takes_over_what_was_left_alone_and_keeps_what_was_typed():
    seen = edits.fingerprint({"title": "Lama", "venue": "Istora", "terms": "A"})
    typed = {"title": "Saya", "venue": "Istora", "terms": "B"}
    told = edits.find_conflict(seen, typed, {"title": "Mereka", "venue": "GBK", "terms": "B"})
    assert told
    assert told.now == {"title": "Mereka", "venue": "GBK"}
    assert told.merged == {"title": "Saya", "venue": "GBK", "terms": "B"}


@pytest.mark.parametrize("remembered", ["", "{", "[]", "3", '{"title": 3}', "null", "[" * 100_000], ids=range(7))
def test_a_form_that_remembers_nothing_was_not_overtaken(remembered: str):
    assert edits.find_conflict(remembered, {"title": "Saya"}, {"title": "Mereka"}) is None


def test_tickets_and_goods_change_places_among_themselves():
    a, shirt, b = tier(name="A"), tier(name="Kaus", kind="product"), tier(name="B")
    of = event(a, shirt, b)
    assert tier_pages.moved(of, b, -1) == [b.id, shirt.id, a.id]
    assert tier_pages.moved(of, shirt, -1) == tier_pages.moved(of, b, 1) == [a.id, shirt.id, b.id]


@pytest.mark.parametrize(
    ("content", "units"),
    [
        (b"A-1\nA-2\n", ["A-1", "A-2"]),
        (b"\xef\xbb\xbfA-1;x\r\nA-2;y\r\n\r\n", ["A-1", "A-2"]),
        (b'"A,1",x\nA-2,y', ["A,1", "A-2"]),
        (b"caf\xe9", ["café"]),
        (b"", []),
        (b"KODE-1\rKODE-2\r", ["KODE-1", "KODE-2"]),
    ],
)
def test_codes_are_the_first_column_of_a_file(content: bytes, units: list[str]):
    assert goods_pages.first_column(content) == units


def test_an_event_is_ready_once_it_has_tickets_and_is_to_come():
    def is_ready(of: EventResponse) -> bool:
        return checklist.is_ready(checklist.before_publishing(of, has_bank_account=False, at=NOW))

    assert is_ready(event(tier()))
    assert not is_ready(event())
    assert not is_ready(event(tier(), end_date=NOW))


def test_the_way_to_the_first_sale_is_read_from_the_data():
    def done(*events: EventResponse, has_bank_account: bool = False) -> list[str]:
        steps = checklist.before_first_sale(events, has_bank_account=has_bank_account, at=NOW)
        return [step.name for step in steps if step.is_done]

    assert done() == []
    assert done(event(status="draft")) == ["create"]
    assert done(event(tier(), status="draft"), has_bank_account=True) == ["create", "tickets", "bank_account"]
    assert done(event(tier(sold=1))) == ["create", "tickets", "publish", "sale"]
