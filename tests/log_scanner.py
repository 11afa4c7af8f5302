"""Reads every line that the product logs during the tests, and fails where one tells on somebody (SEC-013).

What is logged in the tests' own process comes through a handler with the product's formatter; what a product
started by tests/stack.py prints is handed over line by line. The fixtures of tests/conftest.py do the failing.
"""

import logging
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from shared.cloud.logs import JsonLines

LOGGERS = ("shared", "functions", "infra", "karcis")
"""Ours, which speak from INFO on, as in the cloud."""
OUR_OWN = "karcis.example"
"""Under this domain are our own addresses: the sender's, and the demo accounts that a start prints."""

_KINDS = {
    "an e-mail address": re.compile(
        rf"[^\s\"'<>@,;:()\[\]{{}}\\*/](?:@|%40)(?!{re.escape(OUR_OWN)})(?!deleted\.invalid)[\w-]+(?:\.[\w-]+)+"
    ),
    "a telephone number": re.compile(r"(?<![\w.*-])(?:\+?62|0)[ -]?8\d{1,2}[ -]?\d{3,4}[ -]?\d{3,5}(?![\w-])"),
    "an identity number": re.compile(r"(?<![\w.*-])\d{16}(?![\w-])"),
    "a signed token": re.compile(r"eyJ[\w-]{8,}\.[\w-]+"),
    "a bearer token": re.compile(r"(?i)bearer\s+(?!\[)[\w.=-]{8,}"),
    "a refresh token": re.compile(r"(?<![\w-])(?=[\w-]{43}(?![\w-]))(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]*\d[\w-]*"),
}
_SHORTEST_SECRET = 6


@dataclass(frozen=True)
class Finding:
    """Something in a line that should not be there. The line is shown without it."""

    kind: str
    line: str

    def __str__(self) -> str:
        return f"{self.kind} in: {self.line}"


class LogScanner(logging.Handler):
    """Scans lines as they come, from any thread; `check` fails once for what was found since the last time."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLines())
        self._secrets: set[str] = set()
        self._findings: list[Finding] = []
        self._guard = threading.Lock()

    def keep_secret(self, values: Iterable[str]) -> None:
        """Look for these from now on."""
        self._secrets |= {value for value in values if len(value) >= _SHORTEST_SECRET}

    def emit(self, record: logging.LogRecord) -> None:
        """Scan what would be printed."""
        self.see(self.format(record))

    def see(self, line: str) -> None:
        """Scan a line."""
        found = [kind for kind, pattern in _KINDS.items() if pattern.search(line)]
        found += ["a secret"] if any(secret in line for secret in self._secrets) else []
        if found:
            with self._guard:
                self._findings += [Finding(kind, self._hidden(line)) for kind in found]

    def check(self) -> None:
        """Raise AssertionError with what was found."""
        with self._guard:
            found, self._findings = self._findings, []
        assert not found, "raw personal data or a secret was logged:\n" + "\n".join(map(str, found))

    def _hidden(self, line: str) -> str:
        for pattern in _KINDS.values():
            line = pattern.sub("[hidden]", line)
        for secret in self._secrets:
            line = line.replace(secret, "[hidden]")
        return line.strip()[:1000]


scanner = LogScanner()
"""That of this test process."""


def listen() -> None:
    """Scan what is logged in this process from now on."""
    logging.getLogger().addHandler(scanner)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
