"""The filter language of Pub/Sub subscriptions: which messages a subscription takes, by their attributes."""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

Attributes = Mapping[str, str]
Predicate = Callable[[Attributes], bool]

_TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>!=|[-().:,=]))')


class BadFilter(ValueError):
    """The expression is not in the filter language."""


@lru_cache(maxsize=256)
def parse(expression: str) -> Predicate:
    """The filter as a function of a message's attributes; the empty filter takes everything.

    Known are `attributes:key`, `attributes.key = "value"`, `!=` (true also where the key is missing),
    `hasPrefix(attributes.key, "start")`, NOT and `-`, AND, OR and brackets. As in the cloud AND and OR
    may only be mixed with brackets. Raises BadFilter.
    """
    if not expression.strip():
        return lambda _: True
    parser = _Parser(expression)
    predicate = parser.expression()
    parser.expect_end()
    return predicate


class _Parser:
    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = _tokens(expression)
        self._position = 0

    def expression(self) -> Predicate:
        terms = [self._term()]
        joint = self._peek() if self._peek() in ("AND", "OR") else None
        while joint and self._take(joint):
            terms.append(self._term())
        if self._peek() in ("AND", "OR"):
            raise self._wrong("AND and OR are mixed without brackets")
        every = all if joint != "OR" else any
        return lambda attributes: every(term(attributes) for term in terms)

    def expect_end(self) -> None:
        if self._peek() is not None:
            raise self._wrong(f"{self._peek()} is not expected")

    def _term(self) -> Predicate:
        if self._take("NOT") or self._take("-"):
            negated = self._term()
            return lambda attributes: not negated(attributes)
        if self._take("("):
            inner = self.expression()
            self._expect(")")
            return inner
        if self._take("hasPrefix"):
            return self._has_prefix()
        return self._comparison()

    def _has_prefix(self) -> Predicate:
        self._expect("(")
        self._expect("attributes")
        self._expect(".")
        key = self._key()
        self._expect(",")
        prefix = self._text()
        self._expect(")")
        return lambda attributes: key in attributes and attributes[key].startswith(prefix)

    def _comparison(self) -> Predicate:
        self._expect("attributes")
        if self._take(":"):
            present = self._key()
            return lambda attributes: present in attributes
        self._expect(".")
        key = self._key()
        if self._take("!="):
            unwanted = self._text()
            return lambda attributes: attributes.get(key) != unwanted
        self._expect("=")
        wanted = self._text()
        return lambda attributes: attributes.get(key) == wanted

    def _key(self) -> str:
        token = self._next()
        if token.startswith('"'):
            return self._unquoted(token)
        if not token.isidentifier():
            raise self._wrong(f"{token} is not the key of an attribute")
        return token

    def _text(self) -> str:
        token = self._next()
        if not token.startswith('"'):
            raise self._wrong(f"{token} should be in double quotes")
        return self._unquoted(token)

    def _unquoted(self, token: str) -> str:
        try:
            return str(json.loads(token))
        except ValueError:
            raise self._wrong(f"{token} is not a string") from None

    def _peek(self) -> str | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise self._wrong("it ends too early")
        self._position += 1
        return token

    def _take(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._position += 1
        return True

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise self._wrong(f"{found} stands where {token} is expected")

    def _wrong(self, reason: str) -> BadFilter:
        return BadFilter(f"filter {self._expression!r}: {reason}")


def _tokens(expression: str) -> list[str]:
    tokens, position = [], 0
    expression = expression.rstrip()
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if found is None:
            raise BadFilter(f"filter {expression!r}: cannot be read from character {position + 1}")
        tokens.append(found[found.lastgroup or 0])
        position = found.end()
    return tokens
