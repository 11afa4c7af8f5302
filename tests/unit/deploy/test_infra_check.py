"""The check without a cloud proves what is committed."""

from pathlib import Path

import pytest

from infra.deploy import infra_check


def test_variables_of_an_operator_are_not_planned_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(infra_check, "TERRAFORM", tmp_path)
    production = tmp_path / "environments" / "production"
    production.mkdir(parents=True)
    for name in ("main.tf", "terraform.tfvars", "sale.auto.tfvars", "terraform.tfvars.example", ".terraform.lock.hcl"):
        (production / name).touch()
    with infra_check._as_committed("production") as folder:
        assert folder.parent == production.parent  # so that ../.. is what it was
        copied = {file.name for file in folder.iterdir()}
    assert copied == {"main.tf", "infra_check_override.tf", "terraform.tfvars.example", ".terraform.lock.hcl"}
    assert not folder.exists()
