"""docs/capacity.md has the manifest's budget of connections. Its costs need a plan: tests/infra/test_sheets.py."""

from functions.manifest import manifest
from tests.unit.docs.documents import read


def test_the_connections_are_those_of_the_manifest():
    reserved = 30  # infra/terraform/variables.tf
    sizes = [each.sizing for each in manifest().functions.values()]
    opened = sum((each["max_instances"] + 1) * each["pool_size"] for each in sizes)  # and one of a new revision
    assert f"says that {opened + reserved} of 1,000 are needed" in read("docs/capacity.md")
