"""The end of an event, good or bad: payouts out of the ledger, or everything back (PS-021, FN-004..017)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import until

PRICE, FEE, COMMISSION = 150_000, 10_000, 15_000


def balance(stack: Stack, organizer: Person) -> int:
    """The ledger's debt to an organizer, in rupiah."""
    user_id = organizer.api.get("account")["id"]
    with stack.database() as database, database.connect() as connection:
        return -int(
            connection.execute(
                text("SELECT COALESCE(sum(amount), 0) FROM ledger_entries WHERE account = :account"),
                {"account": f"organizer_payable:{UUID(user_id)}"},
            ).scalar_one()
        )


def end_days_ago(stack: Stack, event: dict[str, Any], days: int) -> None:
    """Let an event have ended so many days ago."""
    with stack.database() as database, database.begin() as tx:
        tx.execute(
            text("""
                UPDATE events SET start_date = now() - make_interval(days => :days, hours => 4),
                    end_date = now() - make_interval(days => :days)
                WHERE id = :id
            """),
            {"id": event["id"], "days": days},
        )


def payout_of(organizer: Person, event: dict[str, Any], *statuses: str) -> dict[str, Any]:
    """The payout of an event, once it has one of these statuses."""

    def found() -> dict[str, Any] | None:
        items = [item for item in organizer.api.get("payouts")["items"] if item["event_id"] == event["id"]]
        return items[0] if items and items[0]["status"] in statuses else None

    return until(found, what=f"for the payout to be {statuses}")


def until_cancelled(organizer: Person, event: dict[str, Any]) -> dict[str, Any]:
    """The cancellation, once its last step is done: after the last refund, or before it."""

    def finished() -> dict[str, Any] | None:
        now: dict[str, Any] = organizer.api.get(f"events/{event['id']}/cancellation")
        return now if now["finished_at"] else None

    return until(finished, what="for the cancellation to end")


def test_the_organizer_is_paid_seven_days_after_the_event(world: World, stack: Stack):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    world.somebody().buy(event, [2])
    organizer.set_bank_account()
    end_days_ago(stack, event, 6)
    stack.run_job("payout-execution-daily")
    assert organizer.api.get("payouts")["total"] == 0
    end_days_ago(stack, event, 8)
    stack.run_job("payout-execution-daily")
    paid = payout_of(organizer, event, "completed")
    assert (paid["amount"], paid["account_number_ending"]) == (2 * (PRICE - COMMISSION), "7890")
    assert balance(stack, organizer) == 0
    assert "Rp 270.000" in world.mail(organizer.address, "payout_completed")["text"]
    stack.run_job("payout-execution-daily")
    assert organizer.api.get("payouts")["total"] == 1


def test_a_payout_waits_for_a_bank_account_and_is_tried_again_after_a_failure(world: World, stack: Stack):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    world.somebody().buy(event)
    end_days_ago(stack, event, 8)
    stack.run_job("payout-execution-daily")
    payout_of(organizer, event, "pending")
    world.mail(organizer.address, "payout_account_needed")
    organizer.set_bank_account("0000121212".replace("121212", "999999"))
    failed = payout_of(organizer, event, "failed")
    assert failed["failure"] == "REJECTED_BY_CHANNEL"
    organizer.set_bank_account("1234567890")
    assert payout_of(organizer, event, "completed")["amount"] == PRICE - COMMISSION


def test_what_the_bank_sends_back_is_owed_again(world: World, stack: Stack):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    world.somebody().buy(event)
    organizer.set_bank_account("0000654321")
    end_days_ago(stack, event, 8)
    stack.run_job("payout-execution-daily")
    failed = payout_of(organizer, event, "failed")
    assert failed["completed_at"] is None
    assert stack.open_tasks(failed["id"]) == ["payout_failed"]
    with stack.database() as database, database.connect() as connection:
        kinds = connection.execute(
            text("SELECT kind FROM ledger_postings WHERE event_id = :id AND kind LIKE 'disbursement%' ORDER BY kind"),
            {"id": event["id"]},
        ).scalars()
        assert list(kinds) == ["disbursement_paid", "disbursement_reversed"]
    organizer.set_bank_account("1234567890")
    payout_of(organizer, event, "completed")
    assert stack.open_tasks(failed["id"]) == []


def test_a_cancelled_event_gives_everything_back_and_costs_the_organizer_a_penalty(world: World, stack: Stack):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    wallet, bank, waiting, asked = (world.somebody() for _ in range(4))
    by_wallet, by_bank = wallet.buy(event, [2]), bank.buy(event, method="BCA")
    live = waiting.reserve(event)
    half_back = asked.buy(event)
    asked.api.post("refunds/request", {"order_id": half_back["id"], "reason": "Sakit"}, status=201)
    bank.set_bank_account()

    organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Penyanyi sakit"}, status=202)
    waiting.reserve(event, status=409)
    assert waiting.until_order(live, "cancelled")
    for buyer, order, amount in (
        (wallet, by_wallet, 2 * (PRICE + FEE)),
        (bank, by_bank, PRICE + FEE),
        (asked, half_back, PRICE + FEE),
    ):
        refunded = buyer.until_order(order, "refunded")
        assert {ticket["status"] for ticket in refunded["tickets"]} == {"void"}
        [refund] = [item for item in buyer.api.get("refunds")["items"] if item["kind"] == "cancellation"]
        assert (refund["amount"], refund["status"]) == (amount, "completed")
        assert event["title"] in world.mail(buyer.address, "event_cancelled")["text"]
    done = until_cancelled(organizer, event)
    assert (done["orders"], done["orders_left"], done["refunds"], done["refunds_completed"]) == (4, 0, 3, 3)
    assert done["penalty"] == 4 * PRICE * 5 // 100
    assert balance(stack, organizer) == -done["penalty"]

    again = organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Sekali lagi"}, status=202)
    assert again["finished_at"] == done["finished_at"]


def test_what_a_cancelled_event_costs_is_taken_off_the_next_payout(world: World, stack: Stack):  # FN-010
    organizer = world.somebody("organizer")
    organizer.set_bank_account()
    bad, good = organizer.publish(), organizer.publish()
    buyer = world.somebody()
    order = buyer.buy(bad, [5])
    organizer.api.post(f"events/{bad['id']}/cancel", {"reason": "Hujan"}, status=202)
    buyer.until_order(order, "refunded")
    until_cancelled(organizer, bad)
    world.somebody().buy(good, [2])
    stack.run_job("payout-execution-daily")
    assert payout_of(organizer, bad, "carried_over")["amount"] == 0
    end_days_ago(stack, good, 8)
    stack.run_job("payout-execution-daily")
    assert payout_of(organizer, good, "completed")["amount"] == 2 * (PRICE - COMMISSION) - 5 * PRICE * 5 // 100
    assert balance(stack, organizer) == 0


def test_fourteen_days_before_only_an_admin_may_cancel(world: World, stack: Stack):  # FN-013, FN-017
    organizer, admin = world.somebody("organizer"), world.somebody("admin")
    start = datetime.now(UTC) + timedelta(days=13)
    event = organizer.publish(start_date=start.isoformat(), end_date=(start + timedelta(hours=4)).isoformat())
    refused = organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Hujan"}, status=409)
    assert refused["type"].endswith("cancellation-too-late")
    admin.api.post(f"events/{event['id']}/cancel", {"reason": "Hujan", "waive_penalty": True}, status=202)
    until_cancelled(organizer, event)
    assert balance(stack, organizer) == 0


def odd_payment(world: World, difference: int) -> tuple[Person, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A buyer whose payment was so many rupiah more than asked for, with the event, the order and the payment."""
    buyer, event = world.somebody(), world.somebody("organizer").publish()
    order = buyer.reserve(event)
    payment = buyer.checkout(order)
    amount = payment["amount"] + difference
    world.gateway("xendit", payment["gateway_reference"], "pay", amount=amount)
    return buyer, event, order, payment


def waits(admin: Person, payment: dict[str, Any]) -> bool:
    return any(item["payment_id"] == payment["id"] for item in admin.api.get("admin/reviews", page_size=100)["items"])


def test_an_admin_accepts_money_that_is_a_little_short(world: World, stack: Stack):
    admin = world.somebody("admin")
    buyer, _, order, payment = odd_payment(world, -1)
    until(lambda: waits(admin, payment), what="for the review list")
    decided = admin.api.post(f"admin/reviews/{payment['id']}/accept", status=200)
    assert decided == {"payment_id": payment["id"], "decision": "accepted", "order_status": "paid"}
    buyer.until_tickets(order, 1)
    assert not waits(admin, payment)
    assert admin.api.post(f"admin/reviews/{payment['id']}/refund", status=409)["type"].endswith("not-in-review")


def test_an_admin_sends_money_back_that_is_far_off(world: World, stack: Stack):
    admin = world.somebody("admin")
    buyer, event, order, payment = odd_payment(world, 75_000)
    until(lambda: waits(admin, payment), what="for the review list")
    admin.api.post(f"admin/reviews/{payment['id']}/refund", status=200)
    assert buyer.order(order)["status"] == "cancelled"
    assert buyer.api.get("refunds")["items"][0]["amount"] == payment["amount"] + 75_000
    [tier] = buyer.api.get(f"events/{event['id']}")["tiers"]
    assert tier["reserved"] == 0


def test_a_buyer_pays_what_was_missing(world: World, stack: Stack):
    admin = world.somebody("admin")
    buyer, _, order, payment = odd_payment(world, -60_000)
    until(lambda: waits(admin, payment), what="for the review list")
    admin.api.post(f"admin/reviews/{payment['id']}/top-up", status=200)
    assert "Rp 60.000" in world.mail(buyer.address, "top_up_needed")["text"]
    rest = buyer.api.post("payments/create-invoice", {"order_id": order["id"], "payment_method": "QRIS"}, status=201)
    assert rest["amount"] == 60_000
    world.gateway(rest["gateway"], rest["gateway_reference"], "pay")
    buyer.until_tickets(order, 1)
    assert not waits(admin, payment)
    with stack.database() as database, database.connect() as connection:
        left = connection.execute(
            text("""
                SELECT e.account, sum(e.amount) AS amount
                FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
                WHERE p.order_id = :id AND e.account IN ('unallocated', 'payment_differences') GROUP BY 1
            """),
            {"id": order["id"]},
        ).all()
        assert all(row.amount == 0 for row in left)
