"""Functions that do more and more of a reserve, with nothing of our web layer around them."""

import os

from flask import Request, Response
from pydantic import ValidationError

from shared.cloud import secrets
from shared.identity import tokens
from shared.problems import Problem
from shared.sales import reservations
from shared.sales.reservation_requests import ReservationBody, ReservationRequest

secrets.provide({tokens.KEY: os.environ["JWT_SIGNING_KEY"]})


def validated(request: Request) -> Response:
    """Check the body, and answer with it."""
    try:
        return _response(ReservationBody.model_validate_json(request.get_data()).model_dump_json())
    except ValidationError:
        return Response(status=422)


def authenticated(request: Request) -> Response:
    """Check the token too."""
    if tokens.principal_of(_token(request)) is None:
        return Response(status=401)
    return validated(request)


def reserved(request: Request) -> Response:
    """Hold the tickets too, in a batch with others."""
    caller = tokens.principal_of(_token(request))
    if caller is None:
        return Response(status=401)
    body = ReservationBody.model_validate_json(request.get_data())
    outcome = reservations._reserve_together(ReservationRequest(caller.id, body))
    if isinstance(outcome, Problem):
        return Response(status=outcome.status)
    return _response(outcome.model_dump_json())


def _token(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _response(body: str) -> Response:
    return Response(body, status=201, content_type="application/json")
