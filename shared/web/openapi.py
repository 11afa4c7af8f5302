"""The OpenAPI 3.1 description of routes, from the very declarations that serve them (M-002)."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.identity.principals import FreshProofRequired, SecondFactorRequired
from shared.models import File
from shared.problems import (
    ContentTooLarge,
    Forbidden,
    IdempotencyMismatch,
    Invalid,
    Malformed,
    NotSignedIn,
    Problem,
    TryAgain,
    UnsupportedMediaType,
)
from shared.web import cookie_mode, csrf, rate_limits
from shared.web.body_deadlines import RequestTimeout
from shared.web.cookie_mode import CookieSession
from shared.web.idempotency import IdempotencyInProgress
from shared.web.rendering import HtmlPage, PlainText
from shared.web.routes import Parameter, Route

_REF = "#/components/schemas/{model}"

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookieAuth": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-access",
        "description": (
            "For pages of our own origin, which sign in with the header `X-Session: cookie` and are given HttpOnly "
            "cookies in the place of tokens. A call that changes something must come from our origin "
            "(Sec-Fetch-Site, or else Origin), or where the browser says neither carry the session's `csrf_token` "
            "as the header `X-CSRF-Token` or the form field `csrf_token`."
        ),
    },
}

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `detail` says what to do; `instance` is the correlation id.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "/problems/<slug>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(tagged: Mapping[str, Iterable[Route]], *, title: str, version: str, description: str) -> dict[str, Any]:
    """The document of these routes by tag (function). Routes of Google's deliveries are left out."""
    routes = [(tag, route) for tag, declared in tagged.items() for route in declared if route.kind == "http"]
    schemas, definitions = _schemas([route for _, route in routes])
    paths: dict[str, dict[str, Any]] = {}
    for tag, route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(tag, route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**definitions, "Problem": _PROBLEM},
            "securitySchemes": _SCHEMES,
        },
    }


_Schemas = Mapping[Any, Any]


def _schemas(routes: list[Route]) -> tuple[_Schemas, dict[str, Any]]:
    pairs: list[tuple[type[BaseModel], Any]] = []
    for route in routes:
        pairs += [(model, "validation") for model in (route.body, route.query) if model]
        if route.gives_tokens:
            pairs.append((CookieSession, "serialization"))
        pairs += [(response, "serialization") for response in route.response_types if _is_model(response)]
    schemas, definitions = models_json_schema(list(dict.fromkeys(pairs)), ref_template=_REF)
    return schemas, definitions.get("$defs", {})


def _operation(tag: str, route: Route, schemas: _Schemas) -> dict[str, Any]:
    summary, _, rest = (route.handler.__doc__ or "").strip().partition("\n")
    operation: dict[str, Any] = {
        "operationId": f"{tag}_{route.handler.__name__}",
        "tags": [tag],
        "summary": summary,
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
    }
    if rest.strip():
        operation["description"] = " ".join(rest.split())
    if route.body:
        required = not route.takes_refresh_cookie
        operation["requestBody"] = _json(schemas[route.body, "validation"], required=required)
    elif route.upload:
        operation["requestBody"] = _multipart(route.upload)
    elif any(parameter.source == "raw" for parameter in route.parameters):
        operation["requestBody"] = _json({"type": "object"}, required=True)
    if route.access:
        operation["security"] = [{"bearer": []}, {"cookieAuth": []}] + ([{}] if route.access.anonymous else [])
        operation["x-roles"] = sorted(route.access.roles)
    else:
        operation["security"] = []
    return operation


def _json(schema: Any, **more: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}, **more}


def _multipart(field: str) -> dict[str, Any]:
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    schema = {"type": "object", "required": [field], "properties": {field: file}, "additionalProperties": False}
    return {"content": {"multipart/form-data": {"schema": schema}}, "required": True}


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = [_path_parameter(parameter) for parameter in route.parameters if parameter.source == "path"]
    if route.query:
        schema = route.query.model_json_schema(ref_template=_REF)
        needed = schema.get("required", [])
        for name, field in schema["properties"].items():
            found.append({"name": name, "in": "query", "required": name in needed, "schema": field})
    if route.gives_tokens:
        schema = {"type": "string", "enum": list(get_args(cookie_mode.Mode)), "default": "token"}
        found.append({"name": cookie_mode.HEADER, "in": "header", "required": False, "schema": schema})
    if route.idempotent:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$"},
            }
        )
    return found


def _path_parameter(parameter: Parameter) -> dict[str, Any]:
    format_ = {"format": "uuid"} if getattr(parameter.annotation, "__name__", "") == "UUID" else {}
    return {"name": parameter.name, "in": "path", "required": True, "schema": {"type": "string", **format_}}


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {str(route.status): _success(route, schemas)}
    if route.is_kept:
        responses["304"] = {"description": "Not changed since the answer whose ETag is sent as If-None-Match."}
    by_status: dict[int, list[type[Problem]]] = {}
    for problem in problems_of(route):
        by_status.setdefault(problem.status, []).append(problem)
    for status, problems in sorted(by_status.items()):
        responses[str(status)] = {
            "description": " ".join(f"`{each.slug}`: {' '.join((each.__doc__ or '').split())}" for each in problems),
            "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
    return responses


def _success(route: Route, schemas: _Schemas) -> dict[str, Any]:
    if route.gives_tokens:
        either = [schemas[model, "serialization"] for model in (route.response_type, CookieSession)]
        return _json({"anyOf": either}, description="Done. In cookie mode the tokens come as cookies.")
    models = [response for response in route.response_types if _is_model(response)]
    file = {each: {"schema": {} if each == "application/json" else {"type": "string"}} for each in route.produces}
    if models:
        response = _json(schemas[models[0], "serialization"], description="Done.")
        response["content"] |= file if File in route.response_types else {}
        return response
    if route.response_type is File:
        return {"description": "The file.", "content": file}
    if route.response_type is HtmlPage:
        return {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}
    if route.response_type is PlainText:
        return {"description": "A text.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"description": "Done; there is nothing to say."}


def problems_of(route: Route) -> list[type[Problem]]:
    """The problems that a route declares, and those of its guards, its body and its rate limit."""
    found: list[type[Problem]] = list(route.problems)
    if route.access:
        found += [NotSignedIn, Forbidden]
        found += [FreshProofRequired] if route.access.needs_fresh_proof or route.access.needs_step_up else []
        found += [SecondFactorRequired] if route.access.is_for_admins_only else []
    if (
        route.gives_tokens
        or route.takes_refresh_cookie
        or (route.access and (route.method != "GET" or route.access.records))
    ):
        found.append(csrf.CsrfRefused)
    if route.gives_tokens:
        found.append(Invalid)
    if route.body:
        found += [Malformed, RequestTimeout, ContentTooLarge, UnsupportedMediaType, Invalid]
    if route.upload:
        found += [RequestTimeout, ContentTooLarge, UnsupportedMediaType, Invalid]
    if any(parameter.source == "raw" for parameter in route.parameters):
        found.append(RequestTimeout)
    if route.query:
        found += [Malformed, Invalid]
    if route.idempotent:
        found += [IdempotencyInProgress, IdempotencyMismatch, Invalid]
    if route.limit is not rate_limits.UNLIMITED:
        found.append(rate_limits.TooManyRequests)
    found.append(TryAgain)
    return list(dict.fromkeys(found))


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel) and not get_args(annotation)
