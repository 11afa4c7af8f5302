"""Failures of a local service: raised wherever it finds out."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Self, TypeVar

import grpc

Method = TypeVar("Method", bound=Callable[..., Any])


class Failure(Exception):
    """The call ends with this status code and message, which the client raises as in the cloud."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @classmethod
    def invalid(cls, message: str) -> Self:
        """The request itself is wrong."""
        return cls(grpc.StatusCode.INVALID_ARGUMENT, message)

    @classmethod
    def not_found(cls, message: str) -> Self:
        """The resource does not exist."""
        return cls(grpc.StatusCode.NOT_FOUND, message)


def failing(method: Method) -> Method:
    """Let a servicer's method (self, request, context) end its call by raising Failure."""
    wrap = _streaming if inspect.isgeneratorfunction(method) else _single
    return functools.wraps(method)(wrap(method))  # type: ignore[return-value]


def _single(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: object, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except Failure as failure:
            _abort(context, failure)

    return call


def _streaming(method: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    def call(self: object, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            yield from method(self, request, context)
        except Failure as failure:
            _abort(context, failure)

    return call


def _abort(context: grpc.ServicerContext, failure: Failure) -> NoReturn:
    context.abort(failure.code, failure.message)
    raise AssertionError("abort always raises")
