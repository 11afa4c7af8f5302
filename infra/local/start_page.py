"""The pages of a local run that are not the product's: what there is here, and the API at a glance."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import requests
from jinja2 import Environment, FileSystemLoader
from sqlalchemy import text
from werkzeug.wrappers import Response

from infra.local import design_page, seed
from infra.local.compression import Wsgi
from schemas import openapi
from shared.cloud.database import transaction

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_FIGURES = text("""
    SELECT (SELECT count(*) FROM events WHERE status = 'published' AND end_date > now()) AS events,
        (SELECT count(*) FROM orders WHERE status IN ('reserved', 'pending_payment')) AS live_orders,
        (SELECT count(*) FROM orders WHERE status = 'paid') AS paid_orders,
        (SELECT count(*) FROM tickets) AS tickets,
        (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS unpublished,
        (SELECT count(*) FROM manual_tasks WHERE done_at IS NULL) AS manual_tasks
""")
_EVENT = text("""
    SELECT slug, title FROM events WHERE status = 'published' AND end_date > now() ORDER BY start_date LIMIT 1
""")


def page(path: str) -> Wsgi | None:
    """The page at `path`, or None where there is none."""
    return _PAGES.get(path)


def _start(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    with transaction() as tx:
        figures = tx.execute(_FIGURES).mappings().one()
        event = tx.execute(_EVENT).mappings().first()
    state = requests.get(f"{os.environ['LOCAL_CLOUD_URL']}/state.json", timeout=5).json()
    content = _TEMPLATES.get_template("start.html").render(
        figures=figures, event=event, cloud=state, password=seed.PASSWORD
    )
    return Response(content, content_type="text/html; charset=utf-8")(environ, start_response)


def _openapi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return Response(openapi.to_json(), content_type="application/json")(environ, start_response)


def _docs(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    content = _TEMPLATES.get_template("docs.html").render(document=openapi.document())
    return Response(content, content_type="text/html; charset=utf-8")(environ, start_response)


_PAGES: dict[str, Wsgi] = {"/": _start, "/openapi.json": _openapi, "/docs": _docs, "/design": design_page.application}
