"""A race by HTTP: one registration per identity number, BIB numbers for who has paid (REG-1, REG-2)."""

import io

import pypdfium2

from tests.factories import a_nik
from tests.people import Person, World

RACE = {"name": "10K", "price": 200_000, "quota": 50, "kind": "registration"}


def register(person: Person, event, nik: str | None, *, status: int = 201):
    attendee = {"name": "Siti Rahma", "email": person.address, **({"identity_number": nik} if nik else {})}
    items = [{"tier_id": event["tiers"][0]["id"], "quantity": 1, "attendees": [attendee]}]
    return person.api.post("orders/reserve", {"event_id": event["id"], "items": items}, status=status)


def test_a_runner_from_the_form_to_the_start(world: World):
    organizer, runner = world.somebody("organizer"), world.somebody()
    event = organizer.publish(RACE, {"name": "Tamu", "price": 50_000, "quota": 10})
    nik = a_nik()
    order = register(runner, event, nik)
    assert order["items"][0]["identity_number"] == f"************{nik[-4:]}"
    assert order["items"][0]["bib_number"] is None

    payment = runner.checkout(order)
    world.gateway("xendit", payment["gateway_reference"], "pay")
    paid = runner.until_tickets(order, 1)
    assert paid["items"][0]["bib_number"] == paid["tickets"][0]["bib_number"] == 1
    paper = runner.api.call("GET", paid["tickets"][0]["download_url"], status=200).content
    words = pypdfium2.PdfDocument(io.BytesIO(paper))[0].get_textpage().get_text_bounded()
    assert "NOMOR BIB" in words
    assert nik not in words

    [participant] = organizer.api.get(f"events/{event['id']}/participants")["items"]
    assert (participant["bib_number"], participant["identity_number"]) == (1, f"************{nik[-4:]}")
    world.somebody("organizer").api.call("GET", f"events/{event['id']}/participants", status=404)

    again = register(world.somebody(), event, f"{nik[:4]} {nik[4:]}", status=409)
    assert again["type"].endswith("/already-registered")
    assert nik not in str(again)


def test_a_number_is_asked_for_before_the_payment(world: World):
    event, runner = world.somebody("organizer").publish(RACE), world.somebody()
    order = register(runner, event, None)
    body = {"payment_method": "QRIS"}
    refused = runner.api.post(f"orders/{order['id']}/checkout", body, status=422)
    assert refused["type"].endswith("/attendees-missing")
    attendee = {"item_id": order["items"][0]["id"], "name": "Siti Rahma", "email": runner.address}
    wrong = {**body, "attendees": [{**attendee, "identity_number": "12"}]}
    refused = runner.api.post(f"orders/{order['id']}/checkout", wrong, status=422)
    assert refused["errors"][0]["field"] == "attendees.0.identity_number"
    right = {**body, "attendees": [{**attendee, "identity_number": a_nik()}]}
    assert runner.api.post(f"orders/{order['id']}/checkout", right, status=200)["status"] == "pending_payment"


def test_a_cancelled_registration_makes_room(world: World):
    event, runner, other = world.somebody("organizer").publish(RACE), world.somebody(), world.somebody()
    nik = a_nik()
    order = register(runner, event, nik)
    register(other, event, nik, status=409)
    runner.api.post(f"orders/{order['id']}/cancel", status=200)
    assert register(other, event, nik)["status"] == "reserved"
