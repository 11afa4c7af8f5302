"""The product keeps to its OpenAPI document, whatever it is sent (M-002).

Hundreds of generated requests, right and wrong, with ids of nothing and of real things: no 5xx, no status
or content type that is not documented, and every answer in the form that is promised. The requests are the
same in every run, other ones in each `make explore`; those that are let in come from an admin, who may call everything.
"""

import json
import math
import zlib
from functools import cache
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from schemas.openapi import FILE
from tests.conftest import EXPLORES
from tests.people import World
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
REQUESTS = 20_000 if EXPLORES else 600
BETWEEN_REAL_IDS = 2
"""Every second request names real things, so that it gets further than "not found"."""

DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
EXAMPLES = math.ceil(REQUESTS / len(OPERATIONS))
"""Generated requests for each operation."""


@cache
def schema() -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(DOCUMENT)


class Product:
    """The running product, an admin who calls it, and things that are there."""

    def __init__(self, stack: Stack) -> None:
        world = World(stack)
        admin, organizer, buyer = world.somebody("admin"), world.somebody("organizer"), world.somebody()
        self.url = stack.url
        self.session = requests.Session()
        self.headers = {"Authorization": str(admin.api.headers["Authorization"])}
        self.requests = 0
        event = organizer.publish()
        order = buyer.buy(event)
        self._ids = {
            "event": event["id"],
            "event_id": event["id"],
            "tier": event["tiers"][0]["id"],
            "tier_id": event["tiers"][0]["id"],
            "order_id": order["id"],
            "payment_id": order["payments"][0]["id"],
            "ticket_id": order["tickets"][0]["id"],
        }

    def send(self, case: Case) -> None:
        """Send the request, and hold the answer against the document."""
        self.requests += 1
        if self.requests % BETWEEN_REAL_IDS == 0:
            case.path_parameters = self._with_real_ids(case.path_parameters)
            case.body = self._with_real_ids(case.body)
        case.call_and_validate(
            base_url=self.url, session=self.session, headers=self.headers, checks=CHECKS, timeout=PATIENCE_SECONDS
        )

    def _with_real_ids(self, given: Any) -> Any:
        if isinstance(given, list):
            return [self._with_real_ids(each) for each in given]
        if isinstance(given, dict):
            return {name: self._ids.get(name) or self._with_real_ids(value) for name, value in given.items()}
        return given


@pytest.fixture(scope="module")
def product(stack: Stack) -> Product:
    return Product(stack)


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_every_answer_is_one_that_the_document_promises(product: Product, method: str, path: str):
    operation = schema()[path][method]
    cases = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(max_examples=EXAMPLES)
    @given(case=cases)
    def send(case: Case) -> None:
        product.send(case)

    (send if EXPLORES else seed(zlib.crc32(f"{method} {path}".encode()))(send))()
