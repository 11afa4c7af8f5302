"""Google as these tests need it: a server of keys, and ID tokens signed with them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.unit.gateways.scripted_server import Reply, ScriptedServer

CLIENT_ID = "1234-web.apps.googleusercontent.com"
OTHER_CLIENT_ID = "1234-android.apps.googleusercontent.com"


@cache
def _private(_: str) -> rsa.RSAPrivateKey:
    """The private key of that id, made once: it takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class SigningKey:
    """One of Google's keys, and the certificate it publishes of it."""

    def __init__(self, key_id: str) -> None:
        self.id = key_id
        self.private = _private(key_id)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.system.gserviceaccount.com")])
        start = datetime.now(UTC) - timedelta(days=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=14))
            .sign(self.private, hashes.SHA256())
        )
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM).decode()


class Google:
    """Publishes `keys` and signs with the first of them."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.publish(SigningKey("first"))

    def publish(self, *keys: SigningKey, cache_control: str = "public, max-age=3600", age: str = "0") -> None:
        """Have these keys, and no others, from now on."""
        self.key = keys[0]
        certificates = {key.id: key.certificate for key in keys}
        self.server.will_answer(Reply(body=certificates, headers={"Cache-Control": cache_control, "Age": age}))

    def token(self, *, key: Any = None, algorithm: str = "RS256", kid: str | None = None, **claims: Any) -> str:
        """An ID token for us about a Gmail user, with these claims instead; None leaves a claim out."""
        said = {**self.claims(), **claims}
        return jwt.encode(
            {name: value for name, value in said.items() if value is not None},
            self.key.private if key is None else key,
            algorithm=algorithm,
            headers={"kid": kid or self.key.id},
        )

    @staticmethod
    def claims() -> Mapping[str, Any]:
        """The claims of somebody who signs in right now."""
        now = int(time.time())
        return {
            "iss": "https://accounts.google.com",
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "sub": "110169484474386276334",
            "email": "siti.rahma@gmail.com",
            "email_verified": True,
            "name": "Siti Rahma",
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + 3600,
        }
