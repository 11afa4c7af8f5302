"""The image of a commit: found where it was built or released, refused where it is ill."""

import pytest

from infra.deploy import image
from infra.deploy.image import ImageRejected

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HERE = "region-docker.pkg.dev/here/functions/karcis"
STAGING = "region-docker.pkg.dev/staging/released/karcis"
DIGEST = f"sha256:{'ab' * 32}"
FOUND = {"image_summary": {"digest": DIGEST}}
BY_DIGEST = f"{HERE}@{DIGEST}"


def _never(seconds: float) -> None:
    raise AssertionError("nothing is waited for")


def test_production_releases_the_digest_that_staging_has_released(gcloud):
    gcloud.answers("artifacts docker images describe", FOUND)
    assert image.find(COMMIT, built=STAGING, image=HERE, wait=_never) == BY_DIGEST
    assert gcloud.asked()[0][4] == f"{STAGING}:{COMMIT}"


def test_what_staging_has_not_released_can_not_be_planned(gcloud):
    with pytest.raises(ImageRejected, match=f"{COMMIT} is not among the released images"):
        image.find(COMMIT, built=STAGING, image=HERE, wait=_never)


def test_what_is_being_built_here_is_waited_for(gcloud):
    waited = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            gcloud.answers("artifacts docker images describe", FOUND)

    assert image.find(COMMIT, built=HERE, image=HERE, wait=wait) == BY_DIGEST
    assert len(waited) == 3


def test_and_not_for_ever(gcloud):
    waited: list[float] = []
    with pytest.raises(ImageRejected, match="look at the build `image`"):
        image.find(COMMIT, built=HERE, image=HERE, wait=waited.append)
    assert sum(waited) == image.PATIENCE_SECONDS


def _vulnerability(name: str, severity: str, *, fix: bool) -> dict:
    return {
        "noteName": f"projects/goog-vulnz/notes/{name}",
        "vulnerability": {"effectiveSeverity": severity, "packageIssue": [{"fixAvailable": fix}]},
    }


def _scanned(gcloud, *found: dict) -> None:
    gcloud.answers("artifacts docker images scan", {"response": {"scan": "projects/here/locations/asia/scans/1"}})
    gcloud.answers("artifacts docker images list-vulnerabilities", list(found))


def test_a_critical_vulnerability_with_a_fix_is_not_released(gcloud):
    _scanned(gcloud, _vulnerability("CVE-1", "CRITICAL", fix=True), _vulnerability("CVE-2", "HIGH", fix=True))
    with pytest.raises(ImageRejected, match="update what has CVE-1: "):
        image.scan(BY_DIGEST)


def test_one_that_nobody_can_mend_is(gcloud):
    _scanned(gcloud, _vulnerability("CVE-1", "CRITICAL", fix=False))
    image.scan(BY_DIGEST)


def test_what_is_attested_is_the_digest(gcloud):
    gcloud.answers("container binauthz attestations sign-and-create", None)
    image.attest(BY_DIGEST, attestor="projects/here/attestors/pipeline", key="keys/attestation/cryptoKeyVersions/1")
    assert gcloud.asked()[0][4:7] == [
        f"--artifact-url={BY_DIGEST}",
        "--attestor=projects/here/attestors/pipeline",
        "--keyversion=keys/attestation/cryptoKeyVersions/1",
    ]


def _revisions(gcloud, images: dict[str, str]) -> None:
    listed = [
        {"metadata": {"name": name}, "spec": {"containers": [{"image": image}]}} for name, image in images.items()
    ]
    gcloud.answers("run revisions list --quiet", listed)


def _serves(revision: str, latest: str) -> dict:
    return {"traffic": [{"revisionName": revision, "percent": 100}, {"revisionName": latest, "tag": "new"}]}


def test_what_serves_is_not_what_is_newest(gcloud):
    _revisions(gcloud, {"reserve-1": "old", "orders-1": "old", "reserve-2": "new"})
    gcloud.holds({"reserve": _serves("reserve-1", "reserve-2"), "orders": _serves("orders-1", "orders-1")})
    assert image.serving() == "old"


def test_functions_that_serve_different_images_are_for_a_person(gcloud):
    _revisions(gcloud, {"reserve-1": "old", "orders-1": "new"})
    gcloud.holds({"reserve": _serves("reserve-1", "reserve-1"), "orders": _serves("orders-1", "orders-1")})
    with pytest.raises(ImageRejected, match="2 images: new, old"):
        image.serving()


def test_the_pipeline_finds_it_by_its_files(gcloud, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gcloud.answers("artifacts docker images describe", FOUND)
    for name, value in {"COMMIT": COMMIT, "BUILT": STAGING, "IMAGE": HERE}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["image", "find"])
    assert image.main() == 0
    assert (tmp_path / ".image").read_text() == BY_DIGEST
    assert (tmp_path / ".commit").read_text() == COMMIT
