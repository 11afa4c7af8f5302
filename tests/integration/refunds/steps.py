"""Steps that people take about money, and looks at the result."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import transaction
from shared.payouts import bank_account_changes
from shared.payouts.bank_accounts import BankAccountBody

GOOD_ACCOUNT = "1234567890"
"""Others have a fate of their own: infra/local/simulators/xendit_payouts.py."""


def rows(query: str, **values: Any) -> list[Any]:
    """Rows of the database."""
    with transaction() as tx:
        return list(tx.execute(text(query), values).all())


def set_account(user_id: UUID, number: str = GOOD_ACCOUNT) -> None:
    """Give a person this bank account, in place of the one they had."""
    wanted = BankAccountBody(bank_code="BCA", account_number=number, account_holder_name="Siti Rahma")
    assert bank_account_changes.set_account(user_id, wanted).status == "verified"


def let_it_be_over(event_id: UUID) -> None:
    """An event ended nine days ago: its payout is due."""
    with transaction() as tx:
        tx.execute(
            text("""
                UPDATE events SET start_date = now() - interval '10 days', end_date = now() - interval '9 days'
                WHERE id = :id
            """),
            {"id": event_id},
        )


def open_tasks(subject_id: UUID) -> list[str]:
    """The kinds of open manual tasks about a subject."""
    query = "SELECT kind FROM manual_tasks WHERE subject_id = :id AND done_at IS NULL ORDER BY kind"
    return [row.kind for row in rows(query, id=str(subject_id))]
