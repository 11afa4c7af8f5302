"""docs/map.md shows what is there: every function and topic of the manifest, and every package of the product."""

import re
import tomllib

from functions.manifest import manifest
from tests.unit.docs.documents import ROOT, read

MAP = read("docs/map.md")


def rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = MAP.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_function_is_there():
    assert rows("Functions") == [
        [function.name, function.summary, ", ".join(function.jobs)] for function in manifest().functions.values()
    ]


def test_every_topic_is_there_with_whom_it_reaches():
    heard = {
        topic: [function.name for function in manifest().functions.values() if topic in function.subscriptions]
        for topic in manifest().topics
    }
    told = {topic.strip("`"): hearers for topic, _, hearers in rows("Topics")}
    assert told == {topic: ", ".join(names) or "nobody yet" for topic, names in heard.items()}


def layers() -> list[str]:
    """The layers of the product, topmost first, as import-linter holds them."""
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    return [layer for layer in contracts[0]["layers"] if layer not in ("tests", "infra")]


def test_the_layers_are_those_that_are_held():
    drawn = MAP.split("```")[1].strip().splitlines()
    assert [re.split(r"\s{2,}", line)[0] for line in drawn] == layers()


def test_every_package_has_its_layer():
    held = {name.strip() for layer in layers() for name in layer.split("|")}
    entries = {path.stem for path in (ROOT / "shared").iterdir() if not path.stem.startswith("_")}
    assert {f"shared.{entry}" for entry in entries} == {name for name in held if name != "functions"}


def test_the_glossary_has_thirty_terms_at_most():
    rows = MAP.split("\n## Terms\n")[1].split("\n## ")[0].count("\n| ") - 1
    assert rows <= 30
