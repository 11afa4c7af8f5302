"""A small rush in virtual time keeps every promise; `python -m tests.load.waiting_room` tries 100,000 people."""

from tests.load.waiting_room import simulate


def test_a_rush_keeps_its_order_sells_every_seat_once_and_loses_nobody():
    outcome = simulate(people=3_000, seats=300)
    assert outcome.broken == []
    assert (outcome.sold, outcome.called + outcome.told_sold_out) == (300, 3_000)
