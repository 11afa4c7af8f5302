"""Reports of the ledger: trial balance, organizers' statements, platform revenue (FN-005, FN-010)."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator
from sqlalchemy import text

from shared.accounting.accounts import organizer_payable
from shared.cloud.database import Transaction, batches
from shared.field_types import Utc
from shared.models import Listing, PageQuery, Query, ResponseModel

# One line for all organizers and one for all gateways would hide who: the part behind the colon is counted apart.
# Entries are summed by account first, so that millions are never sorted.
_TRIAL = """
    SELECT split_part(account, ':', 1) AS account, count(*) AS subaccounts, sum(debits) AS debits,
        sum(credits) AS credits, sum(balance) AS balance
    FROM (
        SELECT e.account, sum(e.amount) FILTER (WHERE e.amount > 0) AS debits,
            -sum(e.amount) FILTER (WHERE e.amount < 0) AS credits, sum(e.amount) AS balance
        FROM {entries} GROUP BY e.account) AS accounts
    GROUP BY 1 ORDER BY 1
"""
_TRIAL_NOW = text(_TRIAL.format(entries="ledger_entries e"))
_TRIAL_AT = text(
    _TRIAL.format(
        entries="""ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
        WHERE p.created_at <= CAST(:at AS timestamptz)"""
    )
)
_LINES = """
    FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id  -- Uses index: ledger_entries_account
        LEFT JOIN events v ON v.id = p.event_id
    WHERE e.account = :account AND (CAST(:event_id AS uuid) IS NULL OR p.event_id = CAST(:event_id AS uuid))
"""
_MOVEMENTS = f"""
    SELECT p.id AS posting_id, p.kind, p.event_id, v.title AS event_title, p.order_id, -e.amount AS amount,
        p.created_at, -sum(e.amount) OVER (ORDER BY e.id) AS balance
    {_LINES}
"""
_STATEMENT = text(f"{_MOVEMENTS} ORDER BY e.id DESC LIMIT :page_size OFFSET :offset")
_WHOLE_STATEMENT = text(f"{_MOVEMENTS} ORDER BY e.id")
_STATEMENT_COUNT = text(f"SELECT count(*) {_LINES}")
REVENUE_ACCOUNTS = {
    "platform_fees": "platform_fee_revenue",
    "commissions": "commission_revenue",
    "penalties": "penalty_revenue",
    "differences": "payment_differences",
    "promotions": "promotion_cost",
}
"""The account behind each amount of a RevenueLine."""
REVENUE_COLUMNS = ", ".join(
    f"CAST(-COALESCE(sum(e.amount) FILTER (WHERE e.account = '{account}'), 0) AS bigint) AS {name}"
    for name, account in REVENUE_ACCOUNTS.items()
)
"""The select list of these amounts, over ledger_entries `e`."""
_REVENUE = text(f"""
    SELECT CAST(date_trunc(:by, p.created_at AT TIME ZONE 'Asia/Jakarta') AS date) AS period, {REVENUE_COLUMNS}
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_age
    WHERE p.created_at >= :since AND p.created_at < :until
    GROUP BY 1 ORDER BY 1
""")


class TrialBalanceQuery(Query):
    """The moment to look at; now by default."""

    at: Utc | None = None


class AccountLine(ResponseModel):
    """One kind of account, in rupiah: `balance` is debits less credits."""

    account: str
    subaccounts: int
    debits: int
    credits: int
    balance: int


class TrialBalance(ResponseModel):
    """All accounts. `difference` is 0 as long as every posting balances."""

    lines: list[AccountLine]
    difference: int


class StatementQuery(PageQuery):
    """A page of an organizer's account: of one event, or of all."""

    event_id: UUID | None = None


class StatementLine(ResponseModel):
    """A movement of what we owe an organizer: positive is theirs. `balance` in rupiah after it."""

    posting_id: UUID
    kind: str
    event_id: UUID | None
    event_title: str | None
    order_id: UUID | None
    amount: int
    balance: int
    created_at: datetime


class RevenueQuery(Query):
    """The period from (included) and to (excluded), summed up by day, week or month in Jakarta's time."""

    since: Annotated[Utc, Field(alias="from")]
    until: Annotated[Utc, Field(alias="to")]
    by: Literal["day", "week", "month"] = "day"

    @model_validator(mode="after")
    def _in_order(self) -> "RevenueQuery":
        if self.until <= self.since:
            raise ValueError("`to` must be after `from`")
        return self


class RevenueLine(ResponseModel):
    """The platform's revenue in a period that begins on that day, in rupiah; discounts it paid are negative."""

    period: date
    platform_fees: int
    commissions: int
    penalties: int
    differences: int
    promotions: int
    total: int


def trial_balance(tx: Transaction, wanted: TrialBalanceQuery) -> TrialBalance:
    """Every account with its debits and credits."""
    found = tx.execute(_TRIAL_AT, {"at": wanted.at}) if wanted.at else tx.execute(_TRIAL_NOW)
    lines = [
        AccountLine(
            account=row.account,
            subaccounts=row.subaccounts,
            debits=int(row.debits or 0),
            credits=int(row.credits or 0),
            balance=int(row.balance),
        )
        for row in found
    ]
    return TrialBalance(lines=lines, difference=sum(line.balance for line in lines))


def statement(tx: Transaction, organizer_id: UUID, page: StatementQuery) -> Listing[StatementLine]:
    """An organizer's account, newest movement first; the balance is that of the requested event, or of all."""
    values = {"account": organizer_payable(organizer_id), "event_id": page.event_id}
    rows = tx.execute(_STATEMENT, {**values, "page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[StatementLine].of(
        page, [StatementLine(**row) for row in rows], count(tx, organizer_id, page.event_id)
    )


def count(tx: Transaction, organizer_id: UUID, event_id: UUID | None) -> int:
    """The number of movements of an organizer's account, of one event or all."""
    values = {"account": organizer_payable(organizer_id), "event_id": event_id}
    return int(tx.execute(_STATEMENT_COUNT, values).scalar_one())


def all_lines(tx: Transaction, organizer_id: UUID, event_id: UUID | None) -> Iterator[StatementLine]:
    """An organizer's whole account, of one event or all, oldest movement first, read in batches."""
    values = {"account": organizer_payable(organizer_id), "event_id": event_id}
    return (StatementLine(**row._mapping) for row in batches(tx, _WHOLE_STATEMENT, values))


def revenue(tx: Transaction, wanted: RevenueQuery) -> list[RevenueLine]:
    """The platform's revenue, period by period."""
    rows = tx.execute(_REVENUE, {"since": wanted.since, "until": wanted.until, "by": wanted.by}).mappings()
    return [revenue_line(row["period"], row) for row in rows]


def revenue_line(period: date, amounts: Mapping[Any, Any]) -> RevenueLine:
    """The line of a period with these amounts, each by its name in REVENUE_ACCOUNTS."""
    parts = {name: int(amounts[name]) for name in REVENUE_ACCOUNTS}
    return RevenueLine(period=period, **parts, total=sum(parts.values()))
