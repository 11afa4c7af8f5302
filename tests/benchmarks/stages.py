"""The stages of a request, told from stacks: where the innermost of our own calls, or of a known library's, belongs."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.benchmarks.sampling import Frame, Stack
from tests.stack import ROOT

OTHER = "other"

_DECIDING = {
    "logging": r"/logging/|shared/cloud/(logs|trace_context|tracing)|infra/local/metrics",
    "SQL": r"/pg8000/|/scramp/|/sqlalchemy/|shared/cloud/(database|clients|prepared_statements)",
    "limits": r"shared/web/(rate_limit|sliding_window)",
    "authentication": r"shared/web/(auth|cookie|csrf)|shared/identity/|/jwt/",
    "idempotency": r"shared/web/idempotency",
    "validation": r"shared/web/(requests|body_deadlines)|/email_validator/|shared/(field_types|models)|/reservation_",
    "after commit": r"shared/sales/expiry|shared/cloud/(tasks|cache|outbox|pubsub|circuit|read_th)|/google/|/grpc/",
    "batch": r"shared/cloud/request_batching|shared/sales/",
    "answer": r"shared/web/(rendering|headers|cors|caching|constant_time|pages)|shared/problems",
    "routing": r"shared/web/|functions/|infra/local/(web|invoker_check|compression)|shared/cloud/permissions",
}
"""The stages whose files decide, wherever their call stands in a stack: the innermost wins."""
_OTHERWISE = {
    "routing": r"/flask/|/werkzeug/|/functions_framework/",
    "server": r"/gunicorn/|/threading\.py|/concurrent/futures/|/selectors\.py|/socket\.py|infra/local/serve",
}
"""The stages of the libraries around us, for stacks that have not come to our own code."""

STAGES = ("server", "routing", "authentication", "limits", "validation", "idempotency", "batch", "SQL", "after commit")
ALL_STAGES = (*STAGES, "answer", "logging", OTHER)


def by_stage(stacks: Iterable[Stack]) -> Counter[str]:
    """How many samples each stage has."""
    return Counter(stage(stack) for stack in stacks)


def stage(stack: Stack) -> str:
    """The stage that a stack is in."""
    return _innermost(stack, _DECIDING) or _innermost(stack, _OTHERWISE) or OTHER


def _innermost(stack: Stack, rules: dict[str, str]) -> str | None:
    for frame in stack:
        for name, files in rules.items():
            if re.search(files, frame.file):
                return name
    return None


def by_function(stacks: Iterable[Stack]) -> Counter[str]:
    """How many samples each deployed function has, of those that are in a handler."""
    handlers = (_function(frame) for stack in stacks for frame in stack if "/functions/" in frame.file)
    return Counter(name for name in handlers if name)


def _function(frame: Frame) -> str | None:
    found = re.search(r"/functions/(\w+)/\w+\.py$", frame.file)
    return found[1] if found else None


def hottest(stacks: Iterable[Stack], count: int) -> list[tuple[str, int]]:
    """The innermost functions with most samples, a library's with that of ours that leads to it."""
    return Counter(" < ".join(_path(stack)) for stack in stacks).most_common(count)


def _path(stack: Stack) -> Iterator[str]:
    yield _title(stack[0])
    if not _is_ours(stack[0]):
        yield from (_title(frame) for frame in itertools.islice(filter(_is_ours, stack), 1))


def _is_ours(frame: Frame) -> bool:
    return frame.file.startswith(tuple(f"{ROOT}/{folder}/" for folder in ("shared", "functions", "infra")))


def _title(frame: Frame) -> str:
    file = frame.file.removeprefix(f"{ROOT}/").rpartition("site-packages/")[2]
    return f"{re.sub(r'^.*/lib/python[0-9.]+/', '', file)} {frame.function}"
