"""infra/terraform/README.md takes an empty project to the first request: what it has people type is complete."""

import re

from functions.manifest import manifest
from tests.unit.docs.documents import read

SECRETS = read("infra/terraform/README.md").split("**4. Secrets.**")[1].split("**5.")[0]


def test_every_secret_is_given_a_value_once():
    loops = re.findall(r"^for name in ([a-z\\\s-]+); do$", SECRETS, re.MULTILINE)
    named = [name for loop in loops for name in loop.replace("\\", " ").split()]
    assert sorted(named) == sorted(manifest().secrets)
