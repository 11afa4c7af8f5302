"""Money at our bank is matched with what gateways say they sent; the rest is told, to the rupiah (CLEAR-1)."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared import local_time
from shared.cloud import clock, manual_tasks
from shared.cloud.database import transaction
from shared.gateways import names
from shared.settlement_reports import arrivals, bank_statements, differences, overdue
from shared.settlement_reports.arrivals import ArrivalKnown, ArrivalMatched, ArrivalResponse, Match, NewArrival
from shared.settlement_reports.bank_statements import StatementResult
from shared.settlement_reports.differences import Booking
from tests.integration.settlement_reports import steps
from tests.integration.settlement_reports.steps import (
    AMOUNT,
    FEE,
    TAX,
    Paid,
    a_payment,
    accounts,
    an_admin,
    imported,
    open_tasks,
    rows,
    settled_at,
)
from tests.threads import at_the_same_time
from tests.unit.settlement_reports.files import STATEMENT, written

pytestmark = pytest.mark.usefixtures("database")
NET = AMOUNT - FEE - TAX


@pytest.fixture(scope="module")
def admin(database: str) -> UUID:
    return an_admin()


@pytest.fixture(autouse=True)
def _nothing_waits(database: str, admin: UUID) -> Iterator[None]:
    """Nothing is left waiting: it would be matched with another test's."""
    yield
    with transaction() as tx:
        for gateway in names.NAMES:
            waiting = arrivals.expected(tx, gateway, today=today() + timedelta(days=1))
            if waiting:
                _swallow(tx, gateway, [each.id for each in waiting], admin)


def _swallow(tx: Any, gateway: str, ids: list[UUID], admin: UUID) -> None:
    given = {"gateway": gateway, "arrived_on": today(), "amount": 1, "reference": f"rest {ids[0]}", "expected_ids": ids}
    arrivals.enter(tx, NewArrival.model_validate(given), by=admin)


def today() -> date:
    return local_time.day_start(clock.now()).date()


def withdrawn(paid: Paid, amount: int, *, days_ago: int = 0, reference: str = "") -> dict[str, str]:
    """A withdrawal in the report of a payment's gateway."""
    own = {"Transaction ID": f"wd-{paid.external_id}", "Total Fee": 0, "Total VAT": 0, "Net Amount": -amount}
    own |= {"Reference": reference or f"wd-{paid.id}", "Actual Settlement Time": settled_at(days_ago).isoformat()}
    return paid.row(Type="WITHDRAWAL", Amount=amount, **own)


def sent(admin: UUID, amount: int = NET, **more: Any) -> UUID:
    """The expected arrival of a withdrawal."""
    paid = a_payment()
    batch = imported(written([paid.row(), withdrawn(paid, amount, **more)]), admin)
    expected_id: UUID = rows("SELECT id FROM expected_arrivals WHERE batch_id = :id", id=batch.id)[0].id
    return expected_id


def entered(admin: UUID, amount: int, reference: str = "", **more: Any) -> ArrivalResponse:
    given = {"gateway": "xendit", "arrived_on": today(), "amount": amount, "reference": reference or f"TRF {amount}"}
    with transaction() as tx:
        return arrivals.enter(tx, NewArrival.model_validate({**given, **more}), by=admin)


def of_arrival(arrival: ArrivalResponse) -> list[tuple[str, int, int]]:
    return steps.differences(arrival_id=arrival.id)


def test_an_arrival_is_matched_by_its_amount_and_booked(admin: UUID):
    sent(admin)
    arrival = entered(admin, NET)
    assert (arrival.expected, of_arrival(arrival)) == (NET, [])
    assert accounts(arrival.id) == {"bank": NET, "gateway_clearing:xendit": -NET}


@pytest.mark.parametrize("found", [NET - 6_500, NET + 1])
def test_an_arrival_that_its_reference_names_is_matched_and_told_to_be_short_or_over(admin: UUID, found: int):
    sent(admin, reference=f"WD{found}")
    arrival = entered(admin, found, reference=f"XENDIT WD{found} 23/11")
    assert (arrival.expected, of_arrival(arrival)) == (NET, [("arrival_differs", NET, found)])
    assert accounts(arrival.id)["bank"] == found
    [difference] = rows("SELECT id FROM settlement_differences WHERE arrival_id = :id", id=arrival.id)
    with transaction() as tx:
        differences.book(tx, difference.id, Booking(note="The bank's fee"), by=admin)
    assert accounts(difference.id)["gateway_clearing:xendit"] == found - NET


def test_a_reference_that_only_begins_like_an_arrival_s_names_something_else(admin: UUID):
    expected_id = sent(admin, 70_000, reference="WD-100042")
    arrival = entered(admin, 71_500, "XENDIT WD-1000423 24/11")
    assert (arrival.expected, of_arrival(arrival)) == (None, [("arrival_unknown", 0, 71_500)])
    sent(admin, 71_500, reference="WD-1000423")
    assert accounts(arrival.id)["bank"] == 71_500
    assert entered(admin, 69_000, "XENDITWD-100042 24/11").expected == 70_000
    assert rows("SELECT 1 FROM arrival_matches WHERE expected_id = :id", id=expected_id)


def test_days_that_pile_up_arrive_in_one_transfer(admin: UUID):
    for _ in range(2):
        imported(written([a_payment("midtrans").row()]), admin)
    arrival = entered(admin, 2 * NET, gateway="midtrans")
    assert (arrival.expected, of_arrival(arrival)) == (2 * NET, [])


@pytest.mark.parametrize("stated", [NET - 2_050, NET + 1])
def test_a_day_is_expected_as_its_report_states_the_net_and_a_difference_is_told_once(admin: UUID, stated: int):
    batch = imported(written([a_payment("midtrans").row(**{"Net Amount": stated}), a_payment("midtrans").row()]), admin)
    arrival = entered(admin, stated + NET, gateway="midtrans")
    assert (arrival.expected, of_arrival(arrival)) == (stated + NET, [])
    assert steps.differences(batch_id=batch.id) == [("net_differs", NET, stated)]
    [difference] = rows("SELECT id FROM settlement_differences WHERE batch_id = :id", id=batch.id)
    with transaction() as tx:
        differences.book(tx, difference.id, Booking(note="A tax that they withheld"), by=admin)
    cleared = "gateway_clearing:midtrans"
    kept = sum(accounts(each).get(cleared, 0) for each in (batch.id, arrival.id, difference.id))
    assert kept == -2 * AMOUNT, "nothing is left at the gateway"


def test_an_arrival_that_nothing_explains_is_told_and_not_booked(admin: UUID):
    arrival = entered(admin, 123_456)
    assert (arrival.expected, of_arrival(arrival), accounts(arrival.id)) == (
        None,
        [("arrival_unknown", 0, 123_456)],
        {},
    )


def test_an_arrival_before_its_report_is_matched_once_that_comes(admin: UUID):
    arrival = entered(admin, 77_777)
    [difference] = rows("SELECT id FROM settlement_differences WHERE arrival_id = :id", id=arrival.id)
    sent(admin, 77_777)
    assert accounts(arrival.id)["bank"] == 77_777
    assert str(difference.id) not in [subject for _, subject in open_tasks()]


def test_an_admin_says_what_an_arrival_pays(admin: UUID):
    expected_id = sent(admin, 60_000)
    arrival = entered(admin, 59_000)
    with transaction() as tx:
        found = arrivals.match(tx, arrival.id, Match(expected_ids=[expected_id]), by=admin)
    assert found.expected == 60_000
    assert of_arrival(arrival) == [("arrival_differs", 60_000, 59_000), ("arrival_unknown", 0, 59_000)]
    with transaction() as tx, pytest.raises(ArrivalMatched):
        arrivals.match(tx, arrival.id, Match(expected_ids=[expected_id]), by=admin)


def test_two_arrivals_at_once_do_not_pay_the_same(admin: UUID):
    expected_id = sent(admin, 61_000)

    def enter(reference: str) -> int | None:
        try:
            return entered(admin, 61_000, reference, expected_ids=[expected_id]).expected
        except ArrivalMatched:
            return None

    assert sorted(at_the_same_time([lambda n=n: enter(f"TRF {n}") for n in range(3)]), key=str) == [61_000, None, None]
    matched = rows("SELECT count(*) AS number FROM arrival_matches WHERE expected_id = :id", id=expected_id)
    assert matched[0].number == 1


def test_the_same_arrival_is_not_entered_twice(admin: UUID):
    entered(admin, 1_234, "TRF 1")
    with pytest.raises(ArrivalKnown):
        entered(admin, 1_234, "TRF 1")


def statement(admin: UUID, *statement_rows: dict[str, str], **more: Any) -> StatementResult:
    with transaction() as tx:
        return bank_statements.import_statement(tx, written(statement_rows, **more), by=admin)


def a_row(amount: int, words: str = "TRSF E-BANKING CR XENDIT", **more: str) -> dict[str, str]:
    return {**STATEMENT, "Tanggal": f"{today():%d/%m/%Y}", "Keterangan": words, "Kredit": f"{amount:,}", **more}


def test_a_bank_statement_is_entered_once_whatever_else_it_holds(admin: UUID):
    sent(admin, 81_000)
    found = [a_row(81_000), a_row(81_000), a_row(5_000, "SETORAN TUNAI"), a_row(0, "BIAYA ADM XENDIT")]
    assert statement(admin, *found) == StatementResult(entered=2, known=0, of_others=2)
    assert statement(admin, *found, separator=";") == StatementResult(entered=0, known=2, of_others=2)
    made = rows("SELECT id FROM bank_arrivals WHERE amount = 81000 ORDER BY occurrence")
    assert [bool(accounts(row.id)) for row in made] == [True, False]


def test_debits_are_no_arrivals(admin: UUID):
    row = {"Date": str(today()), "Description": "XENDIT TOP UP", "Amount": "5,000.00 DB"}
    assert statement(admin, row) == StatementResult(entered=0, known=0, of_others=1)


def overdue_of(kind: str) -> list[tuple[str, int, int]]:
    """The findings of the nightly check, twice in a row."""
    for _ in range(2):
        overdue.check()
    return steps.differences(kind=kind)


def test_money_that_has_not_arrived_for_days_is_told_once_until_it_comes(admin: UUID):
    sent(admin, 91_000, days_ago=6)
    assert overdue_of("arrival_missing") == [("arrival_missing", 91_000, 0)]
    entered(admin, 91_000)
    assert "arrival_missing" not in [kind for kind, _ in open_tasks()]


def test_a_payment_that_no_report_tells_of_is_told_once_until_one_does(admin: UUID):
    lost, before, after = a_payment(), a_payment(), a_payment()
    days = [(before, 20), (after, -10)]  # the reports reach a week beyond it
    lines = [each.row(**{"Actual Settlement Time": settled_at(ago).isoformat()}) for each, ago in days]
    imported(written(lines), admin)
    assert overdue_of("payment_missing") == [("payment_missing", AMOUNT, 0)]
    [difference] = rows("SELECT id FROM settlement_differences WHERE payment_id = :id", id=lost.id)
    imported(written([lost.row()]), admin)
    assert str(difference.id) not in [subject for _, subject in open_tasks()]


def test_the_refund_of_a_payment_does_not_tell_of_the_payment(admin: UUID):
    lost, later, before, after = (a_payment() for _ in range(4))
    days = [(before, 20), (after, -10)]
    lines = [each.row(**{"Actual Settlement Time": settled_at(ago).isoformat()}) for each, ago in days]
    imported(written([*lines, refunded(lost)]), admin)
    overdue.check()
    for payment in (lost, later):
        assert ("payment_missing", AMOUNT, 0) in steps.differences(payment_id=payment.id)
    imported(written([refunded(later)]), admin)
    missing = "SELECT id FROM settlement_differences WHERE payment_id = :id AND kind = 'payment_missing'"
    [difference] = rows(missing, id=later.id)
    assert str(difference.id) in [subject for _, subject in open_tasks()]


def refunded(paid: Paid) -> dict[str, str]:
    """The refund of a payment in its gateway's report."""
    nothing_kept = {"Total Fee": 0, "Total VAT": 0, "Net Amount": -AMOUNT}
    return paid.row(Type="REFUND", **{"Transaction ID": f"rfd-{paid.external_id}", **nothing_kept})


def test_reports_that_stay_away_are_told_of_in_one_task(admin: UUID, monkeypatch: pytest.MonkeyPatch):
    imported(written([a_payment("midtrans").row()]), admin)
    sold = [a_payment("midtrans"), a_payment("midtrans")]
    assert overdue_of("report_missing") == []
    in_ten_days = clock.now() + timedelta(days=10)
    monkeypatch.setattr(clock, "now", lambda: in_ten_days)
    assert overdue_of("report_missing") == [("report_missing", len(sold) * AMOUNT, 0)]
    with transaction() as tx:
        assert manual_tasks.oldest_seconds(tx, "settlement_difference") > 0
