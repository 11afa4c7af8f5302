"""Circuits of the gateways, shared by all instances: whether new payments are opened at one (FAILOVER-1).

    closed ──failures──► open ──time──► half-open ──one checkout succeeds──► closed
                           ▲                └───────────it fails───────────► open

Each gateway has one for each of its APIs that open payments (`MethodTraits.api`). The circuit breakers of
shared/gateways/http.py spare one process its waiting; these spare every buyer theirs. They live in the database, which
a checkout needs anyway.
"""

import logging
from collections.abc import Mapping

from sqlalchemy import text

from shared.cloud.database import Transaction

FAILURES_TO_OPEN = 3
FAILURES_WITHIN_SECONDS = 60
OPEN_SECONDS = 30
PROBE_SECONDS = 90
"""The time after which a probe without a result counts as dead: a checkout's calls to a gateway end before."""
SLOW_SECONDS = 5.0
"""An answer as late as this counts as a failure, though it is used."""

Circuit = tuple[str, str]
"""A gateway, and its API."""

log = logging.getLogger(__name__)

_PAUSES = text("""
    SELECT gateway, api, CAST(extract(epoch FROM open_until - now()) AS double precision) AS seconds
    FROM gateway_circuits WHERE open_until IS NOT NULL
""")
# Another failure of an open circuit opens it for longer; of a closed one, once there were enough of them.
_FAILED = text("""
    INSERT INTO gateway_circuits AS c (gateway, api, failures) VALUES (:gateway, :api, 1)
    ON CONFLICT (gateway, api) DO UPDATE SET
        failures = CASE WHEN c.failed_at < now() - make_interval(secs => :within) THEN 1 ELSE c.failures + 1 END,
        failed_at = now(),
        open_until = CASE
            WHEN c.open_until IS NOT NULL
                OR (c.failures + 1 >= :most AND c.failed_at >= now() - make_interval(secs => :within))
            THEN GREATEST(c.open_until, now() + make_interval(secs => :open_seconds)) END
    RETURNING failures, open_until IS NOT NULL AS is_open
""")
_SUCCEEDED = text("""
    DELETE FROM gateway_circuits WHERE gateway = :gateway AND api = :api RETURNING open_until IS NOT NULL AS was_open
""")
_PROBE = text("""
    UPDATE gateway_circuits SET open_until = now() + make_interval(secs => :probe_seconds)
    WHERE gateway = :gateway AND api = :api AND open_until <= now()
""")


def pauses(tx: Transaction) -> Mapping[Circuit, float]:
    """The seconds until each open circuit may be tried again; at most 0 where it may be now (half-open)."""
    return {(row.gateway, row.api): row.seconds for row in tx.execute(_PAUSES)}


def probe(tx: Transaction, circuit: Circuit) -> bool:
    """Claim the one try of a half-open circuit; False where another checkout has it."""
    return tx.execute(_PROBE, {**_key(circuit), "probe_seconds": PROBE_SECONDS}).rowcount > 0


def record_failure(tx: Transaction, circuit: Circuit) -> None:
    """Record that a payment could not be opened, or was opened late."""
    limits = {"most": FAILURES_TO_OPEN, "within": FAILURES_WITHIN_SECONDS, "open_seconds": OPEN_SECONDS}
    row = tx.execute(_FAILED, {**_key(circuit), **limits}).one()
    if row.is_open:
        log.warning("gateway.circuit_open", extra={**_key(circuit), "failures": row.failures})


def record_success(tx: Transaction, circuit: Circuit) -> None:
    """Record that a payment was opened in time: the circuit is closed."""
    if tx.execute(_SUCCEEDED, _key(circuit)).scalar():
        log.warning("gateway.circuit_closed", extra=_key(circuit))


def _key(circuit: Circuit) -> dict[str, str]:
    gateway, api = circuit
    return {"gateway": gateway, "api": api}
