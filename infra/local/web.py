"""The whole product behind one address, as the load balancer shows it in the cloud.

    /api/v1/...         the functions, routed as functions/manifest.yaml says
    /functions/<name>/  each function by itself: where Pub/Sub, Tasks and Scheduler call
    /simulators/...     both payment gateways, the mail service and Google's sign-in
    /inbox              the mails that would have been sent
    /mails              every mail with made-up facts, to look at
    /media/...          banners, from a public bucket
    /id/queue/...       pages of waiting rooms, from another; also /en/queue and /queue-status
    /metrics            how it does, for Prometheus
    /                   what there is here; in the cloud the site's start
    /...                the pages of the site

Each function is made by functions-framework from the root main.py, exactly as in the cloud.
"""

import json
import logging
from collections.abc import Iterable
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

import functions_framework
from flask import Request
from werkzeug.wrappers import Response

from functions.manifest import Function, manifest
from infra.local import mail_previews, metrics, public_buckets, start_page
from infra.local.compression import Wsgi, compressed
from infra.local.invoker_check import behind_iam
from infra.local.simulators import application as simulators
from infra.local.simulators import inbox
from infra.local.simulators.settings import SimulatorSettings
from shared.chat import templates
from shared.cloud import logs, permissions
from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.identity import google_tokens
from shared.problems import NotFound
from shared.web import body_deadlines, headers, requests
from shared.web.app import API

ROOT = Path(__file__).parents[2]


class Web:
    """The WSGI application of a local run.

    What asks the local cloud is made when it is first needed: a worker begins also while that is away.
    """

    def __init__(self, store_url: str) -> None:
        listed = manifest().functions
        self._functions: dict[str, Wsgi] = {
            name: behind_iam(function, _with_grants(function, _created(name))) for name, function in listed.items()
        }
        logs.configure()
        logging.getLogger().addHandler(metrics.Counting())
        self._store_url = store_url

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        body_deadlines.set_deadline(request, requests.client_address(request))
        path = environ.get("PATH_INFO", "/")
        application = self._application(path, environ)
        return application(environ, start_response)

    @cached_property
    def _simulators(self) -> Wsgi:
        return simulators.application(self._store_url, simulator_settings())

    @cached_property
    def _inbox(self) -> Wsgi:
        return inbox.application(self._store_url)

    def _application(self, path: str, environ: dict[str, Any]) -> Wsgi:
        if path.startswith(f"{API}/"):
            return self._public_function(path)
        if path.startswith("/functions/"):
            return self._named_function(path, environ)
        if path in ("/health/live", "/health/ready", "/healthz", "/readyz"):
            return self._functions["orders"]
        if path.startswith("/simulators"):
            return self._simulators
        if path.startswith("/inbox"):
            return self._inbox
        if path.startswith(mail_previews.PATH):
            return mail_previews.application
        if path.startswith(public_buckets.MEDIA):
            return public_buckets.media
        if path.startswith(public_buckets.QUEUE):
            return compressed(public_buckets.queue)
        if path == metrics.PATH:
            return metrics.application
        return start_page.page(path) or self._page(path)

    def _page(self, path: str) -> Wsgi:
        try:
            return compressed(self._functions[manifest().showing(path)])
        except LookupError:
            return public_buckets.not_found

    def _public_function(self, path: str) -> Wsgi:
        try:
            return self._functions[manifest().serving(path)]
        except LookupError:
            return _not_found

    def _named_function(self, path: str, environ: dict[str, Any]) -> Wsgi:
        _, _, name, *rest = path.split("/", 3)
        function = self._functions.get(name.replace("-", "_"))
        if function is None:
            return _not_found
        environ["SCRIPT_NAME"] = f"/functions/{name}"
        environ["PATH_INFO"] = "/" + "".join(rest)
        return function


def _created(name: str) -> Wsgi:
    """A function's application, as in the cloud."""
    application: Wsgi = functions_framework.create_app(name, str(ROOT / "main.py"), "http")  # type: ignore[no-untyped-call]
    return application


def _with_grants(function: Function, application: Wsgi) -> Wsgi:
    """A function that may use what the manifest grants it, and nothing else."""

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with permissions.run_as(function.permissions):
            return application(environ, start_response)

    return serve


def simulator_settings() -> SimulatorSettings:
    """The settings that the simulators share with the product: addresses and keys."""
    return SimulatorSettings(
        public_url=settings().public_url,
        webhook_url=f"{settings().public_url}{API}/payments/webhook",
        xendit_api_key=secret("xendit-api-key"),
        xendit_callback_token=secret("xendit-callback-token"),
        midtrans_server_key=secret("midtrans-server-key"),
        midtrans_client_key=secret("midtrans-client-key"),
        sendgrid_api_key=secret("sendgrid-api-key"),
        google_client_ids=tuple(google_tokens.client_ids()),
        mail_events_url=f"{settings().public_url}{API}/messages/webhook/sendgrid",
        whatsapp_webhook_url=f"{settings().public_url}{API}/chat/webhook/whatsapp",
        whatsapp_access_token=secret("whatsapp-access-token"),
        whatsapp_app_secret=secret("whatsapp-app-secret"),
        whatsapp_phone_number_id=settings().whatsapp_phone_number_id,
        whatsapp_number=settings().whatsapp_number,
        whatsapp_templates=tuple(
            template.submission(language, sample_ticket="4::SAMPLE")
            for template in templates.TEMPLATES.values()
            for language in templates.LANGUAGES
        ),
    )


def _not_found(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    correlation = logs.begin_request(environ.get("HTTP_X_REQUEST_ID"))
    requests.drain(Request(environ))
    document = json.dumps(NotFound().document(correlation))
    answer = Response(document, HTTPStatus.NOT_FOUND, content_type="application/problem+json")
    answer.headers["X-Request-Id"] = correlation
    headers.add_security_headers(answer)
    return answer(environ, start_response)
