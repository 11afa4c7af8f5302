"""Templates of notices keep WhatsApp's limits, and say in both languages the same of the same things (NS-010)."""

import re

import pytest

from infra.local import mail_samples
from infra.local.mail_samples import LONG, Sample
from shared.chat import notice_messages, templates
from shared.chat.templates import LANGUAGES, TEMPLATES, MessageTemplate
from shared.messages.chat_notices import KINDS

EACH = [(template, language) for template in TEMPLATES.values() for language in LANGUAGES]
MARK = re.compile(r"\{\{([a-z_]+)\}\}")


def test_every_notice_has_its_text():
    assert set(TEMPLATES) == KINDS
    assert len({template.name for template in TEMPLATES.values()}) == len(KINDS)


@pytest.mark.parametrize(("template", "language"), EACH, ids=lambda each: getattr(each, "name", each))
def test_what_whatsapp_reviews_is_within_its_limits(template: MessageTemplate, language: str):
    words = template.text(language)
    named = MARK.findall(words)
    assert re.fullmatch(r"[a-z0-9_]{1,512}", template.name)
    assert len(words) <= templates.BODY_LENGTH
    assert sorted(named) == sorted(set(template.parameters()))
    assert not words.startswith("{{")
    assert not words.endswith("}}")
    assert not re.search(r"\}\}\s*\{\{", words)
    assert "{" not in MARK.sub("", words)
    assert template.ttl_seconds is None or 30 <= template.ttl_seconds <= 43_200
    document = template.submission(language, "4::EXAMPLE")
    body = document["components"][-1]
    assert [each["param_name"] for each in body["example"]["body_text_named_params"]] == list(template.parameters())
    assert (document["category"], document["parameter_format"]) == ("utility", "named")


@pytest.mark.parametrize(("template", "language"), EACH, ids=lambda each: getattr(each, "name", each))
def test_the_longest_values_fit(template: MessageTemplate, language: str):
    longest = {name: templates.value("x" * 5000) for name in template.parameters()}
    assert len(template.filled(language, longest)) <= templates.BODY_LENGTH


TOLD = [
    pytest.param(sample, language, id=f"{sample.slug}-{language}")
    for language in LANGUAGES
    for sample in mail_samples.samples(language, LONG)
    if sample.template in KINDS and sample.context.get("to_buyer", True)
]


@pytest.mark.parametrize(("sample", "language"), TOLD)
def test_whatever_a_mail_tells_fits_the_template_and_names_the_event(sample: Sample, language: str):
    template = TEMPLATES[sample.template]
    words = template.filled(language, notice_messages.values_of(template, sample.context, language))
    assert LONG.title[:100] in words
    assert "None" not in words
    assert len(words) <= templates.BODY_LENGTH


def test_a_value_is_one_line():
    assert templates.value(" Konser\n\n Senja\t") == "Konser Senja"
