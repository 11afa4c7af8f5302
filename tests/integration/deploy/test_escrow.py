"""A restored database can be read: its keys come back from the vault, by either custodian, under their old numbers."""

import io
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.cloud.secretmanager_v1 import Replication, Secret, SecretVersion

from functions.manifest import manifest
from infra.deploy import escrow
from shared.cloud import clients
from shared.cloud.settings import settings
from tests.conformance.local_cloud import LocalCloud

ROTATION = (Path(escrow.__file__).parents[1] / "terraform" / "rotation.tf").read_text(encoding="utf-8")
BUCKET = "example-vault-escrow"


def custodian(folder: Path, name: str, *, bits: int = 3072, days: int = 2) -> None:
    """Make a key and a certificate, as infra/deploy/custodians/README.md says."""
    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(made)
        .not_valid_after(made + timedelta(days=days))
        .sign(key, SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates of two custodians, and beside them what only they have."""
    folder = tmp_path_factory.mktemp("custodians")
    custodian(folder, "siti")
    custodian(folder, "budi")
    return folder


@pytest.fixture
def cloud(cache_cloud: LocalCloud, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Secret Manager and Cloud Storage, with a vault."""
    monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", cache_cloud.grpc_address)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cache_cloud.http_url)
    monkeypatch.setattr(escrow.custodians, "__defaults__", (folder,))
    clients.secret_manager.provide(None)
    clients.storage.provide(None)
    settings.cache_clear()
    if not clients.storage().bucket(BUCKET).exists():
        clients.storage().create_bucket(BUCKET)
    yield
    clients.secret_manager.provide(None)
    settings.cache_clear()


@pytest.fixture
def a_project(cloud: None, monkeypatch: pytest.MonkeyPatch):
    """Makes a project with empty secrets the one of the settings."""

    def make() -> str:
        project = f"karcis-{uuid4().hex[:8]}"
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
        settings.cache_clear()
        replicated = Secret(replication=Replication(automatic=Replication.Automatic()))
        for name in escrow.ESCROWED:
            clients.secret_manager().create_secret(parent=f"projects/{project}", secret_id=name, secret=replicated)
        return project

    return make


def add(project: str, name: str) -> str:
    """Add a version with a new value, which is returned."""
    value = uuid4().hex
    parent = f"projects/{project}/secrets/{name}"
    clients.secret_manager().add_secret_version(parent=parent, payload={"data": value.encode()})
    return value


def decrypted(folder: Path, name: str, encrypted: bytes) -> str:
    """The text that a custodian reads, with openssl alone."""
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary"]
    whose = ["-inkey", str(folder / f"{name}.key"), "-recip", str(folder / f"{name}.pem")]
    return subprocess.run([*command, *whose], input=encrypted, capture_output=True, check=True).stdout.decode()


def content(said: str) -> bytes:
    """The encrypted object that was told of."""
    name = said.rstrip().rpartition(f"gs://{BUCKET}/")[2]
    return clients.storage().bucket(BUCKET).blob(name).download_as_bytes()


@pytest.mark.parametrize("who", ["siti", "budi"])
def test_keys_come_back_under_their_old_numbers(a_project, folder: Path, who: str, capsys, monkeypatch):
    lost = a_project()
    values = {name: {1: add(lost, name)} for name in escrow.ESCROWED}
    add(lost, "field-encryption-key")
    values["field-encryption-key"][3] = add(lost, "field-encryption-key")
    second = f"projects/{lost}/secrets/field-encryption-key/versions/2"
    clients.secret_manager().disable_secret_version(name=second)
    assert escrow.main(["encrypt", BUCKET]) == 0
    encrypted = content(capsys.readouterr().out)

    new = a_project()
    monkeypatch.setattr("sys.stdin", io.StringIO(decrypted(folder, who, encrypted)))
    assert escrow.main(["restore"]) == 0
    assert escrow.collect() == values
    gap = clients.secret_manager().get_secret_version(name=second.replace(lost, new))
    assert gap.state == SecretVersion.State.DISABLED


def test_nothing_of_a_key_is_said_or_stored(a_project, capsys):
    project = a_project()
    values = [add(project, name) for name in escrow.ESCROWED]
    assert escrow.main(["encrypt", BUCKET]) == 0
    said = capsys.readouterr().out
    assert "encrypted for budi, siti" in said
    assert not [value for value in values if value in said or value.encode() in content(said)]


def test_keys_are_not_given_to_secrets_that_have_some(a_project, capsys, monkeypatch):
    project = a_project()
    add(project, "fingerprint-key")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"keys": {"fingerprint-key": {"1": "another"}}}'))
    assert escrow.main(["restore"]) == 1
    assert "fingerprint-key has a version already" in capsys.readouterr().out


def test_a_key_without_a_version_is_told(a_project, capsys):
    a_project()
    assert escrow.main(["encrypt", BUCKET]) == 1
    assert "no enabled version of field-encryption-key, fingerprint-key" in capsys.readouterr().out


def test_one_custodian_is_too_few_and_a_copy_is_no_second_one(tmp_path: Path):
    custodian(tmp_path, "siti")
    (tmp_path / "copy.pem").write_bytes((tmp_path / "siti.pem").read_bytes())
    with pytest.raises(escrow.EscrowError, match="names 1 custodians"):
        escrow.custodians(tmp_path)


@pytest.mark.parametrize(("unfit", "why"), [({"bits": 2048}, "not RSA of 3072"), ({"days": 1}, "not valid today")])
def test_a_custodian_with_an_unfit_certificate_is_named(tmp_path: Path, unfit: dict[str, int], why: str):
    custodian(tmp_path, "siti", **unfit)
    with pytest.raises(escrow.EscrowError, match=f"siti: .*{why}"):
        escrow.custodians(tmp_path)


def test_what_nobody_could_make_anew_is_escrowed():
    declared = ROTATION[ROTATION.index("never_rotated") :].split("\n")[0]
    never = {name for name in manifest().secrets if f'"{name}"' in declared}
    assert set(escrow.ESCROWED) == never | {"field-encryption-key"}
