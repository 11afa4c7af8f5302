"""Serve a Google API over gRPC from plain methods, with the client library's own message types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc


@dataclass(frozen=True)
class Method:
    """One remote procedure: how its request is read and its response written.

    `streams_in` and `streams_out` tell whether requests and responses are single messages or streams.
    """

    request: type
    response: type
    streams_in: bool = False
    streams_out: bool = False


def add_service(server: grpc.Server, name: str, servicer: object, methods: Mapping[str, Method]) -> None:
    """Register `servicer` as the gRPC service `name` (for example `google.cloud.tasks.v2.CloudTasks`).

    For each method the servicer has a function of the same name taking (request, context). A method
    that is not listed answers UNIMPLEMENTED, as the real service does for one it lacks.
    """
    handlers = {method: _handler(getattr(servicer, method), shape) for method, shape in methods.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))


def _handler(behaviour: Callable[..., Any], shape: Method) -> grpc.RpcMethodHandler:
    makers = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = makers[shape.streams_in, shape.streams_out]
    return make(behaviour, _reader(shape.request), _writer(shape.response))


def _reader(kind: Any) -> Callable[[bytes], Any]:
    read: Callable[[bytes], Any] = kind.deserialize if _is_wrapped(kind) else kind.FromString
    return read


def _writer(kind: Any) -> Callable[[Any], bytes]:
    write: Callable[[Any], bytes] = kind.serialize if _is_wrapped(kind) else kind.SerializeToString
    return write


def _is_wrapped(kind: Any) -> bool:
    """True if it is a class of proto-plus and not of raw protobuf."""
    return hasattr(kind, "serialize")
