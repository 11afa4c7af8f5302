"""Functions that do more and more of a reserve, with nothing of our web layer around them."""

import os

from flask import Request, Response
from pydantic import BaseModel, ValidationError

from shared.cloud import secrets
from shared.identity import tokens
from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.sales import reservations
from shared.sales.reservation_requests import ReservationBody, ReservationRequest
from tests.benchmarks.layered import UNASKED

secrets.provide({tokens.KEY: os.environ["JWT_SIGNING_KEY"]})


def validated(request: Request) -> Response:
    """Check the body, and answer with it."""
    body = _body(request)
    return _response(body) if body else Response(status=UNASKED)


def authenticated(request: Request) -> Response:
    """Check the token too."""
    return validated(request) if _caller(request) else Response(status=UNASKED)


def reserved(request: Request) -> Response:
    """Hold the tickets too, in a batch with others."""
    caller, body = _caller(request), _body(request)
    if caller is None or body is None:
        return Response(status=UNASKED)
    outcome = reservations._reserve_together(ReservationRequest(caller.id, body))
    return Response(status=outcome.status) if isinstance(outcome, Problem) else _response(outcome)


def _body(request: Request) -> ReservationBody | None:
    try:
        return ReservationBody.model_validate_json(request.get_data())
    except ValidationError:
        return None


def _caller(request: Request) -> Principal | None:
    return tokens.principal_of(request.headers.get("Authorization", "").removeprefix("Bearer "))


def _response(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), status=201, content_type="application/json")
