"""The platform's figures and its journal, for admins (AR-007..011)."""

import csv
import io
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from tests.endpoints import call, problem
from tests.factories import a_promo, a_tier, a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.reports.steps import give_back, organizer_of

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def admin(database) -> Principal:
    """One event has sold three tickets, of which one went back; another one ticket, and was cancelled."""
    with transaction() as tx:
        admin, buyer = a_user(tx, role="admin"), a_user(tx)
        concert = an_event(tx, title="Konser Pagi", tiers=[a_tier(price=100_000)])
        a_promo(tx, concert, code="KARCIS", organizer_id=None, amount=20_000)
        cancelled = an_event(tx, title="Konser Malam", tiers=[a_tier(price=200_000)])
    a_paid_order(concert, gateway="midtrans", method="GOPAY", promo_code="KARCIS")
    give_back(a_paid_order(concert, buyer=buyer, quantities=(2,)), buyer, organizer_of(concert), tickets=1)
    a_paid_order(cancelled)
    with transaction() as tx:
        cancellation.start(tx, admin, cancelled.id, Cancellation(reason="Hujan"))
    cancellation.run_batch(cancelled.id)
    return admin


def overview(by: Principal, **query: Any) -> dict[str, Any]:
    answer = call("GET", "/analytics/platform/overview", by=by, query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def journal(by: Principal, **query: Any) -> Response:
    answer = call("GET", "/analytics/platform/journal", by=by, query_string=query)
    answer.get_data()
    assert answer.status_code == 200
    return answer


def lines(answer: Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def balances(admin: Principal) -> dict[str, tuple[int, int]]:
    """The trial balance: debits and credits of each kind of account."""
    found = call("GET", "/admin/ledger/trial-balance", by=admin).get_json()["lines"]
    return {line["account"]: (line["debits"], line["credits"]) for line in found}


def test_an_admin_sees_what_was_sold_and_how_it_was_paid(admin: Principal):
    found = overview(admin)
    # 80,000 + 7,500; two of 107,500; 212,500: the fee is 5 % of the price and Rp 2,500
    paid = [80_000 + 7_500, 2 * 107_500, 212_500]
    assert found["totals"] == {
        "transactions": 3, "turnover": sum(paid), "refunded_amount": 90_000 + 212_500,
        "events_on_sale": 1, "organizers": 2, "customers": 3,
    }  # fmt: skip
    assert found["payment_methods"] == [
        {"method": "QRIS", "gateway": "xendit", "transactions": 2, "turnover": paid[1] + paid[2]},
        {"method": "GOPAY", "gateway": "midtrans", "transactions": 1, "turnover": paid[0]},
    ]
    assert [(each["transactions"], each["turnover"]) for each in found["by_day"]] == [(3, sum(paid))]
    assert [(each["title"], each["sold"], each["value"]) for each in found["top_events"]] == [
        ("Konser Pagi", 2, 180_000),
        ("Konser Malam", 0, 0),
    ]


def test_the_platform_s_revenue_is_that_of_the_books(admin: Principal):
    found = overview(admin)
    revenue = sum(credit - debit for account, (debit, credit) in balances(admin).items() if account in (
        "platform_fee_revenue", "commission_revenue", "penalty_revenue", "promotion_cost", "payment_differences",
    ))  # fmt: skip
    assert found["revenue_total"] == sum(line["total"] for line in found["revenue"]) == revenue != 0


def test_a_period_without_sales_has_zeros(admin: Principal):
    found = overview(admin, **{"from": "2020-01-01", "to": "2020-12-31"})
    assert (found["totals"]["transactions"], found["totals"]["turnover"], found["revenue_total"]) == (0, 0, 0)
    assert found["by_day"] == found["payment_methods"] == found["revenue"] == found["top_events"] == []
    assert (found["since"], found["until"]) == ("2019-12-31T17:00:00Z", "2020-12-31T17:00:00Z")
    assert overview(admin, **{"from": "2020-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"})["revenue"] == []


def test_the_journal_balances_and_sums_up_to_the_trial_balance(admin: Principal):
    found = lines(journal(admin))
    by_posting: dict[str, int] = defaultdict(int)
    debited: dict[str, int] = defaultdict(int)
    credited: dict[str, int] = defaultdict(int)
    for line in found:
        debit, credit = int(line["Debit"] or 0), int(line["Credit"] or 0)
        assert (debit > 0) != (credit > 0)
        by_posting[line["Posting"]] += debit - credit
        account = line["Account"].partition(":")[0]
        debited[account] += debit
        credited[account] += credit
    assert set(by_posting.values()) == {0}
    assert {account: (debited[account], credited[account]) for account in debited} == balances(admin)
    assert [line["Date (WIB)"] for line in found] == sorted(line["Date (WIB)"] for line in found)


def test_the_workbook_holds_the_same_journal_and_the_trial_balance(admin: Principal):
    book = openpyxl.load_workbook(io.BytesIO(journal(admin, format="xlsx").get_data()))
    assert book.sheetnames == ["Journal", "Trial balance"]
    header, *rows = book["Journal"].iter_rows(values_only=True)
    told = [{title: "" if cell is None else str(cell) for title, cell in zip(header, row, strict=True)} for row in rows]
    assert told == lines(journal(admin))
    _, *accounts = book["Trial balance"].iter_rows(values_only=True)
    assert all(opening == 0 and closing == debit - credit for _, opening, debit, credit, closing in accounts)
    assert sum(closing for *_, closing in accounts) == 0
    payable = sum(closing for account, *_, closing in accounts if account.startswith("organizer_payable:"))
    debited, credited = balances(admin)["organizer_payable"]
    assert payable == debited - credited


def test_a_period_s_trial_balance_begins_where_the_one_before_has_ended(admin: Principal):
    def sheet(**query: Any) -> dict[str, tuple[int, ...]]:
        book = openpyxl.load_workbook(io.BytesIO(journal(admin, format="xlsx", **query).get_data()))
        return {account: numbers for account, *numbers in book["Trial balance"].iter_rows(min_row=2, values_only=True)}

    now = datetime.now(UTC)
    until_now = sheet(to=f"{now:%Y-%m-%dT%H:%M:%SZ}")
    after = sheet(**{"from": f"{now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"})
    assert {account: numbers[3] for account, numbers in sheet().items()} == {
        account: numbers[0] for account, numbers in after.items()
    }
    assert all(numbers[1] == numbers[2] == 0 for numbers in after.values())
    assert until_now.keys() <= after.keys()


def test_only_admins_see_the_platform_and_each_look_is_audited(admin: Principal):
    with transaction() as tx:
        organizer, other = a_user(tx, role="organizer"), a_user(tx, role="admin")
    for path in ("/analytics/platform/overview", "/analytics/platform/journal"):
        assert problem(call("GET", path, by=organizer)) == (403, "forbidden")
        assert call("GET", path).status_code == 401
    overview(other)
    journal(other, format="xlsx")
    with transaction() as tx:
        looks = text("SELECT action, subject FROM audit_log WHERE actor_id = :id ORDER BY id")
        assert tx.execute(looks, {"id": other.id}).all() == [("admin.read", "platform"), ("journal.exported", "ledger")]
