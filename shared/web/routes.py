"""Routes: what a function declares, and the parameters that its handlers' signatures ask for."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter

from shared.cloud.database import Transaction
from shared.identity.client_networks import ClientNetwork
from shared.identity.sessions import Tokens
from shared.models import Query
from shared.problems import Problem
from shared.web import rate_limits
from shared.web.auth import Access
from shared.web.caching import Cached
from shared.web.cookie_mode import OrCookie
from shared.web.pages import PageRequest
from shared.web.rate_limiter import Limit
from shared.web.requests import MAX_BODY_BYTES, MaxBytes, RawRequest, Upload
from shared.web.rules import Rule

RouteKind = Literal["http", "page", "message", "task", "job"]
Source = Literal[
    "path", "query", "body", "guard", "transaction", "raw", "upload", "key", "attempt", "refresh", "client", "page"
]

_FOR_PEOPLE = ("http", "page")

_KEY = object()
IdempotencyKey = Annotated[str | None, _KEY]
"""The request's Idempotency-Key, for an operation that keeps it itself."""

_ATTEMPT = object()
DeliveryAttempt = Annotated[int, _ATTEMPT]
"""The number of this delivery of a message or task, from 1: for handlers that give up after some."""

_EXACT: tuple[tuple[Any, Source], ...] = (
    (Transaction, "transaction"),
    (IdempotencyKey, "key"),
    (DeliveryAttempt, "attempt"),
    (RawRequest, "raw"),
    (ClientNetwork, "client"),
    (PageRequest, "page"),
)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a handler and where its value comes from."""

    name: str
    source: Source
    annotation: Any

    def parse_path(self, value: str) -> Any:
        """The value of a path variable in its declared type (raises pydantic's ValidationError)."""
        return TypeAdapter(self.annotation).validate_strings(value)

    @property
    def max_bytes(self) -> MaxBytes:
        """The largest upload that is taken."""
        most = _max_bytes(self.annotation, Upload)
        assert most is not None, self.name  # noqa: S101 - the source "upload" says so
        return most

    @property
    def raw_max_bytes(self) -> int:
        """The largest body of a raw request that is taken."""
        most = _max_bytes(self.annotation, RawRequest)
        return most.size if most else MAX_BODY_BYTES


@dataclass(frozen=True, kw_only=True)
class Route:
    """An address, its handler, and everything that happens around it."""

    kind: RouteKind
    method: str
    path: str
    """As clients write it, with `{name}` for variables."""
    handler: Callable[..., Any]
    status: int
    idempotent: bool
    problems: tuple[type[Problem], ...]
    limit: Limit
    parameters: tuple[Parameter, ...] = field(default=())
    response_type: Any = None
    """The handler's return type, without the `Cached` around it."""
    produces: tuple[str, ...] = ("application/pdf",)
    """The media types of a File response."""
    is_kept: bool = False
    """True if browsers and the CDN may keep the response."""
    ends_session: bool = False
    """True if the caller's session is over after it, so that a browser's cookies go."""
    min_ms: int = 0
    """The least time that its handler takes, see `constant_time`."""
    from_elsewhere: bool = False
    """True if another site's page sends its form."""

    @property
    def response_types(self) -> tuple[Any, ...]:
        """The types that the handler may return: one, or the parts of a union."""
        return get_args(self.response_type) if isinstance(self.response_type, UnionType) else (self.response_type,)

    @property
    def gives_tokens(self) -> bool:
        """True if it begins or continues a session, so that the request may ask for cookies."""
        return self.response_type is Tokens

    @property
    def body(self) -> type[BaseModel] | None:
        """The model of the JSON body, if the handler takes one."""
        bodies = (p.annotation for p in self.parameters if p.source in ("body", "refresh"))
        return next((get_args(each)[0] if get_origin(each) is Annotated else each for each in bodies), None)

    @property
    def takes_refresh_cookie(self) -> bool:
        """True if a cookie may stand in for the body."""
        return any(p.source == "refresh" for p in self.parameters)

    @property
    def query(self) -> type[Query] | None:
        """The model of the query string, if the handler takes one."""
        return next((p.annotation for p in self.parameters if p.source == "query"), None)

    @property
    def upload(self) -> str | None:
        """The field of the multipart body that holds a file, if the handler takes one."""
        return next((p.name for p in self.parameters if p.source == "upload"), None)

    @cached_property
    def access(self) -> Access | None:
        """The callers that may use it; None means anybody, or for our own services' routes those services."""
        return next((_access(p.annotation) for p in self.parameters if p.source == "guard"), None)

    def rule(self) -> Rule:
        """The rule of this address for the matcher."""
        return Rule(self.path.replace("{", "<").replace("}", ">"), methods=[self.method], endpoint=self)


def route(
    kind: RouteKind,
    method: str,
    path: str,
    handler: Callable[..., Any],
    *,
    status: int = 200,
    idempotent: bool = False,
    problems: tuple[type[Problem], ...] = (),
    limit: Limit | None = None,
    anybody: bool = False,
    produces: tuple[str, ...] = ("application/pdf",),
    ends_session: bool = False,
    min_ms: int = 0,
    from_elsewhere: bool = False,
) -> Route:
    """Read a handler's signature into a Route. Raises TypeError for a parameter that has no source.

    A parameter with a default is for the addresses that name it: a handler may serve several.
    `problems` are refusals to document; `limit` replaces the usual rate limit; after `ends_session` the session is
    over; `min_ms` is for a duration that must not reveal anything; `from_elsewhere` is for a form on another site's
    page. A route for people says who may call, by a guard or else by `anybody`: raises TypeError for neither and both.
    """
    hints = get_type_hints(handler, include_extras=True)
    returned = hints.pop("return", None)
    is_kept = get_origin(returned) is Cached
    declared = Route(
        kind=kind,
        method=method,
        path=path,
        handler=handler,
        status=status,
        idempotent=idempotent,
        problems=problems,
        limit=limit or _default_limit(kind, method),
        parameters=_parameters(handler, hints, path),
        response_type=get_args(returned)[0] if is_kept else returned,
        produces=produces,
        is_kept=is_kept,
        ends_session=ends_session,
        min_ms=min_ms,
        from_elsewhere=from_elsewhere,
    )
    if kind in _FOR_PEOPLE and anybody == bool(declared.access):
        raise TypeError(f"{method} {path}: say who may call, by one guard or by anybody=True")
    return declared


def _parameters(handler: Callable[..., Any], hints: Mapping[str, Any], path: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(name, _source(name, hints[name], path), hints[name])
        for name, parameter in inspect.signature(handler).parameters.items()
        if parameter.default is inspect.Parameter.empty or f"{{{name}}}" in path
    )


def _default_limit(kind: RouteKind, method: str) -> Limit:
    return rate_limits.default_limit(method) if kind in _FOR_PEOPLE else rate_limits.UNLIMITED


def _source(name: str, annotation: Any, path: str) -> Source:
    if f"{{{name}}}" in path:
        return "path"
    if _access(annotation):
        return "guard"
    exact = next((source for known, source in _EXACT if annotation == known), None)
    if exact:
        return exact
    if _is_marked(annotation, OrCookie):
        return "refresh"
    if _max_bytes(annotation, Upload):
        return "upload"
    if _max_bytes(annotation, RawRequest):
        return "raw"
    if inspect.isclass(annotation) and issubclass(annotation, Query):
        return "query"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "body"
    raise TypeError(f"nothing at the edge can fill the parameter {name}: {annotation!r}")


def _access(annotation: Any) -> Access | None:
    if get_origin(annotation) is not Annotated:
        return None
    return next((extra for extra in get_args(annotation) if isinstance(extra, Access)), None)


def _is_marked(annotation: Any, mark: type) -> bool:
    return get_origin(annotation) is Annotated and any(isinstance(extra, mark) for extra in get_args(annotation))


def _max_bytes(annotation: Any, kind: type) -> MaxBytes | None:
    if get_origin(annotation) is not Annotated or get_args(annotation)[0] is not kind:
        return None
    return next((extra for extra in get_args(annotation) if isinstance(extra, MaxBytes)), None)
