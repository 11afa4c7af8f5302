"""Finds what is wrong now: each kind with its number, age and severity, and what ends it (MON, PS-023, PS-028)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from shared import local_time
from shared.admin.checks import CHECKS, MAX_COUNTED, SILENT_AFTER, Check, FindingKind, Severity
from shared.cloud import authorization, clock
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import ResponseModel

_WORSE: Final = {Severity.NOTICE: Severity.WARNING, Severity.WARNING: Severity.CRITICAL}


class FindingPart(ResponseModel):
    """A part of what is wrong: of a gateway, of a kind, in a status."""

    name: str
    number: int
    since: datetime


class Finding(ResponseModel):
    """Something that is wrong. `number` is the least where `is_more`; `amount` in rupiah, where money waits.

    `page` is the admin desk's page that ends it, `command` what ends it elsewhere, `runbook` the section about it.
    """

    kind: FindingKind
    severity: Severity
    number: int
    is_more: bool
    since: datetime
    amount: int | None
    parts: list[FindingPart]
    page: str | None
    command: str | None
    runbook: str


class Overview(ResponseModel):
    """The findings of a moment, the worst first, and the checks that found nothing."""

    as_of: datetime
    findings: list[Finding]
    fine: list[FindingKind]


def read(tx: Transaction, admin: Principal) -> Overview:
    """Everything that is wrong now. The access is audited."""
    authorization.record_list_access(tx, admin, subject="overview")
    now = clock.now()
    values = {"now": now, "today": local_time.day_start(now), "silent_after": SILENT_AFTER, "limit": MAX_COUNTED}
    found = {check.kind: _finding(check, tx.execute(check.statement, values).all(), now) for check in CHECKS}
    findings = sorted(
        (each for each in found.values() if each), key=lambda each: (list(Severity).index(each.severity), each.since)
    )
    return Overview(as_of=now, findings=findings, fine=[kind for kind, each in found.items() if each is None])


def _finding(check: Check, rows: Sequence[Any], now: datetime) -> Finding | None:
    if not rows:
        return None
    since, number = rows[0].since, sum(row.number for row in rows)
    amounts = [int(row.amount) for row in rows if row.amount is not None]
    return Finding(
        kind=check.kind,
        severity=_severity(check, since, now),
        number=number,
        is_more=number >= MAX_COUNTED,
        since=since,
        amount=sum(amounts) if amounts else None,
        parts=[FindingPart(name=row.part, number=row.number, since=row.since) for row in rows if row.part],
        page=check.page and check.page.format(oldest_id=rows[0].oldest_id),
        command=check.command,
        runbook=check.runbook,
    )


def _severity(check: Check, since: datetime, now: datetime) -> Severity:
    is_worse = check.worse_after is not None and since < now - check.worse_after
    return _WORSE.get(check.severity, check.severity) if is_worse else check.severity
