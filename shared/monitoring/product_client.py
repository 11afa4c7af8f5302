"""Calls of the product at its public address, as a buyer's app makes them: through load balancer and edge."""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import requests

from shared.cloud.logs import correlation_id
from shared.cloud.settings import settings
from shared.identity.tokens import access_token

TIMEOUT_SECONDS = 30
_API = "/api/v1/"


class StepFailed(Exception):
    """A step of a synthetic purchase did not do what it promises. The reason names no person."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


@dataclass(frozen=True)
class ProductResponse:
    """A response: its status, and its JSON document."""

    status: int
    body: dict[str, Any]

    @property
    def is_ok(self) -> bool:
        """True if it did what was asked."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def problem(self) -> str:
        """The slug of its problem document; empty where it has none."""
        return str(self.body.get("type", "")).rsplit("/", 1)[-1]


class ProductClient:
    """The API as one customer uses it."""

    def __init__(self, customer_id: UUID) -> None:
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {access_token(customer_id, 'customer', None)}"
        self._session.headers["X-Request-Id"] = correlation_id()

    def post(self, step: str, path: str, body: dict[str, Any], *, accepts: Collection[str] = ()) -> ProductResponse:
        """POST a document. Raises StepFailed for a refusal that is not one of the slugs in `accepts`."""
        product_response = self._send(step, path, body)
        if not product_response.is_ok and product_response.problem not in accepts:
            raise StepFailed(step, f"{product_response.status} {product_response.problem}".strip())
        return product_response

    def _send(self, step: str, path: str, body: dict[str, Any]) -> ProductResponse:
        """Send one request. It has a key of its own, so that a proxy's repetition has no second effect."""
        try:
            response = self._session.post(
                f"{settings().public_url}{_API}{path}",
                json=body,
                headers={"Idempotency-Key": str(uuid4())},
                timeout=TIMEOUT_SECONDS * settings().timeout_factor,
                allow_redirects=False,
            )
            return ProductResponse(response.status_code, _document(response))
        except requests.RequestException as error:
            raise StepFailed(step, type(error).__name__) from error


def _document(response: requests.Response) -> dict[str, Any]:
    """The document of a response; an empty one where it is no JSON object, as an edge's own page."""
    try:
        document = response.json()
    except requests.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
