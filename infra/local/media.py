"""The media bucket as the load balancer's backend bucket shows it: /media/<object>."""

import os
import re
from collections.abc import Iterable
from typing import Any

import requests
from werkzeug.wrappers import Response

from shared.cloud.settings import settings

PATH = "/media/"
_SENT_ON = ("Content-Type", "Cache-Control", "ETag", "Last-Modified")


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer one request with what the local Cloud Storage shows to everybody."""
    return _answer(environ["PATH_INFO"].removeprefix(PATH))(environ, start_response)


def _answer(name: str) -> Response:
    if not re.fullmatch(r"[a-z0-9/]+\.[a-z]+", name):  # nothing that leads out of the bucket
        return Response(status=404)
    found = requests.get(f"{os.environ['LOCAL_CLOUD_URL']}/{settings().media_bucket}/{name}", timeout=10)
    headers = {key: value for key, value in found.headers.items() if key in _SENT_ON}
    return Response(found.content, found.status_code, headers)
