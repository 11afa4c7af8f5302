"""An app: the routes of one function, with typed handlers, and its entry point.

    app = App("reserve")

    @app.post("/orders/reserve", status=201, idempotent=True)
    def reserve(request: Request, buyer: Buyer, tx: Transaction) -> OrderResponse: ...

    main = app.entry_point()

The handler's parameters say what it needs: a `RequestModel` or `Query` model, a path variable, a guard
(`Buyer`, `Organizer`, ...), an `Upload`, an open `Transaction` that is committed when the handler returns (what a
GET reads in it is all of the same moment), or the `RawRequest`. Everything else around a request happens here, the
same for all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Request, Response
from flask import request as current_request
from pydantic import ValidationError
from sqlalchemy import text
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WrongMethod
from werkzeug.routing import Map, RequestRedirect

from shared.cloud import logs, shutdown, tracing
from shared.cloud.database import snapshot, transaction
from shared.cloud.settings import settings
from shared.identity.principals import FreshProofRequired
from shared.identity.tokens import Principal
from shared.problems import Malformed, MethodNotAllowed, NotFound, NotSignedIn, Problem
from shared.web import (
    body_deadlines,
    cookie_mode,
    cors,
    csrf,
    deliveries,
    headers,
    idempotency,
    page_sessions,
    pages,
    rate_limits,
    rendering,
    requests,
    wording,
)
from shared.web.constant_time import pad_to
from shared.web.deliveries import Delivery
from shared.web.pages import ErrorPage
from shared.web.routes import Parameter, Route, RouteKind, Source, route

API = "/api/v1"

H = TypeVar("H", bound=Callable[..., Any])

log = logging.getLogger("karcis.access")


class App:
    """The routes of one function. `name` is its name in functions/manifest.yaml.

    An app with pages renders problems by `error_page` instead of as problem documents.
    """

    def __init__(self, name: str, *, error_page: ErrorPage | None = None) -> None:
        self.name = name
        self.routes: list[Route] = []
        self._error_page = error_page

    def get(self, path: str, **options: Any) -> Callable[[H], H]:
        """Declare a GET under /api/v1."""
        return self._http("GET", path, options)

    def post(self, path: str, **options: Any) -> Callable[[H], H]:
        """Declare a POST under /api/v1. Options: those of `routes.route`, as `status` and `anybody`."""
        return self._http("POST", path, options)

    def put(self, path: str, **options: Any) -> Callable[[H], H]:
        """Declare a PUT under /api/v1."""
        return self._http("PUT", path, options)

    def delete(self, path: str, **options: Any) -> Callable[[H], H]:
        """Declare a DELETE under /api/v1."""
        return self._http("DELETE", path, options)

    def page(self, path: str, **options: Any) -> Callable[[H], H]:
        """Declare a page for people's browsers, at this very address."""
        return self._page("GET", path, options)

    def form(self, path: str, **options: Any) -> Callable[[H], H]:
        """Declare the handler of a page's form."""
        return self._page("POST", path, options)

    def include(self, *groups: App) -> None:
        """Serve the routes of other apps too: for a function whose pages are declared in several modules."""
        for group in groups:
            self.routes.extend(group.routes)

    def message(self, topic: str) -> Callable[[H], H]:
        """Consume a Pub/Sub topic: returning acknowledges a message, raising has it delivered again."""
        return self._internal("message", f"/messages/{topic}")

    def task(self, name: str) -> Callable[[H], H]:
        """Declare the handler of Cloud Tasks of this name: returning completes a task, raising retries it."""
        return self._internal("task", f"/tasks/{name}")

    def job(self, name: str) -> Callable[[H], H]:
        """Run when Cloud Scheduler fires the job of this name in the manifest."""
        return self._internal("job", f"/jobs/{name}")

    def entry_point(self) -> Callable[[Request], Response]:
        """The plain function that functions-framework serves, named after this app."""
        import functions_framework

        self._require_one_side()
        table = Map([declared.rule() for declared in self.routes], strict_slashes=False)

        def serve(request: Request) -> Response:
            with _body_deadline(request):
                return self._serve(table, request)

        serve.__name__ = serve.__qualname__ = self.name
        functions_framework.http(serve)
        functions_framework.errorhandler(404)(_not_routed)
        if settings().k_service:  # a local run does it once, for all its functions
            logs.configure()
        shutdown.register()
        return serve

    def _require_one_side(self) -> None:
        """Raise TypeError for an app that both people and our own services call: no token could be trusted there."""
        if len({each.kind in ("http", "page") for each in self.routes}) > 1:
            raise TypeError(f"{self.name} is called by people and by our own services: make it two functions")

    def _http(self, method: str, path: str, options: dict[str, Any]) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            self.routes.append(route("http", method, API + path, handler, **options))
            return handler

        return declare

    def _page(self, method: str, path: str, options: dict[str, Any]) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            self.routes.append(route("page", method, path, handler, **options))
            return handler

        return declare

    def _internal(self, kind: Any, path: str) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            self.routes.append(route(kind, "POST", path, handler, status=204))
            return handler

        return declare

    def _serve(self, table: Map, request: Request) -> Response:
        if request.path in _HEALTH:
            response = _HEALTH[request.path]()
            headers.add_security_headers(response)
            return response
        begun = time.perf_counter()
        correlation = logs.begin_request(request.headers.get("X-Request-Id"), _carrier(request))
        matched: Route | None = None
        try:
            if request.method == "OPTIONS":
                response = cors.preflight(_methods(table, request))
            else:
                matched, variables = _match(table, request)
                response = self._respond(matched, variables, request)
        except Exception as error:  # noqa: BLE001 - the edge is where every error becomes a document
            response = self._problem_response(rendering.problem_of(error), correlation, request)
            cookie_mode.clear_ended_session(request, error, response)
        response.headers["X-Request-Id"] = correlation
        headers.add_security_headers(response)
        cors.add_headers(request, response)
        rate_limits.add_headers(request, response)
        tracing.flush()
        log.info(
            "request",
            extra={
                "method": request.method,
                "route": matched.path if matched else None,
                "kind": matched.kind if matched else None,
                "status": response.status_code,
                "problem": logs.problem(),
                "milliseconds": round((time.perf_counter() - begun) * 1000, 1),
            },
        )
        return response

    def _problem_response(self, error: Problem, correlation: str, request: Request) -> Response:
        if self._error_page is None:
            return rendering.problem(error, correlation, wording.requested_language(request))
        refused = pages.read_refused(request) if isinstance(error, FreshProofRequired) else pages.read_briefly(request)
        return pages.error(self._error_page(error, correlation, refused), error, request)

    def _respond(self, matched: Route, variables: dict[str, str], request: Request) -> Response:
        if matched.kind not in ("http", "page"):
            deliveries.verify_caller(request, self.name)
        delivery = deliveries.parse_push(requests.raw_body(request)) if matched.kind == "message" else None
        if delivery:  # the trace continues where it was published, not where Pub/Sub delivers it
            logs.begin_request(delivery.attributes.get("correlation_id"), delivery.attributes)
        with tracing.span(f"{request.method} {matched.path}", _SPAN_KINDS[matched.kind], {"http.route": matched.path}):
            return self._handle(matched, variables, request, delivery)

    def _handle(
        self, matched: Route, variables: dict[str, str], request: Request, delivery: Delivery | None
    ) -> Response:
        if matched.kind == "page" and (matched.access or matched.method == "POST"):
            page_sessions.begin(request, from_elsewhere=matched.from_elsewhere)
        caller = _caller(matched, request)
        if matched.gives_tokens:
            cookie_mode.apply_header(request)
        rate_limits.check_body(matched.limit, request, caller)
        values = _arguments(_Call(matched, variables, request, caller, delivery))
        key = request.headers.get("Idempotency-Key")
        if matched.idempotent and key is not None and caller is not None:
            fingerprint = b"\n".join([request.method.encode(), request.path.encode(), requests.raw_body(request)])
            return idempotency.run_once(
                caller.id,
                key,
                fingerprint,
                lambda: _response_to_keep(matched, values, wording.requested_language(request)),
            )
        try:
            result = _call_handler(matched, values)
        except (NotSignedIn, Malformed):
            rate_limits.check_unsigned(matched.limit, request)
            raise
        if matched.kind == "page":
            return pages.respond(result, request)
        response = rendering.response(cookie_mode.response_body(request, result), matched.status)
        cookie_mode.set_cookies(request, result, response, ends_session=matched.ends_session)
        if not response.is_streamed:  # a file would be read for its length
            response.make_conditional(request)  # 304 where the caller has it already
        return response


_SPAN_KINDS: dict[RouteKind, tracing.SpanKind] = {
    "http": "server",
    "page": "server",
    "message": "consumer",
    "task": "consumer",
    "job": "internal",
}


def _carrier(request: Request) -> dict[str, str]:
    """The caller's place in a trace, as W3C and as Google's front end write it."""
    return {name: request.headers.get(name, "") for name in ("traceparent", "x-cloud-trace-context")}


@dataclass(frozen=True)
class _Call:
    """A request on its way to its handler."""

    route: Route
    variables: dict[str, str]
    request: Request
    caller: Principal | None
    delivery: Delivery | None
    """The payload of a Pub/Sub message, or of a task."""


def _match(table: Map, request: Request) -> tuple[Route, dict[str, str]]:
    adapter = table.bind("", path_info=request.path, default_method=request.method)
    try:
        endpoint, variables = adapter.match()
    except WrongMethod as error:
        raise MethodNotAllowed(allowed=sorted(error.valid_methods or [])) from error
    except (RequestRedirect, HTTPException) as error:
        raise NotFound from error
    if variables:  # /refunds/request is an address of its own, not a refund named so
        exact = [rule for rule in table.iter_rules() if rule.rule == request.path]
        if exact:
            raise MethodNotAllowed(allowed=sorted(set().union(*(rule.methods or () for rule in exact))))
    return endpoint, dict(variables)


def _caller(matched: Route, request: Request) -> Principal | None:
    """The caller, read from the headers and counted against their rate limit even if refused, then read anew."""
    if csrf.reads_body(request):
        rate_limits.check(matched.limit, request, None)
    try:
        caller = matched.access.admit(request) if matched.access else None
    except Problem:
        rate_limits.check(matched.limit, request, None)
        raise
    rate_limits.check(matched.limit, request, caller)
    return matched.access.confirm(caller) if matched.access and caller else caller


def _methods(table: Map, request: Request) -> set[str]:
    """The methods that people may use at a path. Raises NotFound, also where only our own services call."""
    adapter = table.bind("", path_info=request.path)
    methods = set(adapter.allowed_methods()) if request.path.startswith(f"{API}/") else set()
    if not methods:
        raise NotFound
    return methods


def _arguments(call: _Call) -> dict[str, Any]:
    """The handler's arguments, but for the transaction, which is opened last of all."""
    return {
        parameter.name: _RESOLVERS[parameter.source](call, parameter)
        for parameter in call.route.parameters
        if parameter.source != "transaction"
    }


def _path_variable(call: _Call, parameter: Parameter) -> Any:
    try:
        return parameter.parse_path(call.variables[parameter.name])
    except ValidationError as error:
        raise NotFound from error


def _body(call: _Call, parameter: Parameter) -> Any:
    if call.delivery is None:
        return requests.json_body(call.request, parameter.annotation)
    return parameter.annotation.model_validate_json(call.delivery.payload)


def _attempt(call: _Call, _: Parameter) -> int:
    if call.delivery:
        return call.delivery.attempt
    return deliveries.task_attempt(call.request.headers)


def _raw(call: _Call, parameter: Parameter) -> requests.RawRequest:
    headers = {name.lower(): value for name, value in call.request.headers.items()}
    body = requests.raw_body(call.request, parameter.raw_max_bytes)
    return requests.RawRequest(headers, body, requests.client_address(call.request))


def _page_request(call: _Call, _: Parameter) -> pages.PageRequest:
    """The request of a page; if it uploads a file, only what its headers tell."""
    takes_file = any(parameter.source == "upload" for parameter in call.route.parameters)
    return pages.read_briefly(call.request) if takes_file else pages.read(call.request)


_RESOLVERS: dict[Source, Callable[[_Call, Parameter], Any]] = {
    "path": _path_variable,
    "query": lambda call, parameter: requests.query(call.request, parameter.annotation),
    "body": _body,
    "guard": lambda call, _: call.caller,
    "key": lambda call, _: call.request.headers.get("Idempotency-Key"),
    "attempt": _attempt,
    "raw": _raw,
    "client": lambda call, _: cookie_mode.client_of(call.request),
    "page": _page_request,
    "refresh": lambda call, _: cookie_mode.refresh_request(call.request),
    "upload": lambda call, parameter: requests.upload(call.request, parameter.name, parameter.max_bytes),
}


def _response_to_keep(matched: Route, values: dict[str, Any], language: wording.Language) -> Response:
    """The response to keep under an Idempotency-Key: a refusal is one too."""
    try:
        return rendering.response(_call_handler(matched, values), matched.status)
    except Problem as error:
        return rendering.problem(rendering.problem_of(error), logs.correlation_id(), language)


def _call_handler(matched: Route, values: dict[str, Any]) -> Any:
    if not matched.min_ms:
        return _call_in_transaction(matched, values)
    with pad_to(matched.min_ms):
        return _call_in_transaction(matched, values)


def _call_in_transaction(matched: Route, values: dict[str, Any]) -> Any:
    wants = next((p.name for p in matched.parameters if p.source == "transaction"), None)
    if wants is None:
        return matched.handler(**values)
    with snapshot() if matched.method == "GET" else transaction() as tx:
        return matched.handler(**values, **{wants: tx})


def _live() -> Response:
    return Response("ok\n", content_type="text/plain")


def _ready() -> Response:
    try:
        with transaction() as tx:
            tx.execute(text("SELECT 1"))
    except Exception as error:  # noqa: BLE001 - whatever keeps us from the database, we are not ready
        return rendering.problem(rendering.problem_of(error), logs.begin_request())
    return Response("ok\n", content_type="text/plain")


def _not_routed(_: Exception) -> Response:
    """The response to what functions-framework doesn't route to us: robots.txt, and addresses with a line break."""
    correlation = logs.begin_request()
    with _body_deadline(current_request):
        response = rendering.problem(NotFound(), correlation)
    response.headers["X-Request-Id"] = correlation
    headers.add_security_headers(response)
    return response


@contextmanager
def _body_deadline(request: Request) -> Iterator[None]:
    """Set a deadline for the body, and leave functions-framework nothing of it to read."""
    body_deadlines.set_deadline(request, requests.client_address(request))
    yield
    requests.drain(request)


_HEALTH = {"/health/live": _live, "/health/ready": _ready, "/healthz": _live, "/readyz": _ready}
"""The paths of liveness and readiness, which are not logged. Google's front end reserves paths that end in z."""
