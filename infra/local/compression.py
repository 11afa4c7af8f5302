"""Text is compressed on its way to browsers, as the load balancer does in the cloud (compression_mode = AUTOMATIC)."""

import gzip
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

SMALLEST_BYTES = 1024
"""Smaller answers are sent as they are."""
_TYPES = (
    "text/html",
    "text/css",
    "text/javascript",
    "application/json",
    "image/svg+xml",
    "application/manifest+json",
    "application/wasm",
)

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def compressed(application: Wsgi) -> Wsgi:
    """The application, whose text answers are compressed where the client takes gzip; any other passes bit by bit."""

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = Response.from_app(application, environ)
        if answer.mimetype not in _TYPES or answer.status_code != 200:
            return answer(environ, start_response)
        answer.vary.add("Accept-Encoding")
        content = answer.get_data()
        if len(content) >= SMALLEST_BYTES and Request(environ).accept_encodings["gzip"] > 0:
            answer.set_data(gzip.compress(content, compresslevel=5))
            answer.headers["Content-Encoding"] = "gzip"
            etag, _ = answer.get_etag()
            if etag:
                answer.set_etag(etag, weak=True)
        return answer(environ, start_response)

    return serve
