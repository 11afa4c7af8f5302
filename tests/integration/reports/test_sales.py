"""An event's sales: totals, tiers, days, payments, check-ins (AR-001..003, AR-005, AR-006) and the card (REP-1)."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from shared.sales import expiry, orders
from tests.endpoints import call, problem
from tests.factories import Event, a_gate_staff, a_promo, a_tier, a_user, an_event, an_order, make_overdue
from tests.integration.refunds.sales import a_paid_order
from tests.integration.reports.steps import give_back, organizer_of, paid_at, sales

pytestmark = pytest.mark.usefixtures("database")


def an_event_with_two_tiers(**more: Any) -> Event:
    """Twenty places at Rp 100.000 and ten at Rp 250.000."""
    tiers = [a_tier(name="Reguler", price=100_000, quota=20), a_tier(name="VIP", price=250_000, quota=10)]
    with transaction() as tx:
        return an_event(tx, tiers=tiers, **more)


def picked(found: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: found[name] for name in names}


def test_totals_are_of_all_tiers_and_the_net_is_what_the_organizer_has_earned():
    event = an_event_with_two_tiers()
    with transaction() as tx:
        buyer = a_user(tx)
        a_promo(tx, event, code="HEMAT", percent=10)
        a_promo(tx, event, code="KARCIS", organizer_id=None, amount=50_000)
    kept = a_paid_order(event, quantities=(2, 1), promo_code="HEMAT")
    returned = a_paid_order(event, buyer=buyer, quantities=(2,), promo_code="KARCIS")
    give_back(returned, buyer, organizer_of(event), tickets=1)
    an_order(event, quantities=(0, 3))
    totals = sales(event)["totals"]
    assert picked(totals, "quota", "held", "sold", "refunded", "available") == {
        "quota": 30, "held": 3, "sold": 4, "refunded": 1, "available": 23,
    }  # fmt: skip
    # HEMAT: 45,000 of 450,000, and commission on the rest; KARCIS: 50,000 of 200,000, which the platform pays.
    assert picked(totals, "gross", "discount", "platform_discount") == {
        "gross": 650_000, "discount": 95_000, "platform_discount": 50_000,
    }  # fmt: skip
    assert totals["fees"] == kept.platform_fee + returned.platform_fee
    with transaction() as tx:
        earned = tx.execute(
            text("""
                SELECT -sum(e.amount) FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
                WHERE p.event_id = :id AND e.account = 'organizer_payable:' || :organizer_id
            """),
            {"id": event.id, "organizer_id": str(event.organizer_id)},
        ).scalar_one()
        back = tx.execute(
            text("SELECT sum(amount) FROM refunds WHERE order_id = :id"), {"id": returned.id}
        ).scalar_one()
    assert totals["net"] == earned
    assert totals["refunded_amount"] == back


def test_each_tier_has_its_own_figures():
    event = an_event_with_two_tiers()
    a_paid_order(event, quantities=(2, 1))
    an_order(event, quantities=(0, 3))
    found = sales(event)["tiers"]
    wanted = ("name", "quota", "held", "sold", "available", "gross", "commission")
    assert [picked(tier, *wanted) for tier in found] == [
        {"name": "Reguler", "quota": 20, "held": 0, "sold": 2, "available": 18, "gross": 200_000, "commission": 20_000},
        {"name": "VIP", "quota": 10, "held": 3, "sold": 1, "available": 6, "gross": 250_000, "commission": 25_000},
    ]


def test_an_event_without_a_sale_has_zeros():
    report = sales(an_event_with_two_tiers())
    assert picked(report["totals"], "sold", "gross", "net", "penalty") == {
        "sold": 0,
        "gross": 0,
        "net": 0,
        "penalty": 0,
    }
    assert report["by_day"] == report["payment_status"] == report["payment_methods"] == []
    assert report["funnel"] == {"reserved": 0, "open": 0, "paid": 0, "expired": 0, "cancelled": 0}
    assert report["check_ins"] == {"tickets": 0, "checked_in": 0}


def test_days_weeks_and_months_are_those_of_the_event_s_zone():
    event = an_event_with_two_tiers(timezone="Asia/Jayapura")  # UTC+9
    for moment in (datetime(2026, 11, 29, 14, 59, tzinfo=UTC), datetime(2026, 11, 29, 15, 1, tzinfo=UTC)):
        paid_at(a_paid_order(event).id, moment)
    paid_at(a_paid_order(event, quantities=(2,)).id, datetime(2026, 11, 30, 15, tzinfo=UTC))
    report = sales(event)

    def sold(name: str) -> list[tuple[str, int, int]]:
        return [(each["period"], each["sold"], each["net"]) for each in report[name]]

    assert sold("by_day") == [("2026-11-29", 1, 90_000), ("2026-11-30", 1, 90_000), ("2026-12-01", 2, 180_000)]
    assert sold("by_week") == [("2026-11-23", 1, 90_000), ("2026-11-30", 3, 270_000)]
    assert sold("by_month") == [("2026-11-01", 2, 180_000), ("2026-12-01", 2, 180_000)]


def test_a_period_is_given_by_days_of_the_zone_or_by_moments():
    event = an_event_with_two_tiers(timezone="Asia/Jayapura")
    paid_at(a_paid_order(event).id, datetime(2026, 11, 29, 14, 59, tzinfo=UTC))
    paid_at(a_paid_order(event, quantities=(2,)).id, datetime(2026, 11, 29, 15, 0, tzinfo=UTC))

    def sold(**query: str) -> int:
        report = sales(event, **query)
        assert report["funnel"]["paid"] == len(report["by_day"]) <= 2
        assert report["totals"]["quota"] == 30
        found: int = report["totals"]["sold"]
        assert report["report_card"]["sold"] == found
        return found

    assert sold() == 3
    assert sold(**{"from": "2026-11-30"}) == 2
    assert sold(to="2026-11-29") == 1
    assert sold(**{"from": "2026-11-29", "to": "2026-11-30"}) == 3
    assert sold(**{"from": "2026-11-29T15:00:00Z", "to": ""}) == 2
    assert sold(to="2026-11-29T15:00:00Z") == 1
    assert sold(**{"from": "2026-12-01"}) == 0
    backwards = {"from": "2026-11-30", "to": "2026-11-29"}
    refused = call("GET", f"/analytics/events/{event.id}/sales", by=organizer_of(event), query_string=backwards)
    assert problem(refused) == (422, "invalid")


def test_one_tier_has_the_figures_of_its_units_alone():
    event = an_event_with_two_tiers()
    a_paid_order(event, quantities=(2, 1))
    a_paid_order(event, quantities=(1,))
    report = sales(event, tier_id=event.tier_ids[1])
    assert picked(report["totals"], "quota", "sold", "gross", "net", "refunded_amount") == {
        "quota": 10, "sold": 1, "gross": 250_000, "net": None, "refunded_amount": None,
    }  # fmt: skip
    assert [tier["name"] for tier in report["tiers"]] == ["VIP"]
    assert report["funnel"]["paid"] == 1
    assert report["check_ins"]["tickets"] == 1
    assert [each["payments"] for each in report["payment_status"]] == [1]
    for stranger in (uuid4(), an_event_with_two_tiers().tier_ids[0]):
        answer = call("GET", f"/analytics/events/{event.id}/sales?tier_id={stranger}", by=organizer_of(event))
        assert problem(answer) == (404, "not-found")


def test_the_funnel_tells_what_became_of_orders():
    event = an_event_with_two_tiers()
    a_paid_order(event)
    an_order(event)
    expired, cancelled = an_order(event), an_order(event)
    make_overdue(expired.id)
    expiry.expire_all_due()
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, cancelled.id))
    assert sales(event)["funnel"] == {"reserved": 4, "open": 1, "paid": 1, "expired": 1, "cancelled": 1}


def test_payments_are_shown_by_state_and_money_by_method():
    event = an_event_with_two_tiers()
    first = a_paid_order(event, method="QRIS")
    a_paid_order(event, quantities=(2,), method="QRIS")
    a_paid_order(event, gateway="midtrans", method="GOPAY")
    report = sales(event)
    one = first.total_amount
    assert report["payment_status"] == [{"status": "paid", "payments": 3, "amount": 4 * one, "received": 4 * one}]
    assert report["payment_methods"] == [
        {"method": "QRIS", "gateway": "xendit", "payments": 2, "received": 3 * one},
        {"method": "GOPAY", "gateway": "midtrans", "payments": 1, "received": one},
    ]


def test_a_cancelled_event_has_earned_its_penalty_only():
    event = an_event_with_two_tiers()
    order = a_paid_order(event, quantities=(1, 1))
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        cancellation.start(tx, admin, event.id, Cancellation(reason="Hujan"))
    cancellation.run_batch(event.id)
    totals = sales(event)["totals"]
    assert picked(totals, "sold", "refunded", "refunded_amount", "organizer_refunds", "penalty", "net") == {
        "sold": 0, "refunded": 2, "refunded_amount": order.total_amount, "organizer_refunds": 315_000,
        "penalty": 17_500, "net": -17_500,
    }  # fmt: skip


def test_the_report_card_warns_where_less_than_a_tenth_is_left():
    tiers = [a_tier(name="10K", quota=20, max_per_order=20), a_tier(name="5K", quota=10, max_per_order=10)]
    with transaction() as tx:
        event = an_event(tx, tiers=tiers, max_per_person=None)
    a_paid_order(event, quantities=(18,))
    card = sales(event)["report_card"]
    assert picked(card, "total_slots", "sold", "percentage", "available", "warning") == {
        "total_slots": 30, "sold": 18, "percentage": 60.0, "available": 12, "warning": False,
    }  # fmt: skip
    assert [picked(each, "name", "total_slots", "sold", "percentage", "warning") for each in card["categories"]] == [
        {"name": "10K", "total_slots": 20, "sold": 18, "percentage": 90.0, "warning": False},
        {"name": "5K", "total_slots": 10, "sold": 0, "percentage": 0.0, "warning": False},
    ]
    an_order(event, quantities=(1,))  # held: one of twenty is left
    card = sales(event)["report_card"]
    assert [(each["available"], each["warning"]) for each in card["categories"]] == [(1, True), (10, False)]


def test_only_its_organizer_and_admins_see_an_event_s_sales():
    event = an_event_with_two_tiers()
    a_paid_order(event)
    with transaction() as tx:
        admin, stranger, buyer = a_user(tx, role="admin"), a_user(tx, role="organizer"), a_user(tx)
        staff = a_gate_staff(tx, event)
    path = f"/analytics/events/{event.id}/sales"
    for caller, status in [(stranger, 404), (staff, 403), (buyer, 403), (None, 401)]:
        assert call("GET", path, by=caller).status_code == status
    assert call("GET", f"/analytics/events/{uuid4()}/sales", by=organizer_of(event)).status_code == 404
    assert sales(event, by=admin)["totals"]["sold"] == 1
    with transaction() as tx:
        looks = text("SELECT subject, subject_id FROM audit_log WHERE action = 'admin.read' AND actor_id = :id")
        assert tx.execute(looks, {"id": admin.id}).all() == [("sales", str(event.id))]
