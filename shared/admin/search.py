"""One search over people, events, orders and money: by ids, addresses, names, codes, and what gateways call things.

What is typed is looked up in every index that it may stand in, a few rows of each (`LOOKUPS`); what is found is then
read by its ids (`shared/admin/search_hits.py`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from sqlalchemy import TextClause, text

from shared.admin import search_hits
from shared.admin.search_hits import Hit, HitKind, MatchedBy
from shared.catalog import search as event_search
from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.gateways.names import SQL_LIST
from shared.identity.tokens import Principal
from shared.models import Query, ResponseModel

MAX_HITS: Final = 25
"""The hits of each kind that a lookup finds."""


class AdminSearch(Query):
    """A search: an id, an e-mail address, the name of an event, a code, or a gateway's or bank's reference."""

    q: Annotated[str, line(200)]


class SearchResult(ResponseModel):
    """The hits; no more than 25 of a kind by each thing that can match."""

    q: str
    hits: list[Hit]


@dataclass(frozen=True)
class Lookup:
    """One way to look for what was typed: its statement finds kinds and ids; `values` is None where it can't match."""

    matched: MatchedBy
    statement: TextClause
    values: Callable[[str], dict[str, Any] | None]


def _ids(kind: HitKind, source: str, id_column: str = "id") -> str:
    return f"(SELECT '{kind}' AS kind, {id_column} AS id FROM {source} LIMIT {MAX_HITS})"


def _union(*selects: str) -> TextClause:
    return text(" UNION ALL ".join(selects))


_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_ID_BEGINNING = re.compile(r"[0-9a-f]{6,8}(-[0-9a-f]{0,4}){0,3}(-[0-9a-f]{0,11})?", re.IGNORECASE)
_PICKUP_CODE = re.compile(r"([0-9A-Z]{4})[- ]?([0-9A-Z]{4})", re.IGNORECASE)
_GROUPED_NUMBER = re.compile(r"\d[\d .-]*\d")


def _by_id(words: str) -> dict[str, Any] | None:
    return {"id": UUID(words)} if _UUID.fullmatch(words) else None


def _by_email(words: str) -> dict[str, Any] | None:
    return {"address": words.lower()} if "@" in words else None


def _by_reference(words: str) -> dict[str, Any] | None:
    """A reference; a number without the gaps that people write into it."""
    reference = re.sub(r"[ .-]", "", words) if _GROUPED_NUMBER.fullmatch(words) else words
    return {"references": sorted({words, reference})}


def _by_beginning(words: str) -> dict[str, Any] | None:
    """The first and the last id that begin with what was typed."""
    if not _ID_BEGINNING.fullmatch(words):
        return None
    digits = words.replace("-", "")
    return {"lowest": UUID(digits.ljust(32, "0")), "highest": UUID(digits.ljust(32, "f"))}


def _by_pickup_code(words: str) -> dict[str, Any] | None:
    found = _PICKUP_CODE.fullmatch(words)
    return {"code": f"{found[1]}-{found[2]}".upper()} if found else None


def _by_name(words: str) -> dict[str, Any] | None:
    if "@" in words or _UUID.fullmatch(words) or not re.search(r"[^\W\d_]{2}", words):
        return None
    return {"slug": words.lower(), **event_search.word_values(words)}


LOOKUPS: Final = (
    Lookup(
        MatchedBy.ID,
        _union(
            *(
                _ids(kind, f"{table} WHERE id = :id")
                for kind, table in (
                    (HitKind.USER, "users"),
                    (HitKind.EVENT, "events"),
                    (HitKind.ORDER, "orders"),
                    (HitKind.TICKET, "tickets"),
                    (HitKind.PAYMENT, "payments"),
                    (HitKind.REFUND, "refunds"),
                    (HitKind.PAYOUT, "payouts"),
                    (HitKind.TRANSFER, "disbursements"),
                    (HitKind.MAIL, "emails"),
                    (HitKind.WEBHOOK, "webhook_events"),
                    (HitKind.MANUAL_TASK, "manual_tasks"),
                    (HitKind.DEAD_LETTER, "dead_letters"),
                )
            )
        ),
        _by_id,
    ),
    Lookup(
        MatchedBy.EMAIL,
        _union(
            # Uses index: users_mailbox
            _ids(HitKind.USER, "users WHERE folded_email(email) = folded_email(:address) AND NOT is_deleted"),
            # Uses index: orders_user
            _ids(
                HitKind.ORDER,
                """users u JOIN LATERAL (
                    SELECT id FROM orders WHERE user_id = u.id ORDER BY created_at DESC LIMIT 10
                ) AS o ON true WHERE folded_email(u.email) = folded_email(:address) AND NOT u.is_deleted""",
                "o.id",
            ),
            # Uses index: emails_to; of attendees too, who have no account
            _ids(
                HitKind.ORDER,
                "(SELECT DISTINCT order_id FROM emails WHERE to_address = :address AND order_id IS NOT NULL) AS m",
                "m.order_id",
            ),
        ),
        _by_email,
    ),
    Lookup(
        MatchedBy.REFERENCE,
        _union(
            # Uses index: payments_external_id, payments_va_number, payments_transaction_id, payments_gateway_reference
            *(
                _ids(HitKind.PAYMENT, f"payments WHERE {condition}")
                for condition in (
                    "external_id = ANY(:references)",
                    "va_number = ANY(:references)",
                    "transaction_id = ANY(:references)",
                    f"gateway IN ({SQL_LIST}) AND gateway_reference = ANY(:references)",
                )
            ),
            # Uses index: refunds_gateway_refund_id
            _ids(HitKind.REFUND, "refunds WHERE gateway_refund_id = ANY(:references)"),
            # Uses index: disbursements_gateway_reference
            _ids(HitKind.TRANSFER, "disbursements WHERE gateway_reference = ANY(:references)"),
            # Uses index: webhook_events_once
            _ids(
                HitKind.WEBHOOK,
                f"webhook_events WHERE gateway IN ({SQL_LIST}) AND webhook_id = ANY(:references)",
            ),
            # Uses index: emails_provider
            _ids(HitKind.MAIL, "emails WHERE provider_message_id = ANY(:references)"),
        ),
        _by_reference,
    ),
    Lookup(
        MatchedBy.ORDER_CODE,
        _union(_ids(HitKind.ORDER, "orders WHERE id BETWEEN :lowest AND :highest")),
        _by_beginning,
    ),
    Lookup(
        MatchedBy.PICKUP_CODE,
        _union(_ids(HitKind.ORDER, "pickups WHERE code = :code", "order_id")),  # Uses index: pickups_code_first
        _by_pickup_code,
    ),
    Lookup(
        MatchedBy.NAME,
        _union(
            _ids(HitKind.EVENT, "events WHERE slug = :slug"),
            # Uses index: events_search_folded
            _ids(
                HitKind.EVENT,
                f"""(SELECT id FROM events WHERE status = 'published'
                    AND search_folded @@ {event_search.MATCHING_WORDS} LIMIT {event_search.MAX_RANKED}) AS e""",
                "e.id",
            ),
            # Uses index: events_unpublished_search
            _ids(
                HitKind.EVENT,
                f"events WHERE status <> 'published' AND search_folded @@ {event_search.MATCHING_WORDS}",
            ),
        ),
        _by_name,
    ),
)
# The best plan depends on what is typed: a name that thousands of events have, a number that one payment has.
_CUSTOM_PLAN = text("SET LOCAL plan_cache_mode = force_custom_plan")


def search(tx: Transaction, admin: Principal, wanted: AdminSearch) -> SearchResult:
    """Everything that what is typed may mean, by kind. Audited with what was found: an address is not kept there."""
    tx.execute(_CUSTOM_PLAN)
    matched: dict[tuple[HitKind, UUID], MatchedBy] = {}
    for lookup in LOOKUPS:
        values = lookup.values(wanted.q)
        for row in tx.execute(lookup.statement, values) if values else ():
            matched.setdefault((HitKind(row.kind), row.id), lookup.matched)
    found = search_hits.read(tx, matched)
    named = [f"{hit.kind}:{hit.id}" for hit in found]
    audit.record(tx, "admin.read", subject="search", subject_id=None, actor_id=admin.id, hits=named)
    return SearchResult(q=wanted.q, hits=found)
