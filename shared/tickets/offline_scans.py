"""Scans that a device has decided without network, and sends once it is back (OFFLINE-1).

Each is judged as of its own moment, in a transaction of its own, and once for its id. What a device has done can't be
refused any more: an entry that the server would have refused is listed as a double entry.
"""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.cloud.database import Transaction, transaction
from shared.field_types import ClockTime
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.states import TicketStatus
from shared.tickets import admission, gate, qr, scan_records
from shared.tickets.gate import AdmissionRequest, QrText, ScanResponse
from shared.tickets.scan_records import Direction, GateName, ScanIdReused, ScanRecord

MAX_SCANS = 100


class OfflineScan(RequestModel):
    """A scan that a device has decided. `admitted`: whether it let the person pass."""

    scan_id: UUID
    qr: QrText
    scanned_at: ClockTime
    admitted: bool
    gate: GateName | None = None
    direction: Direction = "in"


class OfflineScans(RequestModel):
    """Scans of one device, in whatever order."""

    scans: Annotated[list[OfflineScan], Field(min_length=1, max_length=MAX_SCANS)]


class OfflineScanResponse(ScanResponse):
    """The answer to a scan that was decided without network.

    `is_id_reused`: nothing was recorded, as the scan_id is that of another scan; send it under a new one.
    """

    is_id_reused: bool = False


class OfflineScanList(ResponseModel):
    """The answers, in the order of the scans."""

    items: list[OfflineScanResponse]


def record_all(staff: Principal, event_id: UUID, sent: OfflineScans) -> OfflineScanList:
    """Judge and record the scans of a device, each in a transaction of its own, the earliest first.

    Raises NotFound as the gate does. Whatever stops it: send the same again.
    """
    earliest_first = sorted(range(len(sent.scans)), key=lambda index: sent.scans[index].scanned_at)
    answers: dict[int, OfflineScanResponse] = {}
    for index in earliest_first:
        with transaction() as tx:
            answers[index] = _record(tx, staff, event_id, sent.scans[index])
    return OfflineScanList(items=[answers[index] for index in range(len(sent.scans))])


def _record(tx: Transaction, staff: Principal, event_id: UUID, scan: OfflineScan) -> OfflineScanResponse:
    gate.require_access(tx, staff, event_id)
    draft = _draft(staff, event_id, scan)
    content = qr.read(scan.qr)
    try:
        recorded = scan_records.find(tx, draft)
    except ScanIdReused:
        return OfflineScanResponse(result="forged", scan_id=scan.scan_id, is_id_reused=True)
    if recorded is None:
        recorded = gate.record(tx, "ticket.scanned_offline", gate.judge_code(tx, draft, content))
    elif scan.admitted:
        scan_records.record_admitted(tx, recorded.id)
    elif recorded.ticket_id and recorded.is_admitted and not recorded.is_offline:
        _take_back(tx, staff, recorded, recorded.ticket_id)
    return OfflineScanResponse(**gate.response(tx, recorded, scan.scan_id, content).model_dump())


def _take_back(tx: Transaction, staff: Principal, recorded: ScanRecord, ticket_id: UUID) -> None:
    """Mark a ticket as unused whose device has refused it, as our answer was lost.

    A scan that was undone meanwhile, or after which somebody has passed with the ticket, stays as it is.
    """
    ticket = admission.lock(tx, ticket_id)
    if ticket is None or ticket.status != TicketStatus.USED or ticket.validated_at != recorded.judged_at:
        return
    if scan_records.record_refused(tx, recorded.id):
        gate.mark_unused(tx, ticket, actor_id=staff.id, reason="refused by its device")


def _draft(staff: Principal, event_id: UUID, scan: OfflineScan) -> ScanRecord:
    wanted = AdmissionRequest(
        scan_id=scan.scan_id, scanned_at=scan.scanned_at, gate=scan.gate, direction=scan.direction
    )
    draft = gate.draft_of(staff, event_id, wanted, code=scan.qr)
    return replace(draft, judged_at=draft.scanned_at, is_offline=True, is_admitted=scan.admitted)
