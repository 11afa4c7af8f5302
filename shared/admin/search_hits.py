"""The hits of a search, each in the few words by which a person tells it from another."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import computed_field
from sqlalchemy import RowMapping, text

from shared.cloud.database import Transaction
from shared.cloud.logs import mask
from shared.models import ResponseModel


class HitKind(StrEnum):
    """A kind of thing that can be found, in the order in which hits are shown."""

    ORDER = "order"
    PAYMENT = "payment"
    USER = "user"
    EVENT = "event"
    TICKET = "ticket"
    REFUND = "refund"
    PAYOUT = "payout"
    TRANSFER = "transfer"
    MAIL = "mail"
    WEBHOOK = "webhook"
    MANUAL_TASK = "manual_task"
    DEAD_LETTER = "dead_letter"


class MatchedBy(StrEnum):
    """The part of a hit that equals what was typed."""

    ID = "id"
    EMAIL = "email"
    REFERENCE = "reference"
    ORDER_CODE = "order_code"
    PICKUP_CODE = "pickup_code"
    NAME = "name"


class Hit(ResponseModel):
    """Something that was found, with the order, the event and the payment that it belongs to. `amount` in rupiah.

    `matched` is the part of it that equals what was typed.
    """

    kind: HitKind
    matched: MatchedBy
    id: UUID
    title: str
    note: str | None
    status: str | None
    amount: int | None
    at: datetime
    order_id: UUID | None
    event_id: UUID | None
    payment_id: UUID | None

    @computed_field
    def page(self) -> str:
        """The address where the admin desk shows it."""
        if self.kind in _OWN_PAGES:
            return f"{_OWN_PAGES[self.kind]}/{self.id}"
        if self.order_id:
            return f"/admin/orders/{self.order_id}"
        if self.event_id:
            return f"/admin/events/{self.event_id}"
        return _LISTS.get(self.kind, "/admin")


_OWN_PAGES: Final = {
    HitKind.ORDER: "/admin/orders",
    HitKind.PAYMENT: "/admin/payments",
    HitKind.USER: "/admin/users",
    HitKind.EVENT: "/admin/events",
    HitKind.REFUND: "/admin/refunds",
    HitKind.MANUAL_TASK: "/admin/tasks",
}
_LISTS: Final = {
    HitKind.MAIL: "/admin/deliveries",
    HitKind.WEBHOOK: "/admin/webhooks?status=all",
    HitKind.DEAD_LETTER: "/admin/dead-letters",
}


def _described(
    source: str,
    *,
    of: str,
    title: str,
    note: str = "NULL",
    status: str = "NULL",
    amount: str = "NULL",
    order_id: str = "NULL",
    event_id: str = "NULL",
    payment_id: str = "NULL",
) -> str:
    """The statement that reads hits of a kind: where from, and what its columns are."""
    return f"""
        SELECT {of}.id, {title} AS title, CAST({note} AS text) AS note, CAST({status} AS text) AS status,
            CAST({amount} AS bigint) AS amount, {of}.created_at AS at, CAST({order_id} AS uuid) AS order_id,
            CAST({event_id} AS uuid) AS event_id, CAST({payment_id} AS uuid) AS payment_id
        FROM {source} WHERE {of}.id = ANY(:ids) ORDER BY {of}.created_at DESC, {of}.id
    """


_DESCRIPTIONS: Final = {
    HitKind.USER: _described("users u", of="u", title="u.full_name", note="u.email", status="u.role"),
    HitKind.EVENT: _described(
        "events e JOIN users u ON u.id = e.organizer_id",
        of="e",
        title="e.title",
        note="u.full_name",
        status="e.status",
        event_id="e.id",
    ),
    HitKind.ORDER: _described(
        "orders o JOIN users u ON u.id = o.user_id JOIN events e ON e.id = o.event_id",
        of="o",
        title="u.full_name",
        note="e.title",
        status="o.status",
        amount="o.total_amount",
        order_id="o.id",
        event_id="o.event_id",
    ),
    HitKind.TICKET: _described(
        "tickets k JOIN order_items i ON i.id = k.order_item_id JOIN ticket_tiers t ON t.id = i.tier_id",
        of="k",
        title="COALESCE(i.attendee_name, t.name)",
        note="t.name",
        status="k.status",
        order_id="k.order_id",
        event_id="k.event_id",
    ),
    HitKind.PAYMENT: _described(
        "payments p",
        of="p",
        title="p.gateway || ' ' || p.payment_method",
        note="COALESCE(p.gateway_reference, p.external_id)",
        status="p.status",
        amount="p.amount",
        order_id="p.order_id",
        payment_id="p.id",
    ),
    HitKind.REFUND: _described(
        "refunds r JOIN users u ON u.id = r.user_id",
        of="r",
        title="u.full_name",
        note="r.gateway_refund_id",
        status="r.status",
        amount="r.amount",
        order_id="r.order_id",
        payment_id="r.payment_id",
    ),
    HitKind.PAYOUT: _described(
        "payouts p JOIN events e ON e.id = p.event_id",
        of="p",
        title="e.title",
        status="p.status",
        amount="p.amount",
        event_id="p.event_id",
    ),
    HitKind.TRANSFER: _described(
        "disbursements d LEFT JOIN refunds r ON r.id = d.refund_id LEFT JOIN payouts p ON p.id = d.payout_id",
        of="d",
        title="CASE WHEN d.refund_id IS NULL THEN 'payout' ELSE 'refund' END",
        note="d.gateway_reference",
        status="d.status",
        amount="d.amount",
        order_id="r.order_id",
        event_id="p.event_id",
    ),
    HitKind.MAIL: _described(
        "emails m", of="m", title="m.template", note="m.to_address", status="m.status", order_id="m.order_id"
    ),
    HitKind.WEBHOOK: _described(
        "webhook_events w LEFT JOIN payments p ON p.id = w.payment_id",
        of="w",
        title="w.gateway || ' ' || w.event_type",
        status="CASE WHEN w.processed THEN w.outcome ELSE 'waiting' END",
        order_id="p.order_id",
        payment_id="w.payment_id",
    ),
    HitKind.MANUAL_TASK: _described(
        "manual_tasks m",
        of="m",
        title="m.kind",
        note="m.subject || ' ' || m.subject_id",
        status="CASE WHEN m.done_at IS NULL THEN 'open' ELSE 'done' END",
    ),
    HitKind.DEAD_LETTER: _described(
        "dead_letters l", of="l", title="l.target", note="l.error", status="COALESCE(l.decision, 'open')"
    ),
}


def read(tx: Transaction, matched: Mapping[tuple[HitKind, UUID], MatchedBy]) -> list[Hit]:
    """The hits of these kinds and ids, kind by kind, the newest of each first."""
    ids: dict[HitKind, list[UUID]] = defaultdict(list)
    for kind, each in matched:
        ids[kind].append(each)
    return [
        _hit(kind, matched[kind, row["id"]], row)
        for kind in HitKind
        if kind in ids
        for row in tx.execute(text(_DESCRIPTIONS[kind]), {"ids": ids[kind]}).mappings()
    ]


def _hit(kind: HitKind, matched: MatchedBy, row: RowMapping) -> Hit:
    """A hit; the address of a mail is masked, as it is in every list of mails."""
    note = mask(row["note"]) if kind == HitKind.MAIL else row["note"]
    return Hit(**{**row, "kind": kind, "matched": matched, "note": note})
