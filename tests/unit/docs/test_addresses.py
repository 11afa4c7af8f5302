"""Every address that a document tells people to call exists."""

import json
import re

import pytest

from schemas import openapi
from tests.unit.docs.documents import ROOT

GATEWAYS = ROOT / "docs/reference/gateways.md"  # whose addresses are not ours
DOCUMENTS = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page != GATEWAYS)]
NAMED = re.compile(r"`(GET|POST|PUT|DELETE) (?:/api/v1)?(/[^`?\s]+)")


def shape(path: str) -> str:
    """A path whose variables have no names: `/refunds/{}/retry`."""
    return re.sub(r"{\w+}", "{}", path)


OPERATIONS = {
    (method.upper(), shape(path.removeprefix("/api/v1")))
    for path, methods in json.loads(openapi.FILE.read_text(encoding="utf-8"))["paths"].items()
    for method in methods
}
ADDRESSES = sorted(
    {
        (document.name, method, shape(path))
        for document in DOCUMENTS
        for method, path in NAMED.findall(document.read_text(encoding="utf-8"))
    }
)


def test_documents_name_addresses():
    assert ("runbook.md", "POST", "/admin/mails/{}/send-again") in ADDRESSES


@pytest.mark.parametrize(("document", "method", "path"), ADDRESSES)
def test_an_address_that_is_named_is_there(document: str, method: str, path: str):
    assert (method, path) in OPERATIONS
