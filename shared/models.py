"""The base of every request and answer: strict in, plain out. Times are aware UTC, money is whole rupiah."""

from datetime import UTC, datetime
from typing import Annotated, Generic, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")

MAX_RUPIAH = 1_000_000_000
"""The largest single price, also what the gateways take at most (Xendit: 1,000,000,000)."""

Rupiah = Annotated[int, Field(ge=0, le=MAX_RUPIAH)]
Utc = Annotated[AwareDatetime, AfterValidator(lambda moment: _in_reach(moment).astimezone(UTC))]
"""A moment with its offset, turned to UTC."""


def _in_reach(moment: datetime) -> datetime:
    if not 2000 <= moment.year <= 2200:
        raise ValueError("must lie between the years 2000 and 2200")
    return moment


def line(most: int, least: int = 1) -> StringConstraints:
    """A single line of text of `least` to `most` characters, trimmed, without control characters."""
    return StringConstraints(strip_whitespace=True, min_length=least, max_length=most, pattern=r"^[^\x00-\x1f\x7f]*$")


class Body(BaseModel):
    """What a caller sends. Unknown fields are refused, and nothing is converted by guessing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Task(BaseModel):
    """What one of our functions tells another, by Pub/Sub or Cloud Tasks. Unknown fields are a newer version's."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Query(BaseModel):
    """The query string of a GET: strings become the declared types, unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What we send back."""

    model_config = ConfigDict(frozen=True)


class Page(Query):
    """Which part of a list is wanted."""

    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 20

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.page - 1) * self.page_size


class Listing(Answer, Generic[T]):
    """One page of a list and how many there are in all."""

    items: list[T]
    page: int
    page_size: int
    total: int

    @classmethod
    def of(cls, page: Page, items: list[T], total: int) -> Self:
        """The part of a list that `page` asked for."""
        return cls(items=items, page=page.page, page_size=page.page_size, total=total)
