"""Every input and output of Terraform says what it is, and the READMEs list them all."""

from pathlib import Path

import pytest

from infra.checks import terraform_tables
from infra.checks.terraform_tables import TERRAFORM, declared, document, folders

ENVIRONMENTS = sorted(path.parent for path in TERRAFORM.glob("environments/*/main.tf"))


def name(folder: Path) -> str:
    return str(folder.relative_to(TERRAFORM.parent))


@pytest.mark.parametrize("folder", [*folders(), *ENVIRONMENTS], ids=name)
def test_everything_is_described(folder: Path):
    found = list(declared(folder))
    assert {each.kind for each in found} == {"variable", "output"}
    assert [each.name for each in found if not each.description.endswith((".", ":", "'"))] == []
    assert [each.name for each in found if each.kind == "variable" and not each.type] == []


@pytest.mark.parametrize("folder", folders(), ids=name)
def test_the_tables_are_current(folder: Path):
    written = (folder / "README.md").read_text(encoding="utf-8")
    assert document(folder) == written, "run python -m infra.checks.terraform_tables and commit what it has written"


@pytest.mark.parametrize("folder", [path for path in ENVIRONMENTS if path.name != "vault"], ids=name)
def test_an_environment_describes_its_inputs_in_the_roots_words(folder: Path):
    root = {(each.kind, each.name): each.description for each in declared(TERRAFORM)}
    assert {(each.kind, each.name): each.description for each in declared(folder)}.items() <= root.items()


def test_staging_and_production_differ_in_what_they_are_given_only():
    staging, production = (
        {(each.kind, each.name, each.type) for each in declared(TERRAFORM / "environments" / environment)}
        for environment in ("staging", "production")
    )
    assert {each for _, each, _ in staging ^ production} == {"released_image_readers", "image_source"}


def test_what_is_documented_can_be_read(tmp_path: Path):
    (tmp_path / "variables.tf").write_text(
        'variable "sizes" {\n  description = "Sizes, \\"in words\\"."\n  type = object({\n    a = string\n  })\n}\n'
        'variable "name" {\n  description = "A name."\n  type        = string\n  default     = "x"\n}\n'
    )
    (tmp_path / "outputs.tf").write_text('output "id" {\n  description = "The id | key."\n  value       = 1\n}\n')
    assert terraform_tables.tables(tmp_path).splitlines()[4:6] == [
        '| `name` | A name. | `string` | `"x"` |',
        '| `sizes` | Sizes, "in words". | `object` | must be given |',
    ]
    assert "| `id` | The id \\| key. |" in terraform_tables.tables(tmp_path)
