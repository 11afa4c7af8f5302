"""A settlement report is booked once, to the rupiah, whole or not at all; each difference has one task (CLEAR-1)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from shared.accounting import ledger
from shared.accounting.accounts import gateway_clearing
from shared.cloud.clients import engine
from shared.cloud.database import transaction
from shared.problems import Problem
from shared.settlement_reports import differences as recorded
from shared.settlement_reports.differences import Booking, NotBookable
from shared.settlement_reports.imports import MIN_FOREIGN_LINES, ReportOfAnotherAccount
from tests.integration.settlement_reports.steps import (
    AMOUNT,
    FEE,
    TAX,
    Paid,
    a_payment,
    accounts,
    an_admin,
    differences,
    imported,
    open_tasks,
    rows,
    settled_at,
    totals,
)
from tests.threads import at_the_same_time
from tests.unit.settlement_reports.files import parts, written

pytestmark = pytest.mark.usefixtures("database")
KEPT = FEE + TAX


@pytest.fixture(scope="module")
def admin(database: str) -> UUID:
    return an_admin()


@contextmanager
def cut_off_at(statement: int) -> Iterator[list[str]]:
    """Nothing reaches the database from its nth statement on, as when the process dies there."""
    seen: list[str] = []

    def count(_c: Any, _cursor: Any, sql: str, *_more: Any) -> None:
        seen.append(sql)
        if len(seen) >= statement:
            raise ConnectionError("killed")

    event.listen(engine(), "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(engine(), "before_cursor_execute", count)


def test_a_report_is_booked_with_its_fees_and_their_tax(admin: UUID):
    paid = [a_payment(), a_payment()]
    batch = imported(written([each.row() for each in paid]), admin)
    assert (batch.gateway, batch.report, batch.lines, batch.differences) == ("xendit", "xendit-transactions", 2, 0)
    assert (batch.gross, batch.fee, batch.tax, batch.net) == (2 * AMOUNT, 2 * FEE, 2 * TAX, 2 * (AMOUNT - KEPT))
    assert accounts(batch.id) == {"gateway_fees": 2 * FEE, "input_vat": 2 * TAX, "gateway_clearing:xendit": -2 * KEPT}
    lines = rows("SELECT payment_id, expected_deduction FROM settlement_lines WHERE batch_id = :id", id=batch.id)
    assert {row.payment_id for row in lines} == {each.id for each in paid}
    assert {row.expected_deduction for row in lines} == {KEPT}
    assert totals()["all"] == 0


def test_midtrans_pays_out_the_net_of_a_day_and_states_no_tax(admin: UUID):
    paid = a_payment("midtrans")
    batch = imported(written([paid.row()]), admin)
    assert accounts(batch.id) == {"gateway_fees": KEPT, "gateway_clearing:midtrans": -KEPT}
    [expected] = rows("SELECT amount FROM expected_arrivals WHERE batch_id = :id", id=batch.id)
    assert expected.amount == AMOUNT - KEPT


@pytest.mark.parametrize(
    ("gateway", "costs"), [("xendit", {"Total Fee": -FEE, "Total VAT": -TAX}), ("midtrans", {"Total Fee": -KEPT})]
)
def test_a_fee_that_is_written_as_money_out_is_booked_as_a_cost(admin: UUID, gateway: str, costs: dict[str, int]):
    batch = imported(written([a_payment(gateway).row(**costs)]), admin)
    assert accounts(batch.id)[f"gateway_clearing:{gateway}"] == -KEPT
    assert (batch.net, batch.differences) == (AMOUNT - KEPT, 0)


def test_the_same_file_again_is_the_same_batch(admin: UUID):
    content = written([a_payment().row()])
    first = imported(content, admin)
    before = totals()
    again = imported(content, admin)
    assert (again.id, again.was_imported_before) == (first.id, True)
    assert totals() == before


def test_two_imports_of_one_file_at_once_book_once(admin: UUID):
    content = written([a_payment().row()])
    found = at_the_same_time([lambda: imported(content, admin)] * 4)
    assert len({each.id for each in found}) == 1
    assert sorted(each.was_imported_before for each in found) == [False, True, True, True]
    assert accounts(found[0].id)["gateway_fees"] == FEE


def test_a_line_in_two_files_is_booked_once_even_at_the_same_time(admin: UUID):
    paid = [a_payment() for _ in range(3)]
    first, second, third = (each.row() for each in paid)
    batches = at_the_same_time(
        [lambda: imported(written([first, second]), admin), lambda: imported(written([second, third]), admin)]
    )
    assert sorted((each.lines, each.lines_known) for each in batches) == [(1, 1), (2, 0)]
    assert sum(accounts(each.id)["gateway_fees"] for each in batches) == 3 * FEE
    assert [each.differences for each in batches] == [0, 0]


def test_the_balance_report_of_the_same_money_books_nothing_again(admin: UUID):
    paid = a_payment()
    imported(written([paid.row()]), admin)
    again = parts(f"txn-{paid.external_id}", AMOUNT, FEE, TAX, Reference=paid.external_id)
    batch = imported(written(again), admin)
    assert (batch.lines, batch.lines_known, batch.differences) == (0, 1, 0)
    assert accounts(batch.id) == {}


def test_a_fee_in_the_report_of_the_next_day_is_booked_once(admin: UUID):
    paid = a_payment()
    whole = parts(f"txn-{paid.external_id}", AMOUNT, FEE, TAX, Reference=paid.external_id)
    assert accounts(imported(written(whole[:1]), admin).id) == {}
    assert accounts(imported(written(whole[1:]), admin).id)["gateway_fees"] == FEE
    month = imported(written(whole), admin)
    assert [kind for kind, *_ in differences(batch_id=month.id)] == ["line_changed"]
    assert accounts(month.id) == {}


def test_a_fee_that_came_with_its_transaction_is_not_booked_apart_from_it(admin: UUID):
    paid = a_payment()
    whole = parts(f"txn-{paid.external_id}", AMOUNT, FEE, TAX, Reference=paid.external_id)
    imported(written(whole), admin)
    batch = imported(written(whole[1:]), admin)
    assert (batch.lines, batch.lines_known, accounts(batch.id)) == (0, 1, {})


def test_a_crash_at_any_statement_leaves_nothing_and_the_replay_imports_all(admin: UUID):
    paid = a_payment()
    odd = a_payment().row(Amount=AMOUNT - 1, **{"Net Amount": AMOUNT - 1 - KEPT})
    content = written([paid.row(), odd])
    before, statement = totals(), 0
    while True:
        statement += 1
        with cut_off_at(statement) as seen, suppress(ConnectionError):
            imported(content, admin)
        if len(seen) < statement:
            break  # it was committed, and the answer never arrived
        assert totals() == before
        assert differences(reference=odd["Reference"]) == []
    assert statement > 10
    batch = imported(content, admin)
    assert (batch.was_imported_before, batch.lines) == (True, 2)
    assert accounts(batch.id)["gateway_fees"] == 2 * FEE
    assert differences(reference=odd["Reference"]) == [("gross_differs", AMOUNT, AMOUNT - 1)]


def with_amount(paid: Paid, amount: int) -> dict[str, str]:
    return paid.row(Amount=amount, **{"Net Amount": amount - KEPT})


CASES: dict[str, tuple[Callable[[Paid], list[dict[str, str]]], list[tuple[str, int, int]]]] = {
    "a rupiah less than was paid": (
        lambda paid: [with_amount(paid, AMOUNT - 1)],
        [("gross_differs", AMOUNT, AMOUNT - 1)],
    ),
    "settled twice": (
        lambda paid: [paid.row(), paid.row(**{"Transaction ID": f"other-{paid.external_id}"})],
        [("settled_twice", 0, AMOUNT)],
    ),
    "a transaction that stands there twice": (
        lambda paid: [paid.row(), paid.row()],
        [("settled_twice", 0, AMOUNT)],
    ),
    "a payment of nobody's": (
        lambda paid: [paid.row(Reference=f"x{paid.id}", **{"Invoice ID": ""})],
        [("payment_unknown", 0, AMOUNT)],
    ),
    "a refund that we never booked": (
        lambda paid: [paid.row(), refund_row(paid, 5_000)],
        [("movement_unknown", 0, -5_000)],
    ),
    "a net that is not the sum": (
        lambda paid: [paid.row(**{"Net Amount": AMOUNT - KEPT - 20})],
        [("net_differs", AMOUNT - KEPT, AMOUNT - KEPT - 20)],
    ),
    "fees over the contract": (
        lambda paid: [paid.row(**{"Total Fee": FEE + 300, "Net Amount": AMOUNT - KEPT - 300})],
        [("fees_differ", KEPT, KEPT + 300)],
    ),
    "an adjustment": (
        lambda paid: [paid.row(), other_row(paid, "ADJUSTMENT_DEDUCT", 7_000)],
        [("adjustment", 0, -7_000)],
    ),
    "a chargeback": (
        lambda paid: [paid.row(), other_row(paid, "CHARGEBACK", AMOUNT)],
        [("adjustment", 0, -AMOUNT)],
    ),
    "fees rounded another way": (
        lambda paid: [paid.row(**{"Total Fee": FEE - 1, "Total VAT": TAX - 1, "Net Amount": AMOUNT - KEPT + 2})],
        [],
    ),
    "by the invoice alone": (lambda paid: [paid.row(Reference="")], []),
    "a withdrawal": (lambda paid: [paid.row(), other_row(paid, "WITHDRAWAL", 50_000)], []),
}


def refund_row(paid: Paid, amount: int) -> dict[str, str]:
    return other_row(paid, "REFUND", amount)


def other_row(paid: Paid, kind: str, amount: int) -> dict[str, str]:
    own = {"Transaction ID": f"{kind}-{paid.external_id}", "Total Fee": 0, "Total VAT": 0, "Net Amount": -amount}
    return paid.row(Type=kind, Amount=amount, **own)


@pytest.mark.parametrize("name", CASES)
def test_a_difference_is_listed_to_the_rupiah_with_one_task(admin: UUID, name: str):
    make, expected = CASES[name]
    batch = imported(written(make(a_payment())), admin)
    assert differences(batch_id=batch.id) == expected
    ids = {str(row.id) for row in rows("SELECT id FROM settlement_differences WHERE batch_id = :id", id=batch.id)}
    assert len([each for _, each in open_tasks() if each in ids]) == len(expected)
    assert totals()["all"] == 0


def test_refunds_and_transfers_that_are_booked_are_no_difference(admin: UUID):
    paid = a_payment()
    with transaction() as tx:
        refund_id = tx.execute(
            text("""
                INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
                SELECT id, :payment_id, user_id, 'requested', 5000, 'Sakit', 'completed'
                FROM orders WHERE id = :order_id
                RETURNING id
            """),
            {"payment_id": paid.id, "order_id": paid.order_id},
        ).scalar_one()
        ledger.post_refund_paid(tx, refund_id, "xendit", 5_000, order_id=paid.order_id)
    batch = imported(written([paid.row(), refund_row(paid, 5_000)]), admin)
    assert differences(batch_id=batch.id) == []
    again = imported(written([other_row(paid, "REFUND", 5_000) | {"Transaction ID": f"again-{refund_id}"}]), admin)
    assert differences(batch_id=again.id) == [("movement_unknown", 0, -5_000)]


def test_a_changed_line_stays_as_it_is_booked(admin: UUID):
    paid = a_payment()
    imported(written([paid.row()]), admin)
    changed = paid.row(**{"Total Fee": FEE + 1, "Net Amount": AMOUNT - KEPT - 1})
    batch = imported(written([changed]), admin)
    assert (batch.lines, accounts(batch.id)) == (0, {})
    assert differences(batch_id=batch.id) == [("line_changed", AMOUNT - KEPT, AMOUNT - KEPT - 1)]
    once_more = imported(written([{**changed, "Description": "another file"}]), admin)
    assert differences(batch_id=once_more.id) == []


def test_a_report_of_another_account_makes_no_tasks(admin: UUID):
    foreign = [a_payment().row(Reference=f"foreign-{n}", **{"Invoice ID": "", "Transaction ID": f"f-{n}"})
               for n in range(MIN_FOREIGN_LINES)]  # fmt: skip
    before = open_tasks()
    with pytest.raises(ReportOfAnotherAccount):
        imported(written(foreign), admin)
    assert open_tasks() == before


@pytest.mark.parametrize(
    ("name", "booked"),
    [("an adjustment", 7_000), ("a net that is not the sum", 20), ("a chargeback", AMOUNT)],
)
def test_an_admin_books_a_difference_once(admin: UUID, name: str, booked: int):
    batch = imported(written(CASES[name][0](a_payment())), admin)
    [found] = rows("SELECT id FROM settlement_differences WHERE batch_id = :id", id=batch.id)

    def book() -> Problem | None:
        try:
            with transaction() as tx:
                recorded.book(tx, found.id, Booking(note="Asked the gateway: a fee of theirs"), by=admin)
        except NotBookable as refusal:
            return refusal
        return None

    assert sorted(each is None for each in at_the_same_time([book] * 3)) == [False, False, True]
    assert accounts(found.id) == {"gateway_adjustments": booked, "gateway_clearing:xendit": -booked}
    assert str(found.id) not in dict(map(reversed, open_tasks()))  # type: ignore[arg-type]
    with transaction() as tx:
        told = recorded.read(tx, found.id)
    assert (told.is_booked, told.is_bookable) == (True, False)


def test_what_other_means_explain_is_not_booked(admin: UUID):
    batch = imported(written(CASES["a rupiah less than was paid"][0](a_payment())), admin)
    [found] = rows("SELECT id FROM settlement_differences WHERE batch_id = :id", id=batch.id)
    with transaction() as tx, pytest.raises(NotBookable):
        recorded.book(tx, found.id, Booking(note="no"), by=admin)


def test_clearing_is_what_the_gateway_still_holds(admin: UUID):
    before = totals().get("gateway_clearing", 0)
    paid = a_payment()
    imported(written([paid.row()]), admin)
    assert totals()["gateway_clearing"] - before == AMOUNT - KEPT
    assert gateway_clearing("xendit") in accounts(paid.id)


@pytest.mark.parametrize("table", ["settlement_batches", "settlement_lines", "settlement_differences"])
@pytest.mark.parametrize("change", ["UPDATE {} SET gateway = 'midtrans'", "DELETE FROM {}"])
def test_no_row_is_ever_changed(admin: UUID, table: str, change: str):
    with pytest.raises(DBAPIError), transaction() as tx:
        tx.execute(text(change.format(table)))


def test_the_database_refuses_a_line_twice_and_a_net_that_is_no_sum(admin: UUID):
    imported(written([a_payment().row()]), admin)
    copy = """
        INSERT INTO settlement_lines SELECT gen_random_uuid(), batch_id, gateway, {key}, row_number, kind, reference,
            channel, gross, fee, tax, net + {extra}, expected_deduction, settled_at, payment_id, transfer_id
        FROM settlement_lines LIMIT 1
    """
    for values in ({"key": "line_key", "extra": 0}, {"key": "'new'", "extra": 1}):
        with pytest.raises(DBAPIError), transaction() as tx:
            tx.execute(text(copy.format(**values)))


def test_settled_long_ago_is_settled(admin: UUID):
    row = a_payment().row(**{"Actual Settlement Time": settled_at(20).isoformat()})
    assert imported(written([row]), admin).differences == 0
