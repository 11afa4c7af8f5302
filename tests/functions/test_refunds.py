"""Refunds as buyers and organizers live them (PS-015..020, PS-025, TS-013, NS-006)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import text

from tests.people import Person, World
from tests.stack import KEYS, Stack
from tests.waiting import until

PRICE = 150_000
BACK = 135_000  # nine tenths (PS-018)


def bought(
    world: World, quantity: int = 1, gateway: str = "xendit", method: str = "QRIS", **event: Any
) -> tuple[Person, Person, dict[str, Any]]:
    """An organizer, a buyer, and the buyer's paid order of tickets at Rp 150.000."""
    organizer, buyer = world.somebody("organizer"), world.somebody()
    return organizer, buyer, buyer.buy(organizer.publish(**event), [quantity], gateway, method)


def ask(buyer: Person, order: dict[str, Any], *, status: int = 201, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = buyer.api.post(
        "refunds/request", {"order_id": order["id"], "reason": "Saya sakit", **more}, status=status
    )
    return answer


def decide(organizer: Person, refund: dict[str, Any], how: str, *, status: int = 200, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = organizer.api.call("PUT", f"refunds/{refund['id']}/{how}", json=body, status=status).json()
    return answer


def until_refund(person: Person, stack: Stack, refund: dict[str, Any], status: str) -> dict[str, Any]:
    """The refund once it has that status; the gateways settle in their own time, and reconcile asks them."""

    def reached() -> dict[str, Any] | None:
        with stack.database() as database, database.begin() as tx:
            tx.execute(text("UPDATE refunds SET updated_at = now() - interval '2 minutes' WHERE status = 'processing'"))
        stack.run_job("reconcile-light")
        now: dict[str, Any] = person.api.get(f"refunds/{refund['id']}")
        return now if now["status"] == status else None

    return until(reached, what=f"for the refund to be {status}")


@pytest.mark.parametrize(("gateway", "method"), [("xendit", "QRIS"), ("midtrans", "GOPAY")])
def test_a_whole_order_goes_back_through_its_gateway(world: World, stack: Stack, gateway: str, method: str):
    organizer, buyer, order = bought(world, 2, gateway, method)
    refund = ask(buyer, order)
    assert (refund["status"], refund["amount"]) == ("requested", 2 * BACK)
    assert buyer.order(order)["status"] == "paid"
    assert organizer.api.get(f"refunds/{refund['id']}")["lines"] == [
        {
            "item_id": ticket["item_id"],
            "ticket_id": ticket["id"],
            "kind": "ticket",
            "description": "Festival",
            "amount": BACK,
        }
        for item in order["items"]
        for ticket in order["tickets"]
        if ticket["item_id"] == item["id"]
    ]

    approved = decide(organizer, refund, "approve")
    assert approved["status"] in ("approved", "processing", "completed")
    now = buyer.order(order)
    assert [ticket["status"] for ticket in now["tickets"]] == ["void", "void"]
    [tier] = organizer.api.get(f"events/{order['event_id']}")["tiers"]
    assert (tier["sold"], tier["available"]) == (0, 100)

    until_refund(buyer, stack, refund, "completed")
    now = buyer.order(order)
    assert (now["status"], now["payments"][0]["status"]) == ("refunded", "refunded")
    assert "Rp 270.000" in world.mail(buyer.address, "refund_completed")["text"]
    payment = world.anybody.get(f"/simulators/{gateway}/payments/{order['payments'][0]['gateway_reference']}")
    assert payment["refunded_amount"] == 2 * BACK


def test_one_ticket_of_two_goes_back_and_the_other_stays_good(world: World, stack: Stack):
    organizer, buyer, order = bought(world, 2)
    given, kept = order["tickets"]
    refund = ask(buyer, order, ticket_ids=[given["id"]])
    assert (refund["amount"], refund["ticket_ids"]) == (BACK, [given["id"]])
    decide(organizer, refund, "approve")
    until_refund(buyer, stack, refund, "completed")
    now = buyer.order(order)
    assert now["status"] == "paid"
    assert {ticket["id"]: ticket["status"] for ticket in now["tickets"]} == {given["id"]: "void", kept["id"]: "issued"}

    ask(buyer, order, ticket_ids=[given["id"]], status=422)
    rest = ask(buyer, order)
    decide(organizer, rest, "approve")
    until_refund(buyer, stack, rest, "completed")
    assert buyer.order(order)["status"] == "refunded"


def test_the_organizer_declines_with_a_reason_and_the_buyer_may_ask_again(world: World):
    organizer, buyer, order = bought(world)
    refund = ask(buyer, order)
    assert ask(buyer, order, status=409)["type"].endswith("refund-already-requested")
    declined = decide(organizer, refund, "reject", reason="Syaratnya lain")
    assert (declined["status"], declined["rejection_reason"]) == ("rejected", "Syaratnya lain")
    assert "Syaratnya lain" in world.mail(buyer.address, "refund_rejected")["text"]
    assert buyer.order(order)["tickets"][0]["status"] == "issued"
    assert decide(organizer, refund, "approve", status=409)["type"].endswith("refund-already-decided")
    assert ask(buyer, order)["status"] == "requested"


def test_free_tickets_are_given_back_at_once(world: World):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish({"name": "Gratis", "price": 0, "quota": 1})
    order = buyer.reserve(event)
    buyer.api.post(f"orders/{order['id']}/checkout", {"payment_method": "QRIS"}, status=200)
    buyer.until_tickets(order, 1)
    given = ask(buyer, order)
    assert (given["status"], given["amount"], given["not_refundable"]) == ("completed", 0, [])
    assert buyer.order(order)["status"] == "refunded"
    assert "tidak ada uang" in world.mail(buyer.address, "refund_completed")["text"]
    world.somebody().reserve(event)


def test_approved_twice_it_goes_back_once(world: World, stack: Stack):
    organizer, buyer, order = bought(world)
    refund = ask(buyer, order)
    decide(organizer, refund, "approve")
    decide(organizer, refund, "approve")
    until_refund(buyer, stack, refund, "completed")
    payment = world.anybody.get(f"/simulators/xendit/payments/{order['payments'][0]['gateway_reference']}")
    assert payment["refunded_amount"] == BACK
    assert decide(organizer, refund, "reject", reason="Terlambat", status=409)["type"].endswith("already-decided")


def test_within_seven_days_of_the_event_it_is_too_late(world: World):  # PS-015
    start = datetime.now(UTC) + timedelta(days=6)
    times = {"start_date": start.isoformat(), "end_date": (start + timedelta(hours=4)).isoformat()}
    _, buyer, order = bought(world, **times)
    assert ask(buyer, order, status=409)["type"].endswith("refund-window-closed")


def test_a_used_ticket_stays_used(world: World, stack: Stack):
    organizer, buyer, order = bought(world, 2)
    used, unused = order["tickets"]
    with stack.database() as database, database.begin() as tx:
        tx.execute(text("UPDATE tickets SET status = 'used', validated_at = now() WHERE id = :id"), {"id": used["id"]})
    assert ask(buyer, order, ticket_ids=[used["id"]], status=409)["type"].endswith("ticket-used")
    refund = ask(buyer, order)
    assert refund["ticket_ids"] == [unused["id"]]
    with stack.database() as database, database.begin() as tx:
        tx.execute(text("UPDATE tickets SET status = 'used', validated_at = now()"))
    assert decide(organizer, refund, "approve", status=409)["type"].endswith("ticket-used")
    assert buyer.order(order)["tickets"][1]["status"] == "used"


def test_a_virtual_account_is_paid_back_to_the_bank_and_a_failed_transfer_can_be_sent_again(world: World, stack: Stack):
    organizer, buyer, order = bought(world, method="BNI")
    refund = ask(buyer, order)
    decide(organizer, refund, "approve")
    world.mail(buyer.address, "refund_account_needed")
    assert buyer.api.get(f"refunds/{refund['id']}")["needs_bank_account"]
    again = ask(buyer, order, status=409)
    assert again["type"].endswith("refund-already-requested")
    assert [(each["id"], each["waits_for"]) for each in again["refunds"]] == [(refund["id"], "bank_account")]

    buyer.set_bank_account("0000999999")  # the simulated bank refuses the transfer
    failed = until_refund(buyer, stack, refund, "failed")
    assert buyer.order(order)["tickets"][0]["status"] == "void", failed
    assert buyer.order(order)["status"] == "paid"  # not refunded before the money is there (PS-025)
    assert stack.open_tasks(refund["id"]) == ["refund_failed"]

    buyer.set_bank_account("1234567890")
    until_refund(buyer, stack, refund, "completed")
    assert buyer.order(order)["status"] == "refunded"
    assert stack.open_tasks(refund["id"]) == []
    with stack.database() as database, database.connect() as connection:
        tries = connection.execute(
            text("SELECT status FROM disbursements WHERE refund_id = :id ORDER BY attempt"), {"id": refund["id"]}
        ).scalars()
        assert list(tries) == ["failed", "succeeded"]


def test_what_only_a_person_can_pay_back_is_paid_at_the_dashboard_and_booked(world: World, stack: Stack):
    organizer, buyer, order = bought(world, method="BNI")
    refund = ask(buyer, order)
    decide(organizer, refund, "approve")
    world.mail(buyer.address, "refund_account_needed")
    pay_at_dashboard(stack, refund)

    admin = world.somebody("admin")
    tasks = until(lambda: unknown_payouts(admin, refund), what="for Xendit to tell of the payout")
    path, paid = f"admin/refunds/{refund['id']}/paid-by-hand", {"through": "xendit", "note": "Tiket 4711"}
    for _ in range(2):
        assert admin.api.post(path, paid, status=200)["status"] == "completed"
    assert buyer.order(order)["status"] == "refunded"
    assert "Rp 135.000" in world.mail(buyer.address, "refund_completed")["text"]
    admin.api.post(f"admin/manual-tasks/{tasks[0]['id']}/done", {"note": "Refund dibayar manual"}, status=200)

    other, ours = bought(world)[1:]
    asked = ask(other, ours)
    refused = admin.api.post(f"admin/refunds/{asked['id']}/paid-by-hand", paid, status=409)
    assert (refused["type"].rsplit("/", 1)[1], refused["refund_status"]) == ("refund-not-payable-by-hand", "requested")


def pay_at_dashboard(stack: Stack, refund: dict[str, Any]) -> None:
    """A payout from Xendit's dashboard under the refund's id, as the runbook says."""
    account = {"account_number": "1234567890", "account_holder_name": "Siti Rahma"}
    requests.post(
        f"{stack.url}/simulators/xendit/v2/payouts",
        auth=(KEYS["XENDIT_API_KEY"], ""),
        headers={"Idempotency-key": refund["id"]},
        json={
            "reference_id": refund["id"],
            "channel_code": "ID_BCA",
            "channel_properties": account,
            "amount": refund["amount"],
            "currency": "IDR",
        },
        timeout=10,
    ).raise_for_status()


def unknown_payouts(admin: Person, refund: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks about a payout that has this refund's name."""
    items = admin.api.get("admin/manual-tasks", page_size=100)["items"]
    return [item for item in items if item["details"].get("reference") == refund["id"]]


def test_the_bank_account_must_be_the_buyers_own(world: World):
    buyer = world.somebody()
    account = {"bank_code": "BCA", "account_number": "0000111111", "account_holder_name": "Siti Rahma"}
    answer = buyer.api.call("PUT", "account/bank-account", json=account, status=422)
    assert answer.json()["type"].endswith("account-name-mismatch")
    answer = buyer.api.call("PUT", "account/bank-account", json={**account, "account_number": "0000121212"}, status=422)
    assert answer.json()["type"].endswith("account-not-found")
    answer = buyer.api.call("PUT", "account/bank-account", json={**account, "account_number": "123"}, status=422)
    buyer.api.get("account/bank-account", status=404)
    assert buyer.set_bank_account()["account_number"] == "******7890"


def test_an_order_refused_by_the_gateway_goes_to_the_bank_instead(world: World, stack: Stack):
    organizer, buyer, order = bought(world, gateway="midtrans", method="OVO")  # gives back all of a payment or nothing
    buyer.set_bank_account()
    refund = ask(buyer, order)
    decide(organizer, refund, "approve")
    done = until_refund(buyer, stack, refund, "completed")
    assert done["method"] == "disbursement"


def booked_at_dashboard(stack: Stack, order: dict[str, Any]) -> int:
    """The ledger's sum for an order of refunds at a gateway's dashboard, in rupiah."""
    held = text("""
        SELECT COALESCE(sum(e.amount), 0) FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
        WHERE e.account = 'dashboard_refunds' AND p.order_id = CAST(:id AS uuid)
    """)
    with stack.database() as database, database.begin() as tx:
        return int(tx.execute(held, {"id": order["id"]}).scalar_one())


def test_what_was_given_back_at_the_dashboard_is_not_sent_to_the_bank_as_well(world: World, stack: Stack):
    organizer, buyer, order = bought(world, gateway="midtrans", method="GOPAY")
    buyer.set_bank_account()
    refund = ask(buyer, order)
    world.gateway("midtrans", order["payments"][0]["gateway_reference"], "refund", amount=50_000)
    until(lambda: booked_at_dashboard(stack, order), what="for the dashboard's refund to be booked")
    decide(organizer, refund, "approve")
    done = until_refund(buyer, stack, refund, "completed")
    assert (refund["amount"], done["amount"]) == (135_000, 85_000)  # the dashboard's 50,000 count, only the rest goes


def test_a_buyer_sees_their_own_refunds_and_an_organizer_those_of_their_events(world: World):
    organizer, buyer, order = bought(world)
    refund = ask(buyer, order)
    for person in (organizer, buyer):
        assert [item["id"] for item in person.api.get("refunds")["items"]] == [refund["id"]]
    assert world.somebody().api.get("refunds")["total"] == 0
