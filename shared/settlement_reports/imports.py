"""The import of a report: its batch, lines, fees and differences in one transaction, so all of it or nothing.

    a file that was imported before      its batch is the answer, and nothing happens (one_batch_per_file)
    a line that another file has brought  is counted and not booked again (one_line_per_key)
    a crash before the commit            leaves nothing; the same file again imports it
    two imports at once                  the second waits for the first, and sees what it has done

Only what gateways keep is booked here: payments, refunds and transfers book their own amounts, which are compared.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.problems import Problem
from shared.settlement_reports import (
    arrivals,
    batches,
    bookings,
    differences,
    expectations,
    fee_rates,
    formats,
    gateway_lock,
    overdue,
)
from shared.settlement_reports.batches import BatchResponse
from shared.settlement_reports.bookings import Booked
from shared.settlement_reports.differences import Difference, DifferenceKind
from shared.settlement_reports.lines import BOOKED, Line, LineKind, Report

MIN_FOREIGN_LINES = 10
"""So many payments, and none of them ours, are those of another account: nobody wants a task for each."""

_BATCH_OF_FILE = text("SELECT id FROM settlement_batches WHERE file_hash = :file_hash")
_ADD_BATCH = text("""
    INSERT INTO settlement_batches (gateway, report, file_hash, rows_read, lines_known, amounts_rounded, rows_left_out,
        columns_ignored, imported_by)
    VALUES (:gateway, :report, :file_hash, :rows_read, :lines_known, :amounts_rounded, CAST(:rows_left_out AS jsonb),
        CAST(:columns_ignored AS jsonb), :imported_by)
    RETURNING id
""")
_KNOWN = text("""
    SELECT line_key, id, gross, fee, tax FROM settlement_lines
    WHERE gateway = :gateway AND line_key = ANY(CAST(:keys AS text[]))
""")
_ADD_LINES = text("""
    INSERT INTO settlement_lines (id, batch_id, gateway, line_key, row_number, kind, reference, channel, gross, fee,
        tax, net, expected_deduction, settled_at, payment_id, transfer_id)
    SELECT id, :batch_id, :gateway, line_key, row_number, kind, reference, channel, gross, fee, tax, net,
        expected_deduction, settled_at, payment_id, transfer_id
    FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l (id uuid, line_key text, row_number int, kind text,
        reference text, channel text, gross bigint, fee bigint, tax bigint, net bigint, expected_deduction bigint,
        settled_at timestamptz, payment_id uuid, transfer_id uuid)
""")


class ReportOfAnotherAccount(Problem):
    """None of the payments in this report is ours: it belongs to another account, or to its test mode."""

    status, slug = 422, "report-of-another-account"


PROBLEMS = (*formats.PROBLEMS, ReportOfAnotherAccount)
"""The refusals of an import."""


@dataclass(frozen=True)
class _Entry:
    """A line that is recorded for the first time, with what our books have of it."""

    id: UUID
    line: Line
    booked: Booked | None
    expected_deduction: int | None

    @property
    def is_deduction_off(self) -> bool:
        """True if the gateway kept more or less than the contract says."""
        kept = self.line.fee + self.line.tax
        return self.expected_deduction is not None and abs(kept - self.expected_deduction) > fee_rates.TOLERANCE


def import_report(tx: Transaction, content: bytes, *, by: UUID) -> BatchResponse:
    """Import a report; the batch of the first import, where it was imported before. Raises the problems in PROBLEMS."""
    report = formats.read(content)
    file_hash = hashlib.sha256(content).hexdigest()
    gateway_lock.acquire(tx, report.gateway)
    before: UUID | None = tx.execute(_BATCH_OF_FILE, {"file_hash": file_hash}).scalar()
    if before is not None:
        return batches.read(tx, before, was_imported_before=True)
    booked = bookings.of(tx, report.gateway, report.lines)
    _refuse_foreign(report, booked)
    known = _known(tx, report)
    entries = [_entry(report, line, booked) for line in report.lines if not _is_known(line, known)]
    batch_id = _add_batch(tx, report, file_hash, len(report.lines) - len(entries), by)
    _add_lines(tx, report, batch_id, entries)
    _book(tx, report, batch_id, entries)
    differences.record(tx, _differences(report, batch_id, entries, known))
    _follow_up(tx, report, batch_id, entries)
    audit.record(
        tx, "settlement_report.imported", subject="settlement_batch", subject_id=batch_id, actor_id=by,
        report=report.name, lines=len(entries),
    )  # fmt: skip
    return batches.read(tx, batch_id)


def _refuse_foreign(report: Report, booked: Mapping[str, Booked]) -> None:
    paid = [line for line in report.lines if line.kind is LineKind.PAYMENT]
    if len(paid) >= MIN_FOREIGN_LINES and not any(bookings.find(booked, line) for line in paid):
        raise ReportOfAnotherAccount


def _known(tx: Transaction, report: Report) -> Mapping[str, Any]:
    """The recorded lines with these keys."""
    keys = sorted({key for line in report.lines for key in (line.key, line.detached_from) if key})
    return {row.line_key: row for row in tx.execute(_KNOWN, {"gateway": report.gateway, "keys": keys})}


def _is_known(line: Line, known: Mapping[str, Any]) -> bool:
    """True if it is recorded; a fee without its transaction too, where the transaction was recorded with it."""
    whole = known.get(line.detached_from)
    return line.key in known or (whole is not None and (whole.fee, whole.tax) == (line.fee, line.tax))


def _entry(report: Report, line: Line, booked: Mapping[str, Booked]) -> _Entry:
    ours = bookings.find(booked, line)
    expected = fee_rates.expected_deduction(report.gateway, line, ours.channel if ours else "")
    return _Entry(uuid4(), line, ours, expected)


def _add_batch(tx: Transaction, report: Report, file_hash: str, known: int, by: UUID) -> UUID:
    batch_id: UUID = tx.execute(
        _ADD_BATCH,
        {
            "gateway": report.gateway,
            "report": report.name,
            "file_hash": file_hash,
            "rows_read": report.rows_read,
            "lines_known": known,
            "amounts_rounded": report.amounts_rounded,
            "rows_left_out": json.dumps(report.left_out),
            "columns_ignored": json.dumps(report.columns_ignored),
            "imported_by": by,
        },
    ).scalar_one()
    return batch_id


def _add_lines(tx: Transaction, report: Report, batch_id: UUID, entries: Sequence[_Entry]) -> None:
    lines = json.dumps([_row(entry) for entry in entries], default=str)
    tx.execute(_ADD_LINES, {"batch_id": batch_id, "gateway": report.gateway, "lines": lines})


def _row(entry: _Entry) -> dict[str, Any]:
    line, ours = entry.line, entry.booked or Booked()
    return {
        "id": entry.id,
        "line_key": line.key,
        "row_number": line.row_number,
        "kind": line.kind.value,
        "reference": line.reference,
        "channel": line.channel,
        "gross": line.gross,
        "fee": line.fee,
        "tax": line.tax,
        "net": line.net,
        "expected_deduction": entry.expected_deduction,
        "settled_at": line.settled_at.isoformat(),
        "payment_id": ours.payment_id,
        "transfer_id": ours.transfer_id,
    }


def _book(tx: Transaction, report: Report, batch_id: UUID, entries: Sequence[_Entry]) -> None:
    """Book what the gateway kept of all lines, in one posting."""
    fees, tax = sum(each.line.fee for each in entries), sum(each.line.tax for each in entries)
    ledger.post_settlement_fees(tx, batch_id, report.gateway, fees=fees, tax=tax)


def _differences(
    report: Report, batch_id: UUID, entries: Sequence[_Entry], known: Mapping[str, Any]
) -> Iterable[Difference]:
    yield from _changed_lines(report, batch_id, known)
    for entry in entries:
        yield from _of_line(report.gateway, batch_id, entry)
    yield from _of_fees(report.gateway, batch_id, entries)


def _changed_lines(report: Report, batch_id: UUID, known: Mapping[str, Any]) -> Iterable[Difference]:
    """Lines that were recorded with other amounts: those stay, as they are booked."""
    for line in report.lines:
        row = known.get(line.key)
        if row is not None and (row.gross, row.fee, row.tax) != (line.gross, line.fee, line.tax):
            yield Difference(
                DifferenceKind.LINE_CHANGED,
                f"{row.id}:{line.gross}:{line.fee}:{line.tax}",
                report.gateway,
                expected=row.gross - row.fee - row.tax,
                found=line.net,
                reference=line.reference,
                batch_id=batch_id,
                line_id=row.id,
            )


def _of_line(gateway: str, batch_id: UUID, entry: _Entry) -> Iterable[Difference]:
    line = entry.line
    if line.stated_net is not None and line.stated_net != line.net:
        yield _difference(DifferenceKind.NET_DIFFERS, gateway, batch_id, entry, line.net, line.stated_net)
    if line.kind in BOOKED:
        yield from _unbooked(gateway, batch_id, entry)
    elif line.kind is not LineKind.WITHDRAWAL and line.gross and not _is_lost_dispute(entry):
        yield _difference(DifferenceKind.ADJUSTMENT, gateway, batch_id, entry, 0, line.gross)


def _is_lost_dispute(entry: _Entry) -> bool:
    """True for a chargeback that somebody has booked as a lost dispute of its payment."""
    line, ours = entry.line, entry.booked
    return line.kind is LineKind.CHARGEBACK and ours is not None and ours.take(line.gross)


def _unbooked(gateway: str, batch_id: UUID, entry: _Entry) -> Iterable[Difference]:
    """The difference of a line whose amount our books don't have, or don't have once more."""
    line, ours = entry.line, entry.booked
    was_told = ours is not None and ours.told[line.gross] > 0
    if ours is not None and ours.take(line.gross):
        return
    if line.kind is not LineKind.PAYMENT:
        kind, expected = DifferenceKind.MOVEMENT_UNKNOWN, 0
    elif ours is None or not ours.received:
        kind, expected = DifferenceKind.PAYMENT_UNKNOWN, 0
    elif was_told:
        kind, expected = DifferenceKind.SETTLED_TWICE, 0
    else:
        kind, expected = DifferenceKind.GROSS_DIFFERS, ours.received
    yield _difference(kind, gateway, batch_id, entry, expected, line.gross)


def _difference(
    kind: DifferenceKind, gateway: str, batch_id: UUID, entry: _Entry, expected: int, found: int
) -> Difference:
    return Difference(
        kind,
        str(entry.id),
        gateway,
        expected,
        found,
        reference=entry.line.reference,
        batch_id=batch_id,
        line_id=entry.id,
        payment_id=entry.booked.payment_id if entry.booked else None,
    )


def _of_fees(gateway: str, batch_id: UUID, entries: Sequence[_Entry]) -> Iterable[Difference]:
    """One difference for each class of methods whose fees are not the contract's; the batch shows each line of it."""
    off: dict[str, list[_Entry]] = {}
    for entry in entries:
        if entry.is_deduction_off:
            own_channel = entry.booked.channel if entry.booked else ""
            off.setdefault(str(fee_rates.class_of(entry.line, own_channel)), []).append(entry)
    for name, found in sorted(off.items()):
        yield Difference(
            DifferenceKind.FEES_DIFFER,
            f"{batch_id}:{name}",
            gateway,
            expected=sum(each.expected_deduction or 0 for each in found),
            found=sum(each.line.fee + each.line.tax for each in found),
            reference=name,
            batch_id=batch_id,
        )


def _follow_up(tx: Transaction, report: Report, batch_id: UUID, entries: Sequence[_Entry]) -> None:
    """Expect the money at the bank, match what is there already, and end what these lines explain."""
    expectations.add(tx, report, batch_id, {entry.id: entry.line for entry in entries})
    arrivals.match_waiting(tx, report.gateway)
    came_in = [entry.booked for entry in entries if entry.booked and entry.line.gross > 0]
    told = [str(booked.payment_id) for booked in came_in if booked.payment_id]
    differences.end(tx, DifferenceKind.PAYMENT_MISSING, told)
    overdue.find(tx, report.gateway)
