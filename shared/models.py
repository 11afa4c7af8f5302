"""The bases of all models: requests, which are strict, messages, queries and responses; pages of lists; downloads."""

from dataclasses import dataclass
from typing import IO, Annotated, Any, Generic, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

T = TypeVar("T")


class RequestModel(BaseModel):
    """A request. Unknown fields are refused, and nothing is converted by guessing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Payload(BaseModel):
    """A message or task from one of our functions to another. Unknown fields come from a newer version."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Query(BaseModel):
    """The query string of a GET: strings become the declared types, unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def without_empty_fields(given: dict[str, Any]) -> dict[str, Any]:
    """A query string as an HTML form writes it, without the fields that were left blank: a model's validator before."""
    return {name: value for name, value in given.items() if value != ""}


class ResponseModel(BaseModel):
    """A response."""

    model_config = ConfigDict(frozen=True)


class PageQuery(Query):
    """A page of a list."""

    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 20

    @property
    def offset(self) -> int:
        """The number of rows before this page."""
        return (self.page - 1) * self.page_size


class Listing(ResponseModel, Generic[T]):
    """One page of a list and how many there are in all."""

    items: list[T]
    page: int
    page_size: int
    total: int

    @classmethod
    def of(cls, page: PageQuery, items: list[T], total: int) -> Self:
        """The requested part of a list."""
        return cls(items=items, page=page.page, page_size=page.page_size, total=total)


@dataclass(frozen=True)
class File:
    """A download. An open file is sent from its beginning, bit by bit, and closed; a temporary one is gone then."""

    content: bytes | IO[bytes]
    content_type: str
    filename: str
