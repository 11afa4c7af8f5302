"""Known vulnerabilities in the packages that a function installs: `python -m infra.checks.vulnerabilities`.

pip-audit asks the OSV database about each pinned package. Those with a fix fail the check; those without are told,
since nobody could do anything about it. Where the database does not answer, or with an error (an office behind a
proxy, a laptop on a train) the check says that it did not happen, and passes; with `--must-answer`, as the pipeline
runs it, it fails: what nobody has looked at is not released.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
PATIENCE_SECONDS = 15
NOT_REACHED = re.compile(
    r"(^|[.:])(ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|HTTPError|ServiceError)(:|$)"
)
"""The start of pip-audit's last line where the database did not answer, or with an error."""
MUST_ANSWER = "--must-answer"


@dataclass(frozen=True)
class Vulnerability:
    """One advisory about one of our packages. `fixed_in` are the versions that end it, oldest first."""

    package: str
    version: str
    advisory: str
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        remedy = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no fix yet"
        return f"{self.package} {self.version}: {self.advisory} ({remedy})"


@dataclass(frozen=True)
class Verdict:
    """The text to print, and the exit status."""

    words: str
    status: int


def main(arguments: list[str]) -> int:
    """Ask, print what was found, and give the exit status; arguments other than MUST_ANSWER go to pip-audit."""
    passed_on = [argument for argument in arguments if argument != MUST_ANSWER]
    asked = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(REQUIREMENTS), "--require-hashes"),
            *("--disable-pip", "--vulnerability-service", "osv", "--format", "json"),
            *("--progress-spinner", "off", "--timeout", str(PATIENCE_SECONDS), *passed_on),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    verdict = judge(asked.stdout, asked.stderr, must_answer=MUST_ANSWER in arguments)
    sys.stdout.write(verdict.words + "\n")
    return verdict.status


def judge(report: str, complaint: str, *, must_answer: bool = False) -> Verdict:
    """The verdict on pip-audit's JSON report, or on what it complained of where there is none."""
    try:
        found = read(json.loads(report))
    except json.JSONDecodeError:
        return _without_report(complaint, must_answer)
    fixable = [each for each in found if each.fixed_in]
    lines = [f"{'FAIL' if each.fixed_in else 'note'}  {each}" for each in found]
    summary = f"{len(found)} known vulnerabilities, {len(fixable)} of them with a fix: `make lock` takes the fixes."
    return Verdict("\n".join([*lines, summary if found else "No known vulnerabilities."]), 1 if fixable else 0)


def read(report: dict[str, Any]) -> list[Vulnerability]:
    """The vulnerabilities of a report."""
    return [
        Vulnerability(package["name"], package["version"], advisory["id"], tuple(advisory["fix_versions"]))
        for package in report["dependencies"]
        for advisory in package.get("vulns", [])
    ]


def _without_report(complaint: str, must_answer: bool) -> Verdict:
    last = next((line for line in reversed(complaint.splitlines()) if line.strip()), "")
    if NOT_REACHED.search(last.strip()):
        words = f"NOT CHECKED: the vulnerability database did not answer, or with an error ({last[:200]})"
        return Verdict(words, 1 if must_answer else 0)
    return Verdict(f"pip-audit failed:\n{complaint[-2000:]}", 2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
