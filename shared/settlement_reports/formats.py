"""The reports that can be imported: each is recognized by the columns that it must have."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.settlement_reports import midtrans_reports, report_files, xendit_reports
from shared.settlement_reports.lines import Report
from shared.settlement_reports.report_files import Columns, Table

_READERS: Final[Mapping[str, tuple[Columns, Callable[[Table], Report]]]] = {
    xendit_reports.BALANCE: (xendit_reports.BALANCE_COLUMNS, xendit_reports.read_balance),
    xendit_reports.TRANSACTIONS: (xendit_reports.TRANSACTIONS_COLUMNS, xendit_reports.read_transactions),
    midtrans_reports.TRANSACTIONS: (midtrans_reports.COLUMNS, midtrans_reports.read),
}
_COLUMNS: Final = {name: columns for name, (columns, _) in _READERS.items()}
PROBLEMS: Final = (
    report_files.ReportUnreadable,
    report_files.ReportTooLong,
    report_files.ReportUnknown,
    report_files.ReportColumnsMissing,
    report_files.ReportRowsUnreadable,
)
"""The refusals of files."""


def read(content: bytes) -> Report:
    """The report in a file. Raises the problems in `PROBLEMS`."""
    name, table = report_files.read(content, _COLUMNS)
    return _READERS[name][1](table)
