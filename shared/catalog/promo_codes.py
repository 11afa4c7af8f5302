"""Management of promo codes: create, change, deactivate, read (TS-006).

Organizers offer codes for their own events and fund them. Admins do that for any organizer, and offer codes funded by
the platform, at one event, at some organizers' events or at all. These always have a maximum discount and a budget.
sales.promos applies codes at a sale.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, field_validator
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.catalog import editing
from shared.catalog.tiers import reject_null
from shared.cloud import audit, authorization
from shared.cloud.database import Transaction
from shared.field_types import MAX_RUPIAH, Rupiah, Trimmed, Utc
from shared.identity import principals
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.problems import Forbidden, Invalid, NotFound, Problem, violated_constraint

Code = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{2,49}$"),
    AfterValidator(str.upper),
    Trimmed,
]
Percent = Annotated[int, Field(ge=1, le=100)]
Discount = Annotated[int, Field(ge=1, le=MAX_RUPIAH)]
Limit = Annotated[int, Field(ge=1, le=10_000_000)]
Budget = Annotated[int, Field(ge=1, le=100_000_000_000)]
AppliesTo = Literal["order", "ticket"]
OrganizerIds = Annotated[list[UUID], Field(min_length=1, max_length=100)]
TierIds = Annotated[list[UUID], Field(min_length=1, max_length=50)]


class PromoTerms(RequestModel):
    """The discount of a code, its period and its limits. Amounts are rupiah; null is no limit.

    The discount is either a `percent` (at most `max_discount` for each use) or an `amount` of the prices in scope,
    which also count toward `minimum_spend`. A use is an order or, where the code `applies_to` tickets, each discounted
    ticket: the most expensive first, as many as uses are left. `budget` limits all discounts and waived fees together.
    With `waives_fee` the issuer of the code pays the platform fee of the discounted tickets. Codes funded by the
    platform have a budget and, for a percentage, a `max_discount`: defaults apply where none are given.
    """

    percent: Percent | None = None
    amount: Discount | None = None
    max_discount: Discount | None = None
    minimum_spend: Rupiah = 0
    starts_at: Utc | None = None
    ends_at: Utc | None = None
    max_uses: Limit | None = None
    max_uses_per_user: Limit | None = None
    tier_ids: TierIds | None = None
    applies_to: AppliesTo = "order"
    budget: Budget | None = None
    waives_fee: bool = False
    organizer_ids: OrganizerIds | None = None
    """The organizers at whose events the platform's code is valid; null for all."""


class NewPromo(PromoTerms):
    """A code and its terms, for one event or, without `event_id`, for all (of the organizer)."""

    code: Code
    event_id: UUID | None = None
    funded_by: Literal["organizer", "platform"] = "organizer"


class PromoChange(RequestModel):
    """The changes of a code's terms. A field that is left out stays as it is; null lifts a limit.

    Orders that have used the code keep their discount. `is_active: false` deactivates the code.
    """

    percent: Percent | None = None
    amount: Discount | None = None
    max_discount: Discount | None = None
    minimum_spend: Rupiah | None = None
    starts_at: Utc | None = None
    ends_at: Utc | None = None
    max_uses: Limit | None = None
    max_uses_per_user: Limit | None = None
    tier_ids: TierIds | None = None
    applies_to: AppliesTo | None = None
    budget: Budget | None = None
    waives_fee: bool | None = None
    organizer_ids: OrganizerIds | None = None
    is_active: bool | None = None

    @field_validator("minimum_spend", "applies_to", "waives_fee", "is_active")
    @classmethod
    def _not_null(cls, value: object) -> object:
        return reject_null(value)


class PromoSearch(PageQuery):
    """The filter of the list of codes: of an event, or of who pays for them."""

    event_id: UUID | None = None
    funded_by: Literal["organizer", "platform"] | None = None


class PromoResponse(ResponseModel):
    """A code for its issuer. `uses` and `spent` count the orders that are held or paid with it.

    Among these, `late_uses` exceed its limits: orders that were paid late, when the code was used up meanwhile.
    """

    id: UUID
    code: str
    funded_by: str
    organizer_id: UUID | None
    event_id: UUID | None
    tier_ids: list[UUID] | None
    percent: int | None
    amount: int | None
    max_discount: int | None
    minimum_spend: int
    starts_at: datetime | None
    ends_at: datetime | None
    max_uses: int | None
    max_uses_per_user: int | None
    uses: int
    late_uses: int
    applies_to: str
    budget: int | None
    spent: int
    waives_fee: bool
    organizer_ids: list[UUID] | None
    is_active: bool
    created_at: datetime


class CodeTaken(Problem):
    """You offer a code of this name already. Change that one, or choose another name."""

    status, slug = 409, "promo-code-taken"


class UsedMoreOften(Problem):
    """The code has been used more often than that already. Take it back, or choose a higher limit."""

    status, slug = 409, "promo-used-more-often"


_COLUMNS = """
    id, code, funded_by, organizer_id, event_id, tier_ids, percent, amount, max_discount, minimum_spend, starts_at,
    ends_at, max_uses, max_uses_per_user, uses, late_uses, applies_to, budget, spent, waives_fee, organizer_ids,
    is_active, created_at
"""
_INSERT = text(f"""
    INSERT INTO promos (code, organizer_id, event_id, tier_ids, percent, amount, max_discount, minimum_spend,
        starts_at, ends_at, max_uses, max_uses_per_user, applies_to, budget, waives_fee, organizer_ids, created_by)
    VALUES (:code, :organizer_id, :event_id, CAST(:tier_ids AS uuid[]), :percent, :amount, :max_discount,
        :minimum_spend, :starts_at, :ends_at, :max_uses, :max_uses_per_user, :applies_to, :budget, :waives_fee,
        CAST(:organizer_ids AS uuid[]), :created_by)
    RETURNING {_COLUMNS}
""")
_UPDATE = text(f"""
    UPDATE promos
    SET tier_ids = CAST(:tier_ids AS uuid[]), percent = :percent, amount = :amount, max_discount = :max_discount,
        minimum_spend = :minimum_spend, starts_at = :starts_at, ends_at = :ends_at, max_uses = :max_uses,
        max_uses_per_user = :max_uses_per_user, applies_to = :applies_to, budget = :budget, waives_fee = :waives_fee,
        organizer_ids = CAST(:organizer_ids AS uuid[]), is_active = :is_active, updated_at = now()
    WHERE id = :id
    RETURNING {_COLUMNS}
""")
_VISIBLE = "(:is_admin OR organizer_id = CAST(:organizer_id AS uuid))"
_WANTED = f"""
    {_VISIBLE} AND (CAST(:event_id AS uuid) IS NULL OR event_id = CAST(:event_id AS uuid))
    AND (CAST(:funded_by AS text) IS NULL OR funded_by = :funded_by)
"""
_READ = text(f"SELECT {_COLUMNS} FROM promos WHERE id = :id AND {_VISIBLE}")
_LOCK = text(f"SELECT {_COLUMNS} FROM promos WHERE id = :id AND {_VISIBLE} FOR NO KEY UPDATE")
_LIST = text(f"""
    SELECT {_COLUMNS} FROM promos WHERE {_WANTED} ORDER BY created_at DESC, id LIMIT :page_size OFFSET :offset
""")
_COUNT = text(f"SELECT count(*) FROM promos WHERE {_WANTED}")
_COUNT_TIERS = text("SELECT count(*) FROM ticket_tiers WHERE event_id = :event_id AND id = ANY(:tier_ids)")
_REFUSALS: dict[str, type[Problem]] = {
    "promos_code": CodeTaken,
    "promo_not_exhausted": UsedMoreOften,
    "promo_within_budget": UsedMoreOften,
}
PLATFORM_MAX_DISCOUNT = 500_000
PLATFORM_BUDGET = 25_000_000
"""The defaults, in rupiah, for codes funded by the platform."""


def create(tx: Transaction, caller: Principal, new: NewPromo) -> PromoResponse:
    """Create a code, valid from now or from its start.

    Raises NotFound, Forbidden, Invalid, EventCancelled, CodeTaken, and FreshProofRequired for a code of the platform.
    """
    organizer_id = _issuer(tx, caller, new)
    terms = _with_ceilings(new, new.funded_by)
    _validate(terms)
    _check_tiers(tx, new.event_id, new.tier_ids)
    values = {**terms.model_dump(exclude={"funded_by"}), "organizer_id": organizer_id, "created_by": caller.id}
    created = _write(tx, _INSERT, values)
    audit.record(tx, "promo.created", subject="promo", subject_id=created.id, actor_id=caller.id)
    return created


def change(tx: Transaction, caller: Principal, promo_id: UUID, wanted: PromoChange) -> PromoResponse:
    """Change a code's terms, or deactivate it.

    Raises NotFound, Invalid, UsedMoreOften, and FreshProofRequired for a code of the platform.
    """
    stored = tx.execute(_LOCK, {"id": promo_id, **_visibility(caller)}).mappings().first()
    if stored is None:
        raise NotFound
    if stored["funded_by"] == "platform":
        principals.require_fresh_proof(caller)
    given = wanted.model_dump(exclude_unset=True)
    terms = PromoTerms.model_construct(**{name: given.get(name, stored[name]) for name in PromoTerms.model_fields})
    terms = _with_ceilings(terms, stored["funded_by"])
    _validate(terms)
    if "tier_ids" in given:  # a tier that was named before may be deleted since
        _check_tiers(tx, stored["event_id"], terms.tier_ids)
    is_active = given.get("is_active", stored["is_active"])
    changed = _write(tx, _UPDATE, {**terms.model_dump(), "is_active": is_active, "id": promo_id})
    audit.record(tx, "promo.changed", subject="promo", subject_id=promo_id, actor_id=caller.id, changed=sorted(given))
    return changed


def read(tx: Transaction, caller: Principal, promo_id: UUID) -> PromoResponse:
    """One of the caller's codes. Raises NotFound for those of others."""
    row = tx.execute(_READ, {"id": promo_id, **_visibility(caller)}).mappings().first()
    if row is None or not authorization.check_access(
        tx, caller, subject="promo", subject_id=promo_id, organizer_id=row["organizer_id"]
    ):
        raise NotFound
    return PromoResponse(**row)


def list_page(tx: Transaction, caller: Principal, wanted: PromoSearch) -> Listing[PromoResponse]:
    """The caller's codes, newest first; all codes for an admin."""
    authorization.record_list_access(tx, caller, subject="promo")
    which = {"event_id": wanted.event_id, "funded_by": wanted.funded_by, **_visibility(caller)}
    rows = tx.execute(_LIST, {**which, "page_size": wanted.page_size, "offset": wanted.offset}).mappings()
    return Listing[PromoResponse].of(
        wanted, [PromoResponse(**row) for row in rows], tx.execute(_COUNT, which).scalar_one()
    )


def _issuer(tx: Transaction, caller: Principal, new: NewPromo) -> UUID | None:
    """The organizer who funds the code: that of its event or the caller; None for the platform."""
    organizer_id = editing.lock_changeable(tx, caller, new.event_id).organizer_id if new.event_id else None
    if new.funded_by == "platform":
        if caller.role != "admin":
            raise Forbidden("Only the platform can offer codes that it pays for.")
        principals.require_fresh_proof(caller)
        return None
    if organizer_id is None and caller.role == "admin":
        raise Invalid.field("event_id", "must say at whose event, where the platform does not pay")
    return organizer_id or caller.organizer_id


def _with_ceilings(terms: PromoTerms, funded_by: str) -> PromoTerms:
    """The terms with default ceilings where the platform funds the code. Raises Invalid."""
    if funded_by != "platform":
        if terms.organizer_ids:
            raise Invalid.field("organizer_ids", "are for codes that the platform pays for")
        return terms
    largest = PLATFORM_MAX_DISCOUNT if terms.percent else None
    ceilings = {"budget": terms.budget or PLATFORM_BUDGET, "max_discount": terms.max_discount or largest}
    return terms.model_copy(update=ceilings)


def _validate(terms: PromoTerms) -> None:
    if (terms.percent is None) == (terms.amount is None):
        raise Invalid.field("percent", "give either percent or amount")
    if terms.max_discount is not None and terms.percent is None:
        raise Invalid.field("max_discount", "is for percentages only")
    if terms.starts_at and terms.ends_at and terms.ends_at <= terms.starts_at:
        raise Invalid.field("ends_at", "must be after starts_at")


def _check_tiers(tx: Transaction, event_id: UUID | None, tier_ids: Sequence[UUID] | None) -> None:
    if tier_ids is None:
        return
    if event_id is None:
        raise Invalid.field("tier_ids", "need the event_id that they belong to")
    wanted = list(set(tier_ids))
    if tx.execute(_COUNT_TIERS, {"event_id": event_id, "tier_ids": wanted}).scalar_one() != len(wanted):
        raise Invalid.field("tier_ids", "must be tiers of the event")


def _write(tx: Transaction, statement: Any, values: dict[str, Any]) -> PromoResponse:
    try:
        return PromoResponse(**tx.execute(statement, values).mappings().one())
    except DBAPIError as error:
        refusal = _REFUSALS.get(violated_constraint(error) or "")
        if refusal is None:
            raise
        raise refusal from error


def _visibility(caller: Principal) -> dict[str, Any]:
    return {"is_admin": caller.role == "admin", "organizer_id": caller.organizer_id}
