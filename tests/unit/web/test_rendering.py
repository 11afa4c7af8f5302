"""A caller gets a clear answer when the database or the cloud goes away in the middle of a request."""

import pytest
from google.api_core.exceptions import RetryError, ServiceUnavailable, Unknown
from google.auth.exceptions import TransportError
from sqlalchemy.exc import InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.gateways.errors import GatewayUnavailable
from shared.problems import TryAgain
from shared.web import rendering


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "Connection reset by peer"),  # as pg8000 raises it while it reads
        InterfaceError("SELECT 1", None, Exception("network error")),
        PoolTimeout(),
        ServiceUnavailable("connection refused"),
        Unknown("exception calling application"),
        RetryError("timeout exceeded", None),
        TransportError("the metadata server is away"),
        GatewayUnavailable("xendit", "503", retry_after_seconds=0.5, outcome_unknown=False),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_away_is_try_again(error: Exception):
    problem = rendering.problem_of(error)
    assert isinstance(problem, TryAgain)
    assert problem.retry_after_seconds


def test_a_gateway_that_is_away_is_no_error_of_ours(caplog: pytest.LogCaptureFixture):
    rendering.problem_of(GatewayUnavailable("midtrans", "time-out", retry_after_seconds=30, outcome_unknown=True))
    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", "request.refused")]
