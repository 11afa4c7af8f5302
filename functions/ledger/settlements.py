"""Settlement reports of the gateways, and the differences that they show (CLEAR-1)."""

from typing import Annotated
from uuid import UUID

from shared.cloud import authorization
from shared.models import Listing, PageQuery
from shared.problems import NotFound
from shared.settlement_reports import batches, differences, imports
from shared.settlement_reports.batches import BatchResponse, LineResponse
from shared.settlement_reports.differences import Booking, DifferenceQuery, DifferenceResponse, NotBookable
from shared.settlement_reports.report_files import MAX_BYTES
from shared.web import EXPORTS, Admin, App, File, MaxBytes, SteppedUpAdmin, Transaction, Upload

routes = App("ledger")
CSV = "text/csv; charset=utf-8"


@routes.post("/admin/settlement-batches", status=200, problems=imports.PROBLEMS)
def import_report(
    file: Annotated[Upload, MaxBytes(MAX_BYTES)], admin: SteppedUpAdmin, tx: Transaction
) -> BatchResponse:
    """Import a gateway's report, as CSV of 5 MB at most. A file that was imported before changes nothing."""
    return imports.import_report(tx, file.content, by=admin.id)


@routes.get("/admin/settlement-batches")
def list_batches(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[BatchResponse]:
    """The imported reports, newest first."""
    authorization.record_list_access(tx, admin, subject="settlement_batch")
    return batches.list_page(tx, page)


@routes.get("/admin/settlement-batches/{batch_id}", problems=(NotFound,))
def batch(batch_id: UUID, admin: Admin, tx: Transaction) -> BatchResponse:
    """One imported report with its totals."""
    authorization.check_access(tx, admin, subject="settlement_batch", subject_id=batch_id)
    return batches.read(tx, batch_id)


@routes.get("/admin/settlement-batches/{batch_id}/lines", problems=(NotFound,))
def lines(batch_id: UUID, page: PageQuery, admin: Admin, tx: Transaction) -> Listing[LineResponse]:
    """The lines of an imported report, in its order."""
    authorization.check_access(tx, admin, subject="settlement_batch", subject_id=batch_id)
    return batches.lines(tx, batch_id, page)


@routes.get("/admin/settlement-differences", limit=EXPORTS, produces=(CSV,))
def list_differences(wanted: DifferenceQuery, admin: Admin, tx: Transaction) -> Listing[DifferenceResponse] | File:
    """Differences between reports, books and bank, newest first: a page as JSON, or all as CSV."""
    authorization.record_list_access(tx, admin, subject="settlement_difference")
    if wanted.format == "csv":
        return File(differences.export(tx, wanted), CSV, "settlement-differences.csv")
    return differences.list_page(tx, wanted)


@routes.post("/admin/settlement-differences/{difference_id}/book", status=200, problems=(NotFound, NotBookable))
def book(difference_id: UUID, booking: Booking, admin: SteppedUpAdmin, tx: Transaction) -> DifferenceResponse:
    """Book a difference as our cost or gain, with a note; its manual task is closed."""
    return differences.book(tx, difference_id, booking, by=admin.id)
