"""One JSON call to a gateway: time-outs, few and safe repeats, a circuit breaker (R-004, R-009).

A call is repeated only where that can do no harm: nothing was sent, the gateway said "too many" (429),
the caller declares the call repeatable, or the caller can look up what became of the first try.
Neither keys nor bodies nor query strings are logged.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import pybreaker
import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import ConnectTimeout
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)
from urllib3.exceptions import NewConnectionError

from shared.cloud import trace_context, tracing
from shared.gateways import call_deadline
from shared.gateways.errors import GatewayMisconfigured, GatewayRefused, GatewayUnavailable, PayloadUnreadable
from shared.gateways.fields import parse_json

__all__ = ["GatewayMisconfigured", "GatewayRefused", "GatewayUnavailable", "HttpResponse", "JsonApi", "Timeouts"]

logger = logging.getLogger(__name__)

_CONNECTIONS = 32  # an instance serves fewer requests than this at once; more would wait for a connection
_SHORTEST_READ_SECONDS = 0.5
_CONNECT_SHARE = 0.3  # of the time that is left, for the connection; the answer has the rest


@dataclass(frozen=True)
class Timeouts:
    """Time-outs and retries of calls to a gateway, before the caller is told to come back later.

    `total_seconds` bounds one call with all its repeats and waits; looking up what became of a try is
    a call of its own. The breaker opens for `open_seconds` after `failures_to_open` failed tries in a
    row (no answer, an unreadable one, or 5xx).
    """

    connect_seconds: float = 3.0
    read_seconds: float = 10.0
    total_seconds: float = 25.0
    tries: int = 3
    first_wait_seconds: float = 0.3
    longest_wait_seconds: float = 3.0
    failures_to_open: int = 6  # two calls with all their repeats
    open_seconds: float = 30.0


@dataclass(frozen=True)
class HttpResponse:
    """A response: the effective status, headers, and the JSON body (None where there is none)."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def ok(self) -> bool:
        """True if the gateway did what was asked."""
        return 200 <= self.status < 300


File = tuple[str, bytes, str]
"""A file of a multipart body: its name, content and media type."""

BodyReader = Callable[[HttpResponse], object]
"""Reads a good answer; PayloadUnreadable where it is not what the gateway documents."""


def accept_anything(_: HttpResponse) -> None:
    """Accept any body with a good status."""


def json_document(response: HttpResponse) -> None:
    """Accept any JSON object or list that is not an error under a good status."""
    body = response.body
    if not isinstance(body, Mapping | list):
        raise PayloadUnreadable("", "no JSON")
    if isinstance(body, Mapping) and ("error_code" in body or "error_messages" in body):
        raise PayloadUnreadable("", "an error with a good status")


def read_by(read: Callable[[Any], object]) -> BodyReader:
    """Accept a document that `read` can read."""

    def reads(response: HttpResponse) -> None:
        json_document(response)
        read(response.body)

    return reads


def http_status(response: HttpResponse) -> int:
    """The status of a gateway that means what HTTP means."""
    return response.status


class JsonApi:
    """A gateway's HTTP API under `base_url`, safe to share between threads.

    `status_of` tells what an answer really means where the gateway puts that into the body.
    """

    def __init__(
        self,
        gateway: str,
        base_url: str,
        auth: AuthBase | tuple[str, str],
        *,
        timeouts: Timeouts | None = None,
        status_of: Callable[[HttpResponse], int] = http_status,
    ) -> None:
        self.gateway = gateway
        self._base_url = base_url.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._status_of = status_of
        self._session = _pooled_session(self._base_url, auth)
        self._circuit = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=self._timeouts.failures_to_open,
            reset_timeout=self._timeouts.open_seconds,
            exclude=[lambda error: isinstance(error, _TryFailed) and not error.gateway_is_down],
            throw_new_error_on_trip=False,
            state_storage=self._circuit,
            name=gateway,
        )

    @property
    def paused_seconds(self) -> float:
        """The seconds for which the open circuit of this process lets no call through; 0 where it does."""
        opened_at = self._circuit.opened_at
        if self._circuit.state != pybreaker.STATE_OPEN or opened_at is None:
            return 0.0
        return max(0.0, self._timeouts.open_seconds - (datetime.now(UTC) - opened_at).total_seconds())

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        file: File | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool,
        recover: Callable[[], HttpResponse | None] | None = None,
        reads: BodyReader = accept_anything,
    ) -> HttpResponse:
        """Send one request and return its answer, 4xx included. With a `file` the body is a form, in multipart.

        A good status with an answer that `reads` can't read is no answer: the gateway is unavailable, and whether
        the call took effect is unknown. Say `repeatable` only where doing it twice is the same as doing it once.
        `recover` is asked before a repeat that could do it twice; what it finds is the answer. Under a `call_deadline`
        it tries once. Raises GatewayUnavailable.
        """
        request = _Request(method, self._base_url + path, body, file, query, headers, reads)
        give_up_at = time.monotonic() + self._timeouts.total_seconds
        failures: list[_TryFailed] = []

        def once() -> HttpResponse:
            if recover is not None and _outcome_unknown(failures):
                found = recover()
                if found is not None:
                    return found
            try:
                return self._try(request, give_up_at)
            except _TryFailed as failure:
                failures.append(failure)
                raise

        try:
            return self._retrying(can_repeat=repeatable or recover is not None)(once)
        except _TryFailed as failure:
            wait = failure.retry_after_seconds or self._timeouts.longest_wait_seconds
            raise self._unavailable(failure.reason, wait, _outcome_unknown(failures)) from None
        except pybreaker.CircuitBreakerError:
            wait = self.paused_seconds or self._timeouts.open_seconds
            raise self._unavailable("circuit open", wait, _outcome_unknown(failures)) from None
        except GatewayUnavailable as trouble:  # while recovering
            raise self._unavailable(trouble.reason, trouble.retry_after_seconds, True) from None

    def _retrying(self, *, can_repeat: bool) -> Retrying:
        timeouts = self._timeouts

        def worth_repeating(error: BaseException) -> bool:
            if not isinstance(error, _TryFailed) or call_deadline.seconds_left() is not None:
                return False
            harmless = can_repeat or not error.outcome_unknown
            return harmless and (error.retry_after_seconds or 0) <= timeouts.longest_wait_seconds

        back_off = wait_exponential_jitter(
            multiplier=timeouts.first_wait_seconds,
            max=timeouts.longest_wait_seconds,
            jitter=timeouts.first_wait_seconds,
        )
        return Retrying(
            retry=retry_if_exception(worth_repeating),
            stop=stop_after_attempt(timeouts.tries) | stop_before_delay(timeouts.total_seconds),
            wait=lambda state: max(_requested_wait(state), back_off(state)),
            before_sleep=self._note_repeat,
            reraise=True,
        )

    def _try(self, request: "_Request", give_up_at: float) -> HttpResponse:
        if call_deadline.seconds_left() is not None:
            if self.paused_seconds:
                raise pybreaker.CircuitBreakerError("circuit open")
            return self._read(self._send(request, give_up_at), request.reads)
        # Not breaker.call(): it holds the breaker's lock while the request runs, one request at a time.
        with self._breaker.calling():
            return self._read(self._send(request, give_up_at), request.reads)

    def _send(self, request: "_Request", give_up_at: float) -> requests.Response:
        statuses = {"http.request.method": request.method, "peer.service": self.gateway}
        begun = time.perf_counter()
        with tracing.span(f"{self.gateway} {request.method}", "client", statuses):
            response = self._exchange(request, give_up_at)
        took = round((time.perf_counter() - begun) * 1000, 1)
        logger.info(
            "gateway.answered",
            extra={"gateway": self.gateway, "status": response.status_code, "milliseconds": took},
        )
        return response

    def _exchange(self, request: "_Request", give_up_at: float) -> requests.Response:
        timeouts = self._timeouts_of_try(give_up_at)
        try:
            return self._session.request(
                request.method,
                request.url,
                json=None if request.file else request.body,
                data=request.body if request.file else None,
                files={"file": request.file} if request.file else None,
                params=request.query,
                headers={**(request.headers or {}), "traceparent": trace_context.current().traceparent},
                timeout=timeouts,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # The error's own text holds the URL with its query, so only its class goes further.
            raise _TryFailed(type(error).__name__, outcome_unknown=_was_sent(error)) from None

    def _timeouts_of_try(self, give_up_at: float) -> tuple[float, float]:
        """The time for the connection and that for the answer. Raises _TryFailed where none is left."""
        left_seconds = call_deadline.seconds_left()
        if left_seconds is None:
            left = max(give_up_at - time.monotonic(), _SHORTEST_READ_SECONDS)
            return min(self._timeouts.connect_seconds, left), min(self._timeouts.read_seconds, left)
        if left_seconds <= 0:
            raise _TryFailed("no time left", outcome_unknown=False)
        return left_seconds * _CONNECT_SHARE, left_seconds * (1 - _CONNECT_SHARE)

    def _read(self, response: requests.Response, reads: BodyReader) -> HttpResponse:
        result = HttpResponse(response.status_code, response.headers, self._json_of(response))
        status = self._status_of(result)
        if status == 429 or status >= 500:
            raise _TryFailed(
                f"status {status}",
                outcome_unknown=status != 429,
                gateway_is_down=status != 429,
                retry_after_seconds=_retry_after_seconds(response),
            )
        found = HttpResponse(status, result.headers, result.body)
        if found.ok:
            try:
                reads(found)
            except PayloadUnreadable as error:
                raise _TryFailed(f"unreadable answer: {error.reason}", outcome_unknown=True) from None
        return found

    def _json_of(self, response: requests.Response) -> Any:
        """The JSON body, None where there is none: a proxy's error page is HTML."""
        try:
            return parse_json(self.gateway, response.content)
        except PayloadUnreadable:
            return None

    def _note_repeat(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        logger.warning(
            "gateway.repeat",
            extra={"gateway": self.gateway, "attempt": state.attempt_number, "reason": str(error)},
        )

    def _unavailable(self, reason: str, retry_after_seconds: float, outcome_unknown: bool) -> GatewayUnavailable:
        logger.warning(
            "gateway.unavailable",
            extra={"gateway": self.gateway, "reason": reason, "outcome_unknown": outcome_unknown},
        )
        return GatewayUnavailable(
            self.gateway, reason, retry_after_seconds=retry_after_seconds, outcome_unknown=outcome_unknown
        )


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    body: Mapping[str, Any] | None
    file: File | None
    query: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    reads: BodyReader


class _TryFailed(Exception):
    """One request without an answer to use."""

    def __init__(
        self,
        reason: str,
        *,
        outcome_unknown: bool,
        gateway_is_down: bool = True,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.outcome_unknown = outcome_unknown
        self.gateway_is_down = gateway_is_down
        self.retry_after_seconds = retry_after_seconds


def _pooled_session(base_url: str, auth: AuthBase | tuple[str, str]) -> requests.Session:
    session = requests.Session()
    session.auth = auth
    _read_environment_once(session, base_url)
    session.headers["Accept"] = "application/json"
    # The connection pool is safe between threads; the cookie jar isn't, and no gateway needs one.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS, pool_block=False)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _read_environment_once(session: requests.Session, base_url: str) -> None:
    """Take a proxy and certificates from the environment now: in each call it costs a third of a millisecond."""
    found = session.merge_environment_settings(base_url, {}, None, None, None)
    session.proxies, session.verify = found["proxies"], found["verify"]
    session.trust_env = False


def _was_sent(error: requests.RequestException) -> bool:
    """True if the gateway may have received the request."""
    if isinstance(error, ConnectTimeout):
        return False
    cause = error.args[0] if error.args else None
    return not isinstance(getattr(cause, "reason", None), NewConnectionError)


def _retry_after_seconds(response: requests.Response) -> float | None:
    """Retry-After in seconds; its date form, which no gateway of ours sends, counts as absent."""
    written = response.headers.get("Retry-After", "")
    return float(written) if written.isascii() and written.isdigit() else None


def _requested_wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return (error.retry_after_seconds or 0.0) if isinstance(error, _TryFailed) else 0.0


def _outcome_unknown(failures: list[_TryFailed]) -> bool:
    return any(failure.outcome_unknown for failure in failures)
