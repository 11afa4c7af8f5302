"""Rendering of handlers' results and exceptions as HTTP responses."""

import hashlib
import json
import logging
import math
from dataclasses import dataclass
from typing import Any

from flask import Response
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.wsgi import FileWrapper

from shared.cloud import logs
from shared.gateways.errors import GatewayUnavailable
from shared.models import File
from shared.problems import (
    ACCOUNT_IS_THERE,
    AccountGone,
    MethodNotAllowed,
    Problem,
    TryAgain,
    violated_constraint,
    violation,
)
from shared.web import wording
from shared.web.caching import Cached

log = logging.getLogger(__name__)

_RETRYABLE_CODES = {
    "40001",  # serialization_failure: what a snapshot wanted to change has changed
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available: lock_timeout
    "57014",  # query_canceled: statement_timeout
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "53300",  # too_many_connections
}


class _FileBody(FileWrapper):
    """The content of an open file, which is closed at its end or where its reader goes away."""

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except StopIteration:
            self.close()
            raise


@dataclass(frozen=True)
class HtmlPage:
    """An HTML page without scripts or styles, for people who follow a link in a mail."""

    html: str


@dataclass(frozen=True)
class PlainText:
    """A text, for services that ask for one."""

    text: str


def response(result: Any, status: int) -> Response:
    """The response: a model as JSON, a File as a download, a page, a text, None as 204; with an ETag if it is kept."""
    if isinstance(result, Cached):
        return _with_cache_headers(response(result.content, status), result)
    if result is None:
        return Response(status=204)
    if isinstance(result, File):
        return _download(result, status)
    if isinstance(result, HtmlPage):
        return Response(result.html, status=status, content_type="text/html; charset=utf-8")
    if isinstance(result, PlainText):
        return Response(result.text, status=status, content_type="text/plain; charset=utf-8")
    if isinstance(result, BaseModel):
        return Response(result.model_dump_json(), status=status, content_type="application/json")
    raise TypeError(f"a handler returned a {type(result).__name__}")


def _download(file: File, status: int) -> Response:
    """A file of a length that nobody is told goes out in chunks: Cloud Run takes 32 MiB at most of any other."""
    if isinstance(file.content, bytes):
        response = Response(file.content, status=status, content_type=file.content_type)
    else:
        response = Response(_FileBody(file.content), status=status, content_type=file.content_type)
        file.content.seek(0)
    response.headers["Content-Disposition"] = f'attachment; filename="{file.filename}"'
    return response


def _with_cache_headers(response: Response, cached: Cached[Any]) -> Response:
    if not cached.is_public:
        response.headers["Cache-Control"] = "private, no-store"
        response.vary.update(("Authorization", "Cookie"))
        return response
    response.headers["Cache-Control"] = cached.keep.directives(cached.age_seconds)
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    return response


def problem(error: Problem, correlation_id: str, language: wording.Language = "en") -> Response:
    """The problem document (RFC 9457), with the errors of its fields in that language."""
    response = Response(
        json.dumps(_translated(language, error.document(correlation_id)), default=str),
        status=error.status,
        content_type="application/problem+json",
    )
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.members.get("allowed", []))
    return response


def _translated(language: wording.Language, document: dict[str, Any]) -> dict[str, Any]:
    if "errors" not in document:
        return document
    errors = [{**each, "message": wording.translate(each["message"], language)} for each in document["errors"]]
    return {**document, "detail": wording.translate(document["detail"], language), "errors": errors}


def problem_of(error: Exception) -> Problem:
    """The problem for an exception: itself, a failure of the database, of a gateway or of Google's services, or a bug.

    The request's access line tells of a refusal; all else is a line of its own. A gateway that is away is only worth a
    warning: whoever calls is to call again.
    """
    if violated_constraint(error) == ACCOUNT_IS_THERE:
        error = AccountGone()
    if isinstance(error, GatewayUnavailable):  # its client has logged the call (`gateway.unavailable`)
        error = TryAgain(retry_after_seconds=math.ceil(error.retry_after_seconds))
    if isinstance(error, Problem):
        logs.set_problem(error.slug)
        if error.status >= 500:
            log.warning("request.refused", extra={"problem": error.slug, "status": error.status})
        return error
    if _is_busy(error):
        log.warning("database.busy", extra={"error": type(error).__name__})
        return TryAgain(retry_after_seconds=2)
    if _is_cloud_away(error):
        log.error("cloud.unavailable", exc_info=error)
        return TryAgain(retry_after_seconds=5)
    log.error("request.failed", exc_info=error)
    return Problem("Something went wrong on our side. We have been told; please try again later.")


def _is_cloud_away(error: Exception) -> bool:
    """True if a service of Google failed or did not answer."""
    from google.api_core.exceptions import RetryError, ServerError
    from google.auth.exceptions import GoogleAuthError

    return isinstance(error, RetryError | ServerError | GoogleAuthError)


def _is_busy(error: Exception) -> bool:
    if isinstance(error, PoolTimeout | ConnectionError):  # pg8000 lets a reset of its socket through as it is
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = violation(error)
    if code is not None:
        return code in _RETRYABLE_CODES
    return error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
