"""V4 signed URLs: who may sign, and whether a request carries a signature that holds.

https://cloud.google.com/storage/docs/authentication/canonical-requests
"""

import datetime
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from sqlalchemy import Column, Connection, Engine, Table, Text, select
from sqlalchemy.dialects.postgresql import insert
from werkzeug import Request

from infra.local.cloud.storage_objects import StorageError
from infra.local.cloud.store import metadata

_ALGORITHM = "GOOG4-RSA-SHA256"
_LONGEST = datetime.timedelta(days=7)
_CLOCK_SKEW = datetime.timedelta(minutes=15)

_signers = Table(
    "storage_signers",
    metadata,
    Column("email", Text, primary_key=True, comment="a service account"),
    Column("private_key", Text, nullable=False, comment="PEM, worth nothing outside this store"),
)


def service_account_info(engine: Engine, email: str, token_uri: str = "http://127.0.0.1/token") -> dict[str, str]:  # noqa: S107
    """The key file, as a dict, of a service account whose signed URLs the local Cloud Storage accepts.

    Its key is made at the first call. For `service_account.Credentials.from_service_account_info`.
    """
    with engine.begin() as tx:
        key = _private_key(tx, email)
        if key is None:
            tx.execute(insert(_signers).values(email=email, private_key=_new_key()).on_conflict_do_nothing())
            key = _private_key(tx, email)
    return {"type": "service_account", "client_email": email, "private_key": str(key), "token_uri": token_uri}


@dataclass(frozen=True)
class _Claim:
    """What the query of a signed URL says."""

    email: str
    scope: str
    signed_at: str
    lasts_seconds: int
    headers: Sequence[str]
    signature: bytes

    @classmethod
    def of(cls, request: Request) -> "_Claim":
        """Read it. Raises StorageError (400) where a part is missing or is not what it should be."""
        query = request.args
        credential = re.fullmatch(r"(.+?)/(\d{8}/[^/]+/storage/goog4_request)", query.get("X-Goog-Credential", ""))
        signed_at = query.get("X-Goog-Date", "")
        try:
            claim = cls(
                email=credential[1] if credential else "",
                scope=credential[2] if credential else "",
                signed_at=signed_at,
                lasts_seconds=int(query.get("X-Goog-Expires", "")),
                headers=query.get("X-Goog-SignedHeaders", "").split(";"),
                signature=bytes.fromhex(query["X-Goog-Signature"]),
            )
        except ValueError:
            raise _malformed() from None
        if not credential or query.get("X-Goog-Algorithm") != _ALGORITHM or "host" not in claim.headers:
            raise _malformed()
        if not re.fullmatch(r"\d{8}T\d{6}Z", signed_at) or not claim.scope.startswith(signed_at[:8]):
            raise _malformed()
        return claim


def verify(tx: Connection, request: Request, raw_path: str, now: datetime.datetime) -> None:
    """Raise StorageError unless the request has a signature that fits it and is still good.

    403 for one that was not made for this request by a service account we know, 400 for one out of time.
    """
    claim = _Claim.of(request)
    key = _private_key(tx, claim.email)
    if key is None or not _fits(claim, _string_to_sign(claim, request, raw_path), key):
        message = "The request signature we calculated does not match the signature you provided."
        raise StorageError(403, "SignatureDoesNotMatch", message)
    signed_at = datetime.datetime.strptime(claim.signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    lasts = datetime.timedelta(seconds=claim.lasts_seconds)
    if not datetime.timedelta() < lasts <= _LONGEST or signed_at - _CLOCK_SKEW > now:
        raise _malformed()
    if now >= signed_at + lasts:
        raise StorageError(400, "ExpiredToken", "The provided token has expired.")


def _malformed() -> StorageError:
    return StorageError(400, "InvalidArgument", "The query parameters of the signature are not valid.")


def _string_to_sign(claim: _Claim, request: Request, raw_path: str) -> bytes:
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.args.items(multi=True)
        if name != "X-Goog-Signature"
    )
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in claim.headers]
    hashed = request.headers.get("x-goog-content-sha256", "") if "x-goog-content-sha256" in claim.headers else ""
    canonical = "\n".join(
        [
            request.method,
            raw_path,
            "&".join(f"{name}={value}" for name, value in query),
            "".join(headers),
            ";".join(claim.headers),
            hashed or "UNSIGNED-PAYLOAD",
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return "\n".join([_ALGORITHM, claim.signed_at, claim.scope, digest]).encode()


def _fits(claim: _Claim, signed: bytes, private_key: str) -> bool:
    key = serialization.load_pem_private_key(private_key.encode(), password=None).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("signers have RSA keys")
    try:
        key.verify(claim.signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _private_key(tx: Connection, email: str) -> str | None:
    return tx.scalar(select(_signers.c.private_key).where(_signers.c.email == email))


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
