"""The platform's promo codes don't pay organizers who buy their own tickets (TS-006, FN-006)."""

import json
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud import manual_tasks
from shared.cloud.database import transaction
from shared.payouts import creation, self_dealing
from shared.sales import orders
from tests.factories import a_promo, a_tier, a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.refunds.steps import let_it_be_over, open_tasks, rows

pytestmark = pytest.mark.usefixtures("database")


def scene(**organizer):
    """An event with a code HEMAT of the platform's, 30 % off."""
    with transaction() as tx:
        host = a_user(tx, role="organizer", **organizer)
        event = an_event(tx, tiers=[a_tier(quota=100)], organizer_id=host.id)
        a_promo(tx, event, organizer_id=None, percent=30, code=f"HEMAT-{event.id.hex[:8].upper()}", budget=1_000_000)
    return event, f"HEMAT-{event.id.hex[:8].upper()}"


def a_buyer(**columns):
    with transaction() as tx:
        return a_user(tx, **columns)


def give_phone(user_id, phone):
    with transaction() as tx:
        tx.execute(text("UPDATE users SET phone = :phone WHERE id = :id"), {"id": user_id, "phone": phone})


def give_bank_account(user_id, ending):
    with transaction() as tx:
        tx.execute(
            text("""
                INSERT INTO bank_accounts (id, user_id, bank_code, account_number_sealed, account_number_ending,
                    account_holder_name, status)
                VALUES (gen_random_uuid(), :id, 'BCA', 'encrypted', :ending, 'Siti Rahma', 'verified')
            """),
            {"id": user_id, "ending": ending},
        )


def tell_card(order_id, card):
    with transaction() as tx:
        tx.execute(
            text("""
                INSERT INTO webhook_events (gateway, webhook_id, event_type, payment_id, payload, processed)
                SELECT 'midtrans', :once, 'capture', id, CAST(:payload AS jsonb), true FROM payments
                WHERE order_id = :id
            """),
            {"id": order_id, "once": uuid4().hex, "payload": json.dumps({"masked_card": card})},
        )


def found(event):
    with transaction() as tx:
        return dict(self_dealing.signs(tx, event.id, event.organizer_id))


def payouts_of(event):
    return rows("SELECT status, amount FROM payouts WHERE event_id = :id", id=event.id)


def test_an_alias_of_the_organizer_holds_the_payout_until_a_person_has_decided():
    event, code = scene(email="tono@example.org")
    a_paid_order(event, buyer=a_buyer(email="tono+penggemar@example.org"), quantities=[2], promo_code=code)
    let_it_be_over(event.id)
    creation.create_all_due()
    creation.create_all_due()
    assert payouts_of(event) == []
    assert open_tasks(event.id) == ["payout_self_dealing"]
    [task] = rows("SELECT id, details FROM manual_tasks WHERE subject_id = :id", id=str(event.id))
    assert task.details["signs"] == {"same_person": {"orders": 1, "discount": 60_000}}
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        manual_tasks.finish(tx, task.id, manual_tasks.Done(note="tamu undangan"), by=admin.id)
    creation.create_all_due()
    assert [tuple(row) for row in payouts_of(event)] == [("pending", 180_000)]
    assert open_tasks(event.id) == []


def test_honest_buyers_hold_nothing():
    event, code = scene()
    for _ in range(4):
        a_paid_order(event, promo_code=code)
    let_it_be_over(event.id)
    creation.create_all_due()
    assert [row.amount for row in payouts_of(event)] == [360_000]
    assert found(event) == {}


def test_who_uses_no_code_of_the_platform_may_be_anybody():
    event, _ = scene(email="wati@example.org")
    a_paid_order(event, buyer=a_buyer(email="wati+1@example.org"))
    with transaction() as tx:
        a_promo(tx, event, code="SENDIRI", percent=50)
    a_paid_order(event, buyer=a_buyer(email="wati+2@example.org"), promo_code="SENDIRI")
    assert found(event) == {}


def test_gate_staff_of_the_organizer_are_the_organizer():
    event, code = scene()
    a_paid_order(event, buyer=a_buyer(role="staff", organizer_id=event.organizer_id), promo_code=code)
    assert found(event) == {"same_person": {"orders": 1, "discount": 30_000}}


def test_a_ticket_for_the_organizers_mailbox():
    event, code = scene(email="peserta1+panitia@example.com")  # the factories name attendees so
    a_paid_order(event, promo_code=code)
    assert set(found(event)) == {"same_attendee"}


def test_one_phone_and_one_bank_account():
    event, code = scene()
    buyer = a_buyer()
    for user_id in (event.organizer_id, buyer.id):
        give_phone(user_id, "+628111222333")
        give_bank_account(user_id, "7890")
    a_paid_order(event, buyer=buyer, promo_code=code)
    other = a_buyer()
    give_bank_account(other.id, "7891")
    a_paid_order(event, buyer=other, promo_code=code)
    assert found(event) == {
        "same_phone": {"orders": 1, "discount": 30_000},
        "same_bank_account": {"orders": 1, "discount": 30_000},
    }


@pytest.mark.parametrize(("sharing", "signs"), [(2, set()), (3, {"same_card"})])
def test_one_card_for_several_people(sharing, signs):
    event, code = scene()
    for number in range(4):
        order = a_paid_order(event, promo_code=code)
        tell_card(order.id, "481111-1114" if number < sharing else f"52000{number}-000{number}")
    assert set(found(event)) == signs


@pytest.mark.parametrize(("others", "signs"), [(2, {"address_pattern"}), (20, set())])
def test_addresses_that_differ_by_digits_only(others, signs):
    event, code = scene()
    for number in range(3):
        a_paid_order(event, buyer=a_buyer(email=f"penonton{number}-{others}x@example.org"), promo_code=code)
    for _ in range(others):
        a_paid_order(event, promo_code=code)
    assert set(found(event)) == signs


def test_what_was_refunded_earns_nothing():
    event, code = scene(email="joko@example.org")
    order = a_paid_order(event, buyer=a_buyer(email="joko+1@example.org"), promo_code=code)
    with transaction() as tx:
        orders.mark_refunded(tx, orders.lock(tx, order.id))
    assert found(event) == {}


def finish_review(event):
    [task] = rows("SELECT id FROM manual_tasks WHERE subject_id = :id AND done_at IS NULL", id=str(event.id))
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        manual_tasks.finish(tx, task.id, manual_tasks.Done(note="tamu undangan"), by=admin.id)


def another_event(event):
    with transaction() as tx:
        return an_event(tx, tiers=[a_tier(quota=100)], organizer_id=event.organizer_id)


def test_a_remainder_waits_while_another_event_is_looked_at():
    event, code = scene(email="sari@example.org")
    other = another_event(event)
    a_paid_order(other)
    let_it_be_over(other.id)
    creation.create_all_due()
    a_paid_order(event, buyer=a_buyer(email="sari+1@example.org"), promo_code=code)
    let_it_be_over(event.id)
    creation.create_all_due()
    assert open_tasks(event.id) == ["payout_self_dealing"]
    a_late_sale(other)
    creation.create_all_due()
    assert [row.amount for row in payouts_of(other)] == [90_000]
    finish_review(event)
    creation.create_all_due()
    paid = [row.amount for each in (event, other) for row in payouts_of(each)]
    assert sum(paid) == 3 * 90_000


def test_sales_after_the_decision_are_looked_at_too():
    event, code = scene(email="agus@example.org")
    a_paid_order(event, buyer=a_buyer(email="agus+1@example.org"), promo_code=code)
    let_it_be_over(event.id)
    creation.create_all_due()
    finish_review(event)
    a_late_sale(event, buyer=a_buyer(email="agus+2@example.org"), promo_code=code)
    creation.create_all_due()
    assert (payouts_of(event), open_tasks(event.id)) == ([], ["payout_self_dealing"])
    finish_review(event)
    creation.create_all_due()
    assert [row.amount for row in payouts_of(event)] == [180_000]


def test_a_sale_after_the_payout_holds_its_remainder_and_the_next_payout():
    event, code = scene(email="dewi@example.org")
    a_paid_order(event)
    let_it_be_over(event.id)
    creation.create_all_due()
    a_late_sale(event, buyer=a_buyer(email="dewi+1@example.org"), promo_code=code)
    other = another_event(event)
    a_paid_order(other)
    let_it_be_over(other.id)
    creation.create_all_due()
    assert ([row.amount for row in payouts_of(event)], payouts_of(other)) == ([90_000], [])
    assert open_tasks(event.id) == ["payout_self_dealing"]
    finish_review(event)
    creation.create_all_due()
    assert sum(row.amount for each in (event, other) for row in payouts_of(each)) == 3 * 90_000


def a_late_sale(event, **how):
    """Money that came in when the event was over already."""
    with transaction() as tx:
        tx.execute(
            text("""
                UPDATE events SET start_date = now() + interval '30 days', end_date = now() + interval '31 days'
                WHERE id = :id
            """),
            {"id": event.id},
        )
    a_paid_order(event, **how)
    let_it_be_over(event.id)
