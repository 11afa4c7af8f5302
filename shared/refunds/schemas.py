"""Responses about refunds (docs/reference/api.md)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import RowMapping, text

from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery, ResponseModel
from shared.problems import NotFound
from shared.states import RefundStatus, TierKindName

_SELECT = """
    SELECT r.id, r.order_id, o.event_id, r.kind, r.amount, r.status, r.reason, r.rejection_reason, r.method,
        r.created_at, r.updated_at, r.status IN ('approved', 'failed') AND r.method IS NOT DISTINCT FROM 'disbursement'
            AND NOT EXISTS (
            SELECT 1 FROM bank_accounts b WHERE b.user_id = r.user_id AND b.replaced_at IS NULL
                AND b.status = 'verified' AND NOT b.is_frozen) AS needs_bank_account,
        CASE WHEN r.status IN ('approved', 'failed') AND r.method IS NOT DISTINCT FROM 'disbursement' THEN (
            SELECT CASE WHEN b.is_frozen THEN 'bank_account_frozen'
                WHEN b.waits_until > clock_timestamp() THEN 'bank_account_wait' END
            FROM bank_accounts b WHERE b.user_id = r.user_id AND b.replaced_at IS NULL) END AS hindrance,
        ARRAY(SELECT t.id FROM refund_items i JOIN tickets t ON t.order_item_id = i.order_item_id
            WHERE i.refund_id = r.id ORDER BY t.id) AS ticket_ids,
        (SELECT jsonb_agg(jsonb_build_object('item_id', i.id, 'ticket_id', t.id, 'kind', c.kind,
                'description', c.name, 'amount', n.amount) ORDER BY i.position)
            FROM refund_items n JOIN order_items i ON i.id = n.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
            LEFT JOIN tickets t ON t.order_item_id = i.id WHERE n.refund_id = r.id) AS lines
    FROM refunds r JOIN orders o ON o.id = r.order_id
"""
_ONE = text(f"{_SELECT} WHERE r.id = :id")
_WHOSE = text("""
    SELECT r.user_id, o.organizer_id FROM refunds r JOIN orders o ON o.id = r.order_id WHERE r.id = :id
""")
# Synthetic purchases are given back every few minutes: admins would see nothing else.
_VISIBLE = """(r.user_id = :user_id OR o.organizer_id = CAST(:organizer_id AS uuid)
    OR :is_admin AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = o.event_id AND e.is_synthetic))"""
_WANTED = """
    (CAST(:status AS text) IS NULL OR r.status = :status)
    AND (CAST(:event_id AS uuid) IS NULL OR o.event_id = CAST(:event_id AS uuid))
"""
_LIST = text(f"""
    {_SELECT} WHERE {_VISIBLE} AND {_WANTED}
    ORDER BY r.created_at DESC, r.id LIMIT :page_size OFFSET :offset
""")
_OF_ORDERS = text(f"{_SELECT} WHERE r.order_id = ANY(:ids) ORDER BY r.created_at, r.id")  # Uses index: refunds_order
_COUNT = text(f"""
    SELECT count(*) FROM refunds r JOIN orders o ON o.id = r.order_id
    WHERE {_VISIBLE} AND {_WANTED}
""")
_TO_TRANSFER = (RefundStatus.APPROVED, RefundStatus.PROCESSING, RefundStatus.FAILED)


class RefundQuery(PageQuery):
    """A page of refunds: of all, or of an event's, or of those in a state."""

    event_id: UUID | None = None
    status: RefundStatus | None = None


class RefundLineResponse(ResponseModel):
    """A line of a refund: a unit with its tier's `kind` and name, and the amount for it in rupiah.

    A line of kind `payment` has no item: a payment that bought nothing, or the difference between a payment and its
    price. The amounts of all lines add up to the refund's.
    """

    item_id: UUID | None
    ticket_id: UUID | None = None
    kind: Literal[TierKindName, "payment"]
    description: str
    amount: int


class RefundResponse(ResponseModel):
    """Money on its way back. `amount` in rupiah; `needs_bank_account` asks the buyer to set one.

    `waits_for` is the organizer's decision, the buyer's bank account, or the transfer; null once it has ended. A bank
    account that replaced another is used after a day (`bank_account_wait`); one that was stopped by the link in the
    mail about it, once it is set again (`bank_account_frozen`).
    """

    id: UUID
    order_id: UUID
    event_id: UUID
    kind: str
    amount: int
    status: RefundStatus
    reason: str
    rejection_reason: str | None
    method: Literal["gateway", "disbursement"] | None
    needs_bank_account: bool
    waits_for: Literal["decision", "bank_account", "bank_account_wait", "bank_account_frozen", "transfer"] | None
    ticket_ids: list[UUID]
    lines: list[RefundLineResponse]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def read(cls, tx: Transaction, refund_id: UUID) -> "RefundResponse":
        """The refund as it is now."""
        return cls.of(tx.execute(_ONE, {"id": refund_id}).mappings().one())

    @classmethod
    def of(cls, row: RowMapping) -> "RefundResponse":
        """Make one from a row of _SELECT."""
        shown = {name: value for name, value in row.items() if name != "hindrance"}
        return cls(**{**shown, "lines": _lines(row)}, waits_for=_waits_for(row))

    @property
    def state(self) -> dict[str, Any]:
        """The fields of a refund that a refusal shows."""
        return self.model_dump(mode="json", include={"id", "status", "amount", "waits_for"})


def _lines(row: RowMapping) -> list[RefundLineResponse]:
    items = [RefundLineResponse(**line) for line in row["lines"] or ()]
    rest = row["amount"] - sum(line.amount for line in items)
    words = "The payment was not the price." if items else row["reason"]
    return [*items, RefundLineResponse(item_id=None, kind="payment", description=words, amount=rest)] if rest else items


def _waits_for(row: RowMapping) -> str | None:
    if row["hindrance"]:
        return str(row["hindrance"])
    if row["needs_bank_account"]:
        return "bank_account"
    if row["status"] == RefundStatus.REQUESTED:
        return "decision"
    return "transfer" if row["status"] in _TO_TRANSFER else None


def read_visible(tx: Transaction, refund_id: UUID, caller: Principal) -> RefundResponse:
    """A refund for its buyer, its organizer or an admin; NotFound for anybody else."""
    whose = tx.execute(_WHOSE, {"id": refund_id}).first()
    if whose is None or not authorization.check_access(
        tx, caller, subject="refund", subject_id=refund_id, organizer_id=whose.organizer_id, owner_id=whose.user_id
    ):
        raise NotFound
    return RefundResponse.read(tx, refund_id)


def of_order(tx: Transaction, order_id: UUID) -> list[RefundResponse]:
    """The refunds of an order, for those who have just shown that they may see it."""
    return of_orders(tx, [order_id])[order_id]


def of_orders(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, list[RefundResponse]]:
    """The refunds of each of these orders, as of one."""
    found: dict[UUID, list[RefundResponse]] = {order_id: [] for order_id in order_ids}
    for row in tx.execute(_OF_ORDERS, {"ids": order_ids}).mappings():
        found[row["order_id"]].append(RefundResponse.of(row))
    return found


def list_page(tx: Transaction, caller: Principal, page: RefundQuery) -> Listing[RefundResponse]:
    """The refunds a caller may see: buyers their own, organizers those of their events, admins all; newest first."""
    authorization.record_list_access(tx, caller, subject="refund", of_people=True)
    values: dict[str, Any] = {
        "user_id": caller.id,
        "organizer_id": caller.organizer_id if caller.role == "organizer" else None,
        "is_admin": caller.role == "admin",
        "status": page.status,
        "event_id": page.event_id,
    }
    rows = tx.execute(_LIST, {**values, "page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[RefundResponse].of(
        page, [RefundResponse.of(row) for row in rows], tx.execute(_COUNT, values).scalar_one()
    )
