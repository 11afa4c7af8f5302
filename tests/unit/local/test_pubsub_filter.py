"""Subscription filters take the messages that the filter language of Pub/Sub says they do."""

import pytest

from infra.local.cloud.pubsub_filter import BadFilter, parse

PAID = {"kind": "paid", "order": "KRC-1", "iana.org/language": "id"}


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "attributes:kind",
        'attributes.kind = "paid"',
        'attributes.kind="paid"',
        'attributes.kind != "expired"',
        'attributes.missing != "paid"',
        'hasPrefix(attributes.order, "KRC-")',
        'attributes."iana.org/language" = "id"',
        "NOT attributes:missing",
        "-attributes:missing",
        "NOT NOT attributes:kind",
        'attributes.kind = "paid" AND attributes:order',
        'attributes.kind = "expired" OR attributes:order',
        "attributes:kind AND (attributes:missing OR attributes:order)",
        'NOT (attributes.kind = "expired" OR attributes:missing)',
        'attributes:kind AND NOT hasPrefix(attributes.order, "X") AND attributes:order',
    ],
)
def test_a_matching_message_is_taken(expression: str) -> None:
    assert parse(expression)(PAID)


@pytest.mark.parametrize(
    "expression",
    [
        "attributes:missing",
        'attributes.kind = "PAID"',
        'attributes.missing = ""',
        'attributes.kind != "paid"',
        'hasPrefix(attributes.missing, "")',
        "NOT attributes:kind",
        'attributes.kind = "paid" AND attributes:missing',
        "attributes:missing OR attributes:other",
        "NOT attributes:missing AND attributes:other",
    ],
)
def test_another_message_is_left_out(expression: str) -> None:
    assert not parse(expression)(PAID)


def test_quotes_in_a_value_are_escaped() -> None:
    assert parse(r'attributes.title = "say \"hi\""')({"title": 'say "hi"'})


@pytest.mark.parametrize(
    "expression",
    [
        "kind",
        'data = "x"',
        "attributes",
        "attributes.kind",
        "attributes.kind = paid",
        'attributes.kind = "paid',
        'attributes.kind == "paid"',
        'attributes.kind = "paid" AND',
        "attributes:kind attributes:order",
        "attributes:kind AND attributes:order OR attributes:title",
        "(attributes:kind",
        "attributes:kind)",
        'hasPrefix(attributes.kind "p")',
        'hasSuffix(attributes.kind, "p")',
        r'attributes.kind = "\x"',
        "attributes:(",
        '__import__("os")',
    ],
)
def test_what_is_not_a_filter_is_refused(expression: str) -> None:
    with pytest.raises(BadFilter):
        parse(expression)
