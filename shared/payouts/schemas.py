"""Payouts as organizers and admins see them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery, ResponseModel
from shared.problems import NotFound
from shared.states import PayoutStatus

_SELECT = """
    SELECT p.id, p.organizer_id, p.event_id, e.title AS event_title, p.amount, p.status, p.failure, p.created_at,
        p.completed_at, p.is_remainder, d.ending AS account_number_ending, d.bank_code,
        CASE WHEN p.status IN ('processing', 'failed') THEN 'transfer' WHEN p.status = 'pending' THEN
            CASE WHEN a.id IS NULL OR a.status <> 'verified' THEN 'bank_account'
                WHEN a.is_frozen THEN 'bank_account_frozen'
                WHEN a.waits_until > clock_timestamp() THEN 'bank_account_wait'
                WHEN NOT a.has_payee_name THEN 'bank_account_name'
                ELSE 'transfer' END END AS waits_for
    FROM payouts p JOIN events e ON e.id = p.event_id
    LEFT JOIN bank_accounts a ON a.user_id = p.organizer_id AND a.replaced_at IS NULL
    LEFT JOIN LATERAL (
        SELECT b.bank_code, b.account_number_ending AS ending FROM disbursements t
        JOIN bank_accounts b ON b.id = t.bank_account_id
        WHERE t.payout_id = p.id ORDER BY t.attempt DESC LIMIT 1) AS d ON true
"""
_ONE = text(f"{_SELECT} WHERE p.id = :id")
_LIST = text(f"""
    {_SELECT} WHERE CAST(:organizer_id AS uuid) IS NULL OR p.organizer_id = CAST(:organizer_id AS uuid)
    ORDER BY p.created_at DESC, p.id LIMIT :page_size OFFSET :offset
""")
_COUNT = text("""
    SELECT count(*) FROM payouts p
    WHERE CAST(:organizer_id AS uuid) IS NULL OR p.organizer_id = CAST(:organizer_id AS uuid)
""")


class PayoutResponse(ResponseModel):
    """Money for an organizer. `amount` in rupiah; a remainder became payable after its event's own payout was made.

    `waits_for` is a bank account, or one that is set but not to be used yet: because it replaced another less than a
    day ago, was stopped by the link in the mail about it (`..._frozen`: set it again), or bears another name than its
    organizer (`..._name`: we look at it); or the transfer; null once it has ended.
    """

    id: UUID
    organizer_id: UUID
    event_id: UUID
    event_title: str
    amount: int
    status: PayoutStatus
    failure: str | None
    bank_code: str | None
    account_number_ending: str | None
    created_at: datetime
    completed_at: datetime | None
    is_remainder: bool
    waits_for: (
        Literal["bank_account", "bank_account_wait", "bank_account_frozen", "bank_account_name", "transfer"] | None
    )


def read_visible(tx: Transaction, payout_id: UUID, caller: Principal) -> PayoutResponse:
    """A payout for its organizer or an admin; NotFound for anybody else."""
    row = tx.execute(_ONE, {"id": payout_id}).mappings().first()
    if row is None or not authorization.check_access(
        tx, caller, subject="payout", subject_id=payout_id, organizer_id=row["organizer_id"]
    ):
        raise NotFound
    return PayoutResponse(**row)


def list_page(tx: Transaction, caller: Principal, page: PageQuery) -> Listing[PayoutResponse]:
    """An organizer's payouts, or all of them for an admin; newest first (FN-011)."""
    authorization.record_list_access(tx, caller, subject="payout")
    whose = {"organizer_id": None if caller.role == "admin" else caller.organizer_id}
    rows = tx.execute(_LIST, {**whose, "page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[PayoutResponse].of(
        page, [PayoutResponse(**row) for row in rows], tx.execute(_COUNT, whose).scalar_one()
    )
