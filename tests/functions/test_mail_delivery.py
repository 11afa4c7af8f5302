"""The delivery of mails on a running product: told by the mail service, shown to buyers, and heeded (NS-008)."""

from typing import Any
from uuid import uuid4

from tests.functions.browsing import Browser
from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import until


def buy_for(buyer: Person, event: dict[str, Any], address: str) -> dict[str, Any]:
    """An order of one ticket for an attendee with this address, paid."""
    attendee = {"name": "Ani Wijaya", "email": address}
    wanted = [{"tier_id": event["tiers"][0]["id"], "quantity": 1, "attendees": [attendee]}]
    order: dict[str, Any] = buyer.api.post("orders/reserve", {"event_id": event["id"], "items": wanted}, status=201)
    payment = buyer.checkout(order)
    buyer.world.gateway("xendit", payment["gateway_reference"], "pay")
    return buyer.until_tickets(order, 1)


def until_mail(buyer: Person, order: dict[str, Any], status: str) -> dict[str, Any]:
    """The ticket, once the mail with it has come so far."""

    def reached() -> dict[str, Any] | None:
        ticket: dict[str, Any] = buyer.order(order)["tickets"][0]
        return ticket if ticket["mail_status"] == status else None

    return until(reached, what=f"for the ticket's mail to be {status}")


def page(person: Person, address: str) -> str:
    """The words of a page to somebody."""
    browser = Browser(person.world)
    browser.sign_in(person)
    return str(browser.get(address).text)


def test_a_bounced_ticket_is_told_to_its_buyer_and_the_corrected_address_gets_it(world: World, stack: Stack):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish()
    gone, right = f"bounce-{uuid4().hex[:8]}@example.com", f"ani-{uuid4().hex[:8]}@example.com"
    order = buy_for(buyer, event, gone)
    ticket = until_mail(buyer, order, "bounced")
    told = page(buyer, f"/orders/{order['id']}")
    assert f"{gone} menolak e-mail kami." in told
    assert f'href="/tickets/{ticket["id"]}">Perbaiki alamat' in told
    attendees = page(organizer, f"/organizer/events/{event['id']}/attendees")
    assert "E-mail tidak sampai" in attendees
    assert world.mail(buyer.address, "e_ticket")

    corrected = {"name": "Ani Wijaya", "email": right}
    buyer.api.call("PUT", f"tickets/{ticket['id']}/holder", json=corrected, status=200)
    until_mail(buyer, order, "delivered")
    assert world.mail(right, "e_ticket")

    second = buy_for(buyer, event, gone)
    until_mail(buyer, second, "dropped")
    tried = [mail for mail in world.mails(gone) if mail["template"] == "e_ticket"]
    assert len(tried) == 1

    world.somebody("admin").api.post("admin/mail-suppressions/lift", {"email": gone}, status=204)
    buyer.api.post(f"orders/{second['id']}/resend", status=202)
    until_mail(buyer, second, "bounced")  # tried once more, and refused again


def test_opening_a_ticket_mail_is_told(world: World):
    event, buyer = world.somebody("organizer").publish(), world.somebody()
    order = buy_for(buyer, event, buyer.address)
    until_mail(buyer, order, "delivered")
    message_id = world.mail(buyer.address, "e_ticket")["message_id"]
    world.mail_event(message_id, "open")
    until_mail(buyer, order, "opened")
