"""Retries of payouts by their organizer or an admin."""

from uuid import UUID

from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.payouts import records, schemas
from shared.payouts.records import RETRYABLE
from shared.payouts.schemas import PayoutResponse
from shared.problems import NotFound, Problem


class PayoutNotRetryable(Problem):
    """Only a payout that failed, or waits for a bank account, can be sent again."""

    status, slug = 409, "payout-not-retryable"


def retry(tx: Transaction, payout_id: UUID, caller: Principal) -> PayoutResponse:
    """Enqueue a payout that failed or waits again. Raises NotFound, PayoutNotRetryable."""
    payout = records.lock(tx, payout_id)
    if not caller.may_act_for(payout.organizer_id):
        raise NotFound
    if payout.status not in RETRYABLE:
        raise PayoutNotRetryable(payout_status=payout.status)
    records.resend(tx, payout, by=caller.id)
    return schemas.read_visible(tx, payout_id, caller)
