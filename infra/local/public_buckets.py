"""The public buckets as the load balancer's backend buckets show them: pictures, and the pages of waiting rooms.

/media/<object>                               the bucket `media`
/id/queue/..., /en/queue/..., /queue-status/...    the bucket `queue`, whose objects are named as the addresses
whatever nobody serves                        the page of infra/terraform/pages
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import requests
from flask import Request
from werkzeug.wrappers import Response

from shared.cloud.settings import settings
from shared.web import headers, pages
from shared.web.requests import drain

MEDIA = "/media/"
QUEUE = ("/id/queue/", "/en/queue/", "/queue-status/")
_NOT_FOUND = Path(__file__).parents[1] / "terraform" / "pages" / "not-found.html"
_STYLE = re.compile("<style>(.*)</style>", re.DOTALL)
_SENT_ON = ("Content-Type", "Cache-Control", "ETag", "Last-Modified")
_NAME = re.compile(r"[a-z0-9/-]+(\.[a-z]+)?")
"""Nothing that leads out of the bucket."""


def media(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer one request with a picture."""
    answer = _answer(settings().media_bucket, environ["PATH_INFO"].removeprefix(MEDIA))
    return answer(environ, start_response)


def queue(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer one request with a page or the status of a waiting room, which has the headers of a page."""
    answer = _answer(settings().queue_bucket, environ["PATH_INFO"].removeprefix("/"))
    if answer.status_code in (403, 404):
        return not_found(environ, start_response)
    answer.headers.update(pages.public_headers())
    headers.add_security_headers(answer)
    return answer(environ, start_response)


def not_found(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer one request to an address that nobody serves, as the load balancer does (infra/terraform/url_map.tf)."""
    drain(Request(environ))
    page = _NOT_FOUND.read_text(encoding="utf-8")
    [style] = _STYLE.findall(page)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    answer = Response(page, 404, {"Cache-Control": "public, max-age=300"}, content_type="text/html; charset=utf-8")
    headers.add_security_headers(answer)
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return answer(environ, start_response)


def _answer(bucket: str, name: str) -> Response:
    if not _NAME.fullmatch(name):
        return Response(status=404)
    found = requests.get(f"{os.environ['LOCAL_CLOUD_URL']}/{bucket}/{name}", timeout=10)
    kept = {key: value for key, value in found.headers.items() if key in _SENT_ON}
    return Response(found.content, found.status_code, kept)
