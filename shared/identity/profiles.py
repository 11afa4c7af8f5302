"""Profiles: a person reads and changes their own (UM-007, DP-005)."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import field_validator
from sqlalchemy import RowMapping, text

from shared.cloud import audit, media
from shared.cloud.database import Transaction
from shared.field_types import Utc, plain_line
from shared.identity import principals
from shared.identity.accounts import Phone
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import NotSignedIn
from shared.states import SaleNotices


class ProfileResponse(ResponseModel):
    """An account with everything that its owner may see and change."""

    id: UUID
    email: str
    full_name: str
    legal_name: str | None
    """The name on your bank account, where it differs from `full_name`."""
    phone: str | None
    role: str
    language: str
    is_email_verified: bool
    marketing_opt_in: bool
    sale_notices: SaleNotices
    """How an organizer is told of sales: the first of an event at once, all in a daily digest, or not at all."""
    has_password: bool
    is_linked_to_google: bool
    photo_url: str | None
    created_at: Utc


class ProfileChange(RequestModel):
    """The changes of a profile. A field that is left out stays as it is; null clears `phone` and `legal_name`.

    `legal_name` requires a fresh proof. Once a bank account is set, a new one counts only after our review.
    """

    full_name: Annotated[str, plain_line(255)] | None = None
    legal_name: Annotated[str, plain_line(255)] | None = None
    phone: Phone | None = None
    language: Literal["id", "en"] | None = None
    marketing_opt_in: bool | None = None
    sale_notices: SaleNotices | None = None

    @field_validator("full_name", "language", "marketing_opt_in", "sale_notices")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("may not be null; leave it out to keep it as it is")
        return value


_COLUMNS = """
    id, email, full_name, legal_name, phone, role, language, is_email_verified, marketing_opt_in, sale_notices,
    password_hash IS NOT NULL AS has_password, oauth_id IS NOT NULL AS is_linked_to_google, photo_object,
    created_at
"""
_READ = text(f"SELECT {_COLUMNS} FROM users WHERE id = :id AND NOT is_deleted")
_CHANGE = text(f"""
    UPDATE users
    SET full_name = COALESCE(:full_name, full_name), language = COALESCE(:language, language),
        phone = CASE WHEN :changes_phone THEN :phone ELSE phone END,
        legal_name = CASE WHEN :changes_legal_name THEN :legal_name ELSE legal_name END,
        marketing_changed_at = CASE WHEN marketing_opt_in = COALESCE(:marketing_opt_in, marketing_opt_in)
            THEN marketing_changed_at ELSE now() END,
        marketing_opt_in = COALESCE(:marketing_opt_in, marketing_opt_in),
        sale_notices = COALESCE(:sale_notices, sale_notices),
        updated_at = now()
    WHERE id = :id AND NOT is_deleted
    RETURNING {_COLUMNS}
""")


def read(tx: Transaction, user_id: UUID) -> ProfileResponse:
    """The profile. Raises NotSignedIn where the account is gone."""
    return _response(tx.execute(_READ, {"id": user_id}).mappings().first())


def change(tx: Transaction, caller: Principal, change: ProfileChange) -> ProfileResponse:
    """Change the given fields. Consent to marketing is stored with the time it was given or withdrawn.

    Raises NotSignedIn where the account is gone, and FreshProofRequired for a legal name.
    """
    given = change.model_fields_set
    if "legal_name" in given:
        principals.require_fresh_proof(principals.refresh(tx, caller))
        audit.record(tx, "user.legal_name_changed", subject="user", subject_id=caller.id, actor_id=caller.id)
    values = {
        **change.model_dump(),
        "changes_phone": "phone" in given,
        "changes_legal_name": "legal_name" in given,
        "id": caller.id,
    }
    return _response(tx.execute(_CHANGE, values).mappings().first())


def _response(row: RowMapping | None) -> ProfileResponse:
    if row is None:
        raise NotSignedIn("This account is gone. Register again.")
    shown = dict(row)
    photo = shown.pop("photo_object")
    return ProfileResponse(**shown, photo_url=media.url(photo) if photo else None)
