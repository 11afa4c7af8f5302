"""The identity provider of the local cloud: signs the tokens that push, tasks and jobs carry, and people's."""

import datetime
import threading
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt
from sqlalchemy import Column, DateTime, Engine, Table, Text, func, select, text

from infra.local.cloud.store import metadata

ISSUER = "https://accounts.google.com"
LIFETIME_SECONDS = 3600
_REUSE_SECONDS = 300  # as Google does, one token serves many requests
_ONE_AT_A_TIME = 7_202_613

keys = Table(
    "oidc_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("private_key", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


class Signer:
    """Signs ID tokens with the one RSA key of the store, which is made at first use.

    The key is worth nothing outside this machine: only what is told to trust `certificates` accepts it.
    """

    def __init__(self, engine: Engine) -> None:
        with engine.begin() as tx:
            tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})
            row = tx.execute(select(keys)).first()
            if row is None:
                row = tx.execute(keys.insert().values(_make_key()).returning(keys)).one()
        self._signer = _signer(row.private_key, row.kid)
        self._certificates = {row.kid: row.certificate}
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}

    @property
    def certificates(self) -> dict[str, str]:
        """Key id to X.509 certificate (PEM): what `google.oauth2.id_token` reads from its `certs_url`."""
        return self._certificates

    def token(self, audience: str, email: str) -> str:
        """An ID token for `audience` in the name of the service account `email`, good for most of an hour."""
        with self._lock:
            made_at, token = self._tokens.get((audience, email), (-_REUSE_SECONDS, ""))
            if time.monotonic() - made_at >= _REUSE_SECONDS:
                made_at, token = time.monotonic(), self.sign(_service_account(audience, email))
                self._tokens[audience, email] = made_at, token
            return token

    def sign(self, claims: Mapping[str, Any]) -> str:
        """An ID token that says this, from now on for an hour."""
        now = int(time.time())
        said = {"iss": ISSUER, "iat": now, "exp": now + LIFETIME_SECONDS, **claims}
        token: bytes = jwt.encode(self._signer, said)  # type: ignore[no-untyped-call]
        return token.decode()


@cache
def _signer(private_key: str, kid: str) -> crypt.RSASigner:
    """Read a key, which is proven to be one in a tenth of a second, once."""
    return crypt.RSASigner.from_string(private_key, kid)  # type: ignore[no-any-return, no-untyped-call]


def _service_account(audience: str, email: str) -> dict[str, Any]:
    return {"aud": audience, "azp": email, "sub": email, "email": email, "email_verified": True}


def _make_key() -> dict[str, Any]:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local cloud")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .sign(private_key, hashes.SHA256())
    )
    private_pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "kid": certificate.fingerprint(hashes.SHA256()).hex()[:40],
        "private_key": private_pem.decode(),
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }
