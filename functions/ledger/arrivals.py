"""Arrivals at our bank from gateways (CLEAR-1)."""

from typing import Annotated
from uuid import UUID

from shared import local_time
from shared.cloud import authorization, clock
from shared.models import Listing, PageQuery, ResponseModel
from shared.problems import NotFound
from shared.settlement_reports import arrivals, bank_statements, formats
from shared.settlement_reports.arrivals import ArrivalResponse, ExpectedQuery, ExpectedResponse, Match, NewArrival
from shared.settlement_reports.bank_statements import StatementResult
from shared.settlement_reports.report_files import MAX_BYTES
from shared.web import Admin, App, MaxBytes, SteppedUpAdmin, Transaction, Upload

routes = App("ledger")


class ExpectedArrivals(ResponseModel):
    """Expected transfers that have not arrived, oldest first."""

    items: list[ExpectedResponse]


@routes.get("/admin/bank-arrivals")
def list_arrivals(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[ArrivalResponse]:
    """Transfers from gateways that have arrived at our bank, the latest first."""
    authorization.record_list_access(tx, admin, subject="bank_arrival")
    return arrivals.list_page(tx, page)


@routes.post("/admin/bank-arrivals", status=201, problems=(arrivals.ArrivalKnown, arrivals.ArrivalMatched))
def enter(arrival: NewArrival, admin: SteppedUpAdmin, tx: Transaction) -> ArrivalResponse:
    """Enter an arrival; it is matched by its reference or amount, or with what `expected_ids` names."""
    return arrivals.enter(tx, arrival, by=admin.id)


@routes.post("/admin/bank-arrivals/{arrival_id}/match", status=200, problems=(NotFound, arrivals.ArrivalMatched))
def match(arrival_id: UUID, wanted: Match, admin: SteppedUpAdmin, tx: Transaction) -> ArrivalResponse:
    """Match an arrival with the expected ones that it pays."""
    return arrivals.match(tx, arrival_id, wanted, by=admin.id)


@routes.post("/admin/bank-statements", status=200, problems=formats.PROBLEMS)
def import_statement(
    file: Annotated[Upload, MaxBytes(MAX_BYTES)], admin: SteppedUpAdmin, tx: Transaction
) -> StatementResult:
    """Enter the arrivals of a bank statement, as CSV of 5 MB at most; those that are known change nothing."""
    return bank_statements.import_statement(tx, file.content, by=admin.id)


@routes.get("/admin/expected-arrivals")
def expected(wanted: ExpectedQuery, admin: Admin, tx: Transaction) -> ExpectedArrivals:
    """Transfers that a gateway says it sent to our bank, and that have not arrived."""
    authorization.record_list_access(tx, admin, subject="bank_arrival")
    today = local_time.day_start(clock.now()).date()
    return ExpectedArrivals(items=arrivals.expected(tx, wanted.gateway, today=today))
