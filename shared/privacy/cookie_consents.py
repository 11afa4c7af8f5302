"""The list of cookies, and the choices of visitors (DP-006).

We set only what signing in needs; such cookies need no consent, but they are told. The choice is kept with the
version of the list and its time, so that a new kind of cookie asks everybody anew.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.field_types import Trimmed
from shared.models import RequestModel, ResponseModel
from shared.problems import Problem

VERSION = "4"
"""The version of the list below: raised whenever a cookie or a category comes or goes."""
NECESSARY = "necessary"
Category = Literal["necessary"]


class Cookie(ResponseModel):
    """One cookie. `life_seconds` counts from when it is set."""

    name: str
    category: Category
    purpose: str
    life_seconds: int


class CookieList(ResponseModel):
    """All cookies we set, and the version to consent to."""

    version: str
    cookies: list[Cookie]


class CookieChoice(RequestModel):
    """The categories a visitor accepts, of the list they were shown."""

    version: Annotated[str, Field(min_length=1, max_length=20), Trimmed]
    categories: Annotated[
        list[Category], Field(max_length=10), AfterValidator(lambda given: sorted({NECESSARY, *given}))
    ]


class CookieConsent(ResponseModel):
    """The choice as it is kept; `id` is the visitor's proof of it."""

    id: UUID
    version: str
    categories: list[str]
    chosen_at: datetime


class ListChanged(Problem):
    """The list of cookies has changed. Show the new one and ask again."""

    status, slug = 409, "cookie-list-changed"


COOKIES = CookieList(
    version=VERSION,
    cookies=[
        Cookie(
            name="__Host-access",
            category=NECESSARY,
            purpose="Shows that you are signed in. Read by our server only.",
            life_seconds=900,
        ),
        Cookie(
            name="__Host-refresh",
            category=NECESSARY,
            purpose="Keeps you signed in for a week. Read by our server only.",
            life_seconds=604_800,
        ),
        Cookie(
            name="__Host-google",
            category=NECESSARY,
            purpose="Shows that this browser began to sign in with Google. Read by our server only.",
            life_seconds=3600,
        ),
        Cookie(
            name="__Host-device",
            category=NECESSARY,
            purpose="Lets you sign in here although strangers try wrong passwords. Read by our server only.",
            life_seconds=15_552_000,
        ),
        Cookie(
            name="language",
            category=NECESSARY,
            purpose="Remembers the language you chose. Read by our server only.",
            life_seconds=31_536_000,
        ),
    ],
)

_ANONYMISE = text("UPDATE cookie_consents SET user_id = NULL WHERE user_id = :user_id")
_KEEP = text("""
    INSERT INTO cookie_consents (user_id, version, categories) VALUES (:user_id, :version, :categories)
    RETURNING id, version, categories, chosen_at
""")


def choose(tx: Transaction, user_id: UUID | None, choice: CookieChoice) -> CookieConsent:
    """Keep a visitor's choice; `user_id` where they are signed in. Raises ListChanged."""
    if choice.version != VERSION:
        raise ListChanged(version=VERSION)
    values = {"user_id": user_id, "version": choice.version, "categories": list(choice.categories)}
    return CookieConsent(**tx.execute(_KEEP, values).mappings().one())


def anonymise(tx: Transaction, user_id: UUID) -> None:
    """Keep that there were these choices, not whose they were (UM-009)."""
    tx.execute(_ANONYMISE, {"user_id": user_id})
