"""The refunds of an event, for its organizer's decision: the buyer, and the effect on the payout (PS-016)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.accounting.ledger import SoldItem
from shared.catalog import editing
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import Listing, ResponseModel
from shared.refunds import approval
from shared.refunds import schemas as refund_schemas
from shared.refunds.schemas import RefundQuery, RefundResponse
from shared.states import RefundStatus

_BUYERS = text("""
    SELECT r.id, u.full_name AS buyer_name, u.email AS buyer_email
    FROM refunds r JOIN users u ON u.id = r.user_id WHERE r.id = ANY(:ids)
""")
_ITEMS = text(f"""
    SELECT n.refund_id, {ledger.SOLD_ITEM_COLUMNS}
    FROM refund_items n JOIN order_items ON id = n.order_item_id WHERE n.refund_id = ANY(:ids)
""")
_BOOKED = text("""
    SELECT p.reference_id AS refund_id, sum(e.amount) AS amount
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id
    WHERE p.kind = 'refund_owed' AND p.reference_id = ANY(:ids) AND e.account LIKE 'organizer_payable:%'
    GROUP BY 1
""")
_UNDECIDED = text("""
    SELECT count(*) FROM refunds r JOIN orders o ON o.id = r.order_id  -- Uses index: refunds_undecided
    WHERE o.event_id = :event_id AND r.status = 'requested'
""")
_ON_THEIR_WAY = text("""
    SELECT count(*) FROM refunds r JOIN orders o ON o.id = r.order_id  -- Uses index: refunds_open
    WHERE o.event_id = :event_id AND r.status IN ('approved', 'processing')
""")


class EventRefund(ResponseModel):
    """A refund and its buyer. `organizer_share`: what it takes, or has taken, off the organizer's payout, in rupiah."""

    refund: RefundResponse
    buyer_name: str
    buyer_email: str
    organizer_share: int


def list_of_event(tx: Transaction, caller: Principal, event_id: UUID, wanted: RefundQuery) -> Listing[EventRefund]:
    """The refunds of an event, newest first, for its organizer or an admin. Raises NotFound."""
    editing.read(tx, caller, event_id)
    found = refund_schemas.list_page(tx, caller, wanted.model_copy(update={"event_id": event_id}))
    return Listing[EventRefund].of(wanted, _with_shares(tx, found.items), found.total)


def read_selected(tx: Transaction, caller: Principal, event_id: UUID, refund_ids: Sequence[UUID]) -> list[EventRefund]:
    """These refunds of an event, to be decided together. Raises NotFound, also for a refund of another event."""
    editing.read(tx, caller, event_id)
    refunds = [refund_schemas.read_visible(tx, refund_id, caller) for refund_id in dict.fromkeys(refund_ids)]
    return _with_shares(tx, [refund for refund in refunds if refund.event_id == event_id])


def count_undecided(tx: Transaction, event_id: UUID) -> int:
    """The number of requests of an event that wait for its organizer."""
    return int(tx.execute(_UNDECIDED, {"event_id": event_id}).scalar_one())


def count_on_their_way(tx: Transaction, event_id: UUID) -> int:
    """The number of an event's approved refunds that have not arrived yet."""
    return int(tx.execute(_ON_THEIR_WAY, {"event_id": event_id}).scalar_one())


def _with_shares(tx: Transaction, refunds: Sequence[RefundResponse]) -> list[EventRefund]:
    ids = {"ids": [refund.id for refund in refunds]}
    buyers = {row["id"]: row for row in tx.execute(_BUYERS, ids).mappings()}
    booked = {row.refund_id: int(row.amount) for row in tx.execute(_BOOKED, ids)}
    items: dict[UUID, list[SoldItem]] = defaultdict(list)
    for row in tx.execute(_ITEMS, ids).mappings():
        items[row["refund_id"]].append(_sold_item(row))
    return [
        EventRefund(
            refund=refund,
            buyer_name=buyers[refund.id]["buyer_name"],
            buyer_email=buyers[refund.id]["buyer_email"],
            organizer_share=(
                approval.share_of_request(items[refund.id]).organizer
                if refund.status == RefundStatus.REQUESTED
                else booked.get(refund.id, 0)
            ),
        )
        for refund in refunds
    ]


def _sold_item(row: Any) -> SoldItem:
    return SoldItem(**{name: value for name, value in row.items() if name != "refund_id"})
