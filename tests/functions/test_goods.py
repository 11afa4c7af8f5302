"""Products and digital goods by HTTP: bought with tickets, picked up once, shown to their buyer (PROD-1, PROD-2)."""

from tests.people import World
from tests.threads import at_the_same_time
from tests.waiting import until

SEAT = {"name": "Kursi", "price": 100_000, "quota": 10}
SHIRT = {"name": "Kaus", "price": 75_000, "quota": 10, "kind": "product"}
VOUCHER = {"name": "Voucher", "price": 50_000, "quota": 10, "kind": "digital"}


def upload(organizer, event, position, *secrets, status=201):
    tier = event["tiers"][position]
    return organizer.api.post(f"events/{event['id']}/tiers/{tier['id']}/units", {"units": secrets}, status=status)


def buy(buyer, event, quantities, gateway="xendit"):
    order = buyer.reserve(event, quantities)
    payment = buyer.checkout(order, gateway)
    buyer.world.gateway(gateway, payment["gateway_reference"], "pay")
    return until(lambda: issued(buyer, event, order), what="for the goods")


def issued(buyer, event, order):
    """The order once everything in it can be handed out."""
    now = buyer.order(order)
    kinds = {tier["id"]: tier["kind"] for tier in event["tiers"]}
    handed_out = {
        "ticket": bool(now["tickets"]),
        "product": bool(now["pickup_code"]),
        "digital": any(item["digital_unit"] for item in now["items"]),
    }
    return now if all(handed_out[kinds[item["tier_id"]]] for item in now["items"]) else None


def test_a_ticket_a_shirt_and_a_voucher_in_one_order(world: World):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish(SEAT, SHIRT, VOUCHER)
    assert upload(organizer, event, 2, "VOUCHER-SATU", "VOUCHER-DUA", "VOUCHER-SATU") == {
        "added": 2,
        "duplicates": 1,
        "units": 2,
    }
    tiers = world.anybody.get(f"events/{event['id']}/tickets")["tiers"]
    assert [tier["available"] for tier in tiers] == [10, 10, 2]

    order = buy(buyer, event, [1, 2, 1])
    assert len(order["tickets"]) == 1
    secrets = [item["digital_unit"] for item in order["items"]]
    assert secrets[:3] == [None] * 3
    assert secrets[3] in ("VOUCHER-SATU", "VOUCHER-DUA")
    assert "VOUCHER-" not in organizer.api.call("GET", f"orders/{order['id']}", status=200).text
    assert "VOUCHER-" not in buyer.api.call("GET", "orders/my-orders", status=200).text

    mail = world.mail(buyer.address, "goods_ready")
    assert order["pickup_code"] in mail["text"]
    assert "VOUCHER-" not in mail["text"] + mail["html"]
    world.mail(buyer.address, "e_ticket")

    scan = {"event_id": event["id"], "code": order["pickup_code"], "gate": "Loket 1"}
    answers = at_the_same_time([lambda: organizer.api.post("pickups/scan", scan, status=200)] * 4)
    assert sorted(answer["result"] for answer in answers) == ["already_used"] * 3 + ["valid"]
    assert answers[0]["items"] == [{"tier_name": "Kaus", "quantity": 2}]


def test_an_order_of_products_alone(world: World):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish(SHIRT)
    order = buy(buyer, event, [1])
    assert order["tickets"] == []
    assert order["pickup_code"] in world.mail(buyer.address, "goods_ready")["text"]
    world.somebody("organizer").api.post("pickups/scan", {"event_id": event["id"], "code": "AAAA-AAAA"}, status=404)


def test_a_product_needs_no_attendee(world: World):
    event, buyer = world.somebody("organizer").publish(SHIRT), world.somebody()
    items = [{"tier_id": event["tiers"][0]["id"], "quantity": 1}]
    order = buyer.api.post("orders/reserve", {"event_id": event["id"], "items": items}, status=201)
    assert buyer.checkout(order)["status"] == "pending"


def test_digital_goods_are_sold_as_far_as_they_reach(world: World):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish(VOUCHER, SEAT)
    assert buyer.reserve(event, [1], status=409)["type"].endswith("/sold-out")
    upload(organizer, event, 0, f"KODE-{event['id']}")
    assert buyer.reserve(event, [1])["status"] == "reserved"
    assert upload(organizer, event, 1, "X", status=409)["type"].endswith("/not-digital")
    upload(world.somebody("organizer"), event, 0, "X", status=404)
    upload(buyer, event, 0, "X", status=403)


def test_a_refund_voids_the_code_and_burns_the_voucher(world: World):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish(SHIRT, VOUCHER)
    upload(organizer, event, 1, f"BAKAR-{event['id']}", f"SISA-{event['id']}")
    order = buy(buyer, event, [1, 1], "midtrans")
    code = order["pickup_code"]
    world.gateway("midtrans", order["payments"][-1]["gateway_reference"], "refund")
    refunded = buyer.until_order(order, "refunded")
    assert (refunded["pickup_code"], refunded["items"][1]["digital_unit"]) == (None, None)
    scan = {"event_id": event["id"], "code": code}
    assert organizer.api.post("pickups/scan", scan, status=200)["result"] == "refunded"
    tiers = world.anybody.get(f"events/{event['id']}/tickets")["tiers"]
    assert [(tier["sold"], tier["available"]) for tier in tiers] == [(0, 10), (0, 1)]
