"""docs/map.md shows what is there: every function and topic of the manifest, and every package of the product."""

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
    told = {topic.strip("`"): hearers for topic, _, hearers in rows("What travels")}
    assert told == {topic: ", ".join(names) or "nobody yet" for topic, names in heard.items()}


def test_every_package_is_there():
    plan = MAP.split("```")[1]
    packages = {path.name for path in (ROOT / "shared").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {package for package in packages if package not in plan} == set()
