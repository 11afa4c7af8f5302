"""Key escrow: the keys that a restored database needs, encrypted for named custodians, in the vault.

    python -m infra.deploy.escrow encrypt BUCKET   adds the keys of this project to the vault's bucket, in one object
    python -m infra.deploy.escrow restore       gives the keys that a custodian has opened (standard input) to the
                                                secrets of a new project, under their old numbers

The first runs as a build, the second where the custodian's openssl does (docs/disaster.md, The keys). Keys are never
written to a disk or a log: they go through pipes. What is encrypted is CMS under AES-256-GCM, for the certificates in
infra/deploy/custodians, each of which opens it alone.
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.cloud import clients
from shared.cloud.settings import settings

ESCROWED = (
    "field-encryption-key",
    "fingerprint-key",
    "ticket-qr-key",
    "ticket-signing-key",
    "unsubscribe-signing-key",
)
"""The secrets that cannot be made anew: the others come from dashboards, or may be any random text."""

CUSTODIANS = Path(__file__).parent / "custodians"
_LEAST_CUSTODIANS = 2
_LEAST_BITS = 3072
_ENCRYPT = ("openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER")

Keys = Mapping[str, Mapping[int, str]]
"""Name of a secret to its values, by the number of their version."""


class EscrowError(RuntimeError):
    """Nothing was encrypted or restored; the message says why."""


@dataclass(frozen=True)
class Custodian:
    """Somebody who can open what is encrypted."""

    name: str
    certificate: Path


def custodians(folder: Path = CUSTODIANS) -> list[Custodian]:
    """Everybody whose certificate is in the folder. Raises EscrowError where they are too few, or one is unfit."""
    found = [Custodian(file.stem, file) for file in sorted(folder.glob("*.pem"))]
    keys = {_checked(custodian) for custodian in found}
    if len(keys) < _LEAST_CUSTODIANS:
        raise EscrowError(
            f"{folder} names {len(keys)} custodians with keys of their own, and must name {_LEAST_CUSTODIANS}"
        )
    return found


def _checked(custodian: Custodian) -> int:
    """The modulus of a custodian's key."""
    certificate = x509.load_pem_x509_certificate(custodian.certificate.read_bytes())
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise EscrowError(f"{custodian.name}: the key is not RSA of {_LEAST_BITS} bits or more")
    if not certificate.not_valid_before_utc <= datetime.now(UTC) < certificate.not_valid_after_utc:
        raise EscrowError(f"{custodian.name}: the certificate is not valid today")
    return key.public_numbers().n


def collect() -> Keys:
    """The escrowed keys of this project: every enabled version. Raises EscrowError where one has none."""
    found = {name: _versions(name) for name in ESCROWED}
    if missing := [name for name, versions in found.items() if not versions]:
        raise EscrowError(f"no enabled version of {', '.join(missing)}")
    return found


def _versions(name: str) -> dict[int, str]:
    from google.cloud.secretmanager_v1 import SecretVersion

    client = clients.secret_manager()
    listed = client.list_secret_versions(parent=_secret(name))
    enabled = [version.name for version in listed if version.state == SecretVersion.State.ENABLED]
    return {_number(path): client.access_secret_version(name=path).payload.data.decode() for path in sorted(enabled)}


def encrypt(keys: Keys, for_whom: Sequence[Custodian]) -> bytes:
    """The keys encrypted so that each custodian can open them."""
    recipients = [
        word
        for custodian in for_whom
        for word in ("-recip", str(custodian.certificate), "-keyopt", "rsa_padding_mode:oaep")
    ]
    plain = json.dumps({"project": settings().google_cloud_project, "keys": keys}).encode()
    return subprocess.run([*_ENCRYPT, *recipients], input=plain, capture_output=True, check=True).stdout


def store(encrypted: bytes, bucket: str) -> str:
    """Add the encrypted keys to the vault. Returns the object's address."""
    name = f"{settings().google_cloud_project}/{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.p7m"
    blob = clients.storage().bucket(bucket).blob(name)
    blob.upload_from_string(encrypted, content_type="application/pkcs7-mime", if_generation_match=0)
    return f"gs://{bucket}/{name}"


def restore(keys: Keys) -> None:
    """Give the keys to the secrets of this project, under their old numbers. Raises EscrowError where one has some."""
    for name in keys:
        if any(clients.secret_manager().list_secret_versions(parent=_secret(name))):
            raise EscrowError(f"{name} has a version already: what it encrypts names another key by the same number")
    for name, versions in keys.items():
        for number in range(1, max(versions) + 1):
            _add(name, number, versions.get(number))


def _add(name: str, number: int, value: str | None) -> None:
    """Add a version; one whose value is lost gets a random value, and is disabled."""
    from google.cloud.secretmanager_v1 import SecretPayload

    payload = SecretPayload(data=(secrets.token_urlsafe(48) if value is None else value).encode())
    made = clients.secret_manager().add_secret_version(parent=_secret(name), payload=payload).name
    if _number(made) != number:
        raise EscrowError(f"{name}: version {_number(made)} was made where {number} was to be")
    if value is None:
        clients.secret_manager().disable_secret_version(name=made)


def opened(text: str) -> Keys:
    """The keys in what a custodian has decrypted."""
    return {
        name: {int(number): value for number, value in kept.items()} for name, kept in json.loads(text)["keys"].items()
    }


def _secret(name: str) -> str:
    return f"projects/{settings().google_cloud_project}/secrets/{name}"


def _number(path: str) -> int:
    return int(path.rpartition("/")[2])


def _listing(keys: Keys) -> str:
    return "\n".join(f"{name}: version {', '.join(map(str, versions))}" for name, versions in keys.items())


def _encrypted(bucket: str) -> str:
    for_whom, keys = custodians(), collect()
    address = store(encrypt(keys, for_whom), bucket)
    return f"{_listing(keys)}\nencrypted for {', '.join(each.name for each in for_whom)}: {address}"


def _restore() -> str:
    keys = opened(sys.stdin.read())
    restore(keys)
    return f"{_listing(keys)}\nrestored in {settings().google_cloud_project}"


def main(arguments: list[str]) -> int:
    """Run the command; 1 if it is refused."""
    try:
        match arguments:
            case ["encrypt", bucket]:
                print(_encrypted(bucket))
            case ["restore"]:
                print(_restore())
            case _:
                print(__doc__)
                return 2
    except EscrowError as refusal:
        print(f"Refused: {refusal}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
