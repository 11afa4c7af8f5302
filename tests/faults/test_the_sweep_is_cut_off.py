"""The product is killed while it ends reservations whose time is over: their stock comes back once."""

from tests.faults.points import locked, run, stock, time_passes, until_forgotten, until_waiting_for
from tests.people import Person, World
from tests.stack import Stack


def test_a_sweep_cut_off_releases_stock_once(stack: Stack, world: World, organizer: Person):
    event = organizer.publish()
    buyers = [world.somebody(), world.somebody()]
    orders = [buyer.reserve(event, [2]) for buyer in buyers]
    with locked(stack, "SELECT id FROM ticket_tiers WHERE event_id = :id FOR UPDATE", id=event["id"]):
        time_passes(stack, minutes=16)
        stack.run_job("expire-sweep")
        until_waiting_for(stack, "ticket_tiers")
        stack.kill()
    until_forgotten(stack)
    assert stock(stack, event) == (4, 0)
    stack.start()

    for _ in range(2):
        run(stack, "expire-sweep")
        assert [buyer.order(order)["status"] for buyer, order in zip(buyers, orders, strict=True)] == ["expired"] * 2
        assert stock(stack, event) == (0, 0)
