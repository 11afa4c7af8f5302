"""Nothing is released while a big sale opens: what counts as one stands in the tiers."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.deploy import freeze
from shared.catalog import openings
from shared.catalog.openings import MIN_SEATS, Opening
from shared.cloud.database import transaction
from tests.factories import a_tier, an_event

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _database(database: str):
    pass


def test_tiers_that_open_together_are_one_rush():
    later = NOW + timedelta(days=1)
    with transaction() as tx:
        an_event(tx, title="Konser", tiers=[a_tier(quota=600, sale_start=SOON), a_tier(quota=500, sale_start=SOON)])
        cheap = a_tier(quota=2_000, early_bird_price=50_000, early_bird_start=SOON, early_bird_end=later)
        an_event(tx, title="Lari", tiers=[cheap])
        an_event(tx, title="Rahasia", status="draft", tiers=[a_tier(quota=9_000, sale_start=SOON)])
        an_event(tx, title="Besok", tiers=[a_tier(quota=9_000, sale_start=later)])
        found = openings.find(tx, since=NOW - freeze.AFTER, until=NOW + freeze.BEFORE)
    assert sorted(found, key=lambda opening: opening.title) == [
        Opening("Konser", SOON, 1_100),
        Opening("Lari", SOON, 2_000),
    ]


@pytest.mark.parametrize("sale_start", [None, NOW - timedelta(days=1)])
def test_a_rush_opens_with_its_waiting_room_where_the_sale_does_not_begin_later(sale_start: datetime | None):
    title = f"Rebutan {sale_start}"
    with transaction() as tx:
        tiers = [a_tier(quota=600, sale_start=sale_start), a_tier(quota=500, sale_start=NOW + timedelta(days=1))]
        an_event(tx, title=title, tiers=tiers, waiting_room_opens_at=SOON)
        found = openings.find(tx, since=NOW - freeze.AFTER, until=NOW + freeze.BEFORE)
    assert [each for each in found if each.title == title] == [Opening(title, SOON, 600)]


def test_a_release_waits_unless_somebody_says_why(capsys, monkeypatch):
    with transaction() as tx:
        opens = datetime.now(UTC) + timedelta(minutes=30)
        an_event(tx, title="Final", tiers=[a_tier(quota=MIN_SEATS, sale_start=opens)])
    assert freeze.main() == 1
    assert "Final: 1000 seats open at" in capsys.readouterr().out
    monkeypatch.setenv("DURING_SALE", "checkout is down")
    assert freeze.main() == 0
    assert "checkout is down" in capsys.readouterr().out
