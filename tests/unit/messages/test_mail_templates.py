"""Every mail in both languages: all that matters is in the plain text, and nothing typed by people turns into HTML."""

import re
from dataclasses import replace
from functools import cache
from typing import get_args
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from jinja2 import UndefinedError

from functions.manifest import manifest
from infra.local.mail_samples import LONG, SHORT, Names, samples
from shared.messages import mails
from shared.messages.rendering import render
from shared.messages.template_data import Ticket

NASTY = Names("Siti <b>Rahma</b>", "Budi {{ 1 }}", "Konser <Senja> & Kawan", "Istora <i>", "VIP <u>", "Reguler & co")
LANGUAGES = ("id", "en")
EVERY_MAIL = [(sample.slug, language) for language in LANGUAGES for sample in samples(language)]


def sample(slug, language, names=SHORT):
    [found] = [each for each in samples(language, names) if each.slug == slug]
    return found


def rendered(slug, language, names=SHORT, **context):
    chosen = sample(slug, language, names)
    return render(chosen.template, language, {**chosen.context, **context})


@cache
def as_it_is(slug, language):
    """A mail with its ordinary context, rendered once for all that is asked about it."""
    return rendered(slug, language)


def words_of(html):
    """The text that a reader sees of an HTML mail."""
    body = re.sub(r"(?s)<(style|title).*?</\1>|<!--.*?-->", " ", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_every_template_is_looked_at():
    assert {each.template for each in samples("id")} == set(get_args(mails.Template))


@pytest.mark.parametrize("names", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(("slug", "language"), EVERY_MAIL)
def test_every_mail_has_a_subject_and_a_whole_page_in_its_language(slug, language, names):  # U-005, NS-007
    mail = rendered(slug, language, names)
    assert mail.subject
    assert "\n" not in mail.subject
    assert f'<html lang="{language}">' in mail.html
    assert 'name="viewport"' in mail.html
    assert 'name="color-scheme" content="light dark"' in mail.html
    assert ("Halo" if language == "id" else "Hello") in mail.text
    assert "{" not in mail.text + re.sub(r"(?s)<style.*?</style>", "", mail.html)


@pytest.mark.parametrize(("slug", "language"), EVERY_MAIL)
def test_the_plain_text_can_be_read_alone(slug, language):
    mail = as_it_is(slug, language)
    assert not re.search(r"</?(p|td|strong|a|br)\b|&\w+;", mail.text)
    assert "\n\n\n" not in mail.text
    for figure in re.findall(r"Rp [\d.,]*\d|\d{6,}", words_of(mail.html)):
        assert figure in mail.text


@pytest.mark.parametrize(("slug", "language"), EVERY_MAIL)
def test_what_a_mail_links_to_is_there(slug, language):
    mail = as_it_is(slug, language)
    ours = "http://127.0.0.1:8080"
    linked = {urlsplit(each).path for each in re.findall(rf'href="({ours}[^"]*)"', mail.html)}
    for path in linked - {""}:
        assert manifest().showing(path) == "site"
        assert f"{ours}{path}" in mail.text


@pytest.mark.parametrize(("slug", "language"), EVERY_MAIL)
def test_what_people_typed_is_shown_and_never_obeyed(slug, language):
    mail = rendered(slug, language, NASTY)
    assert not re.search(r"<(b|i|u|Senja)>", mail.html)
    assert "Senja> & " not in mail.html
    if "Konser" in mail.html:
        assert "Konser &lt;Senja&gt; &amp; Kawan" in mail.html
        assert "Konser <Senja> & Kawan" in mail.text + mail.subject


@pytest.mark.parametrize(("slug", "language"), EVERY_MAIL)
def test_amounts_stay_on_one_line(slug, language):  # NS-007
    shown = re.sub("<title>.*</title>", "", as_it_is(slug, language).html)
    assert not re.search(r"Rp \d", shown)


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("id", ["2 x VIP (Rp 150.000): Rp 300.000", "2 x Rp 10.000: Rp 20.000", "-Rp 20.000", "Total: Rp 407.500"]),
        ("en", ["2 x VIP (Rp 150,000): Rp 300,000", "2 x Rp 10,000: Rp 20,000", "-Rp 20,000", "Total: Rp 407,500"]),
    ],
)
def test_a_confirmation_shows_every_price_and_fee_and_the_total(language, lines):  # FN-001..003
    text = rendered("order_confirmation-account", language).text
    for line in lines:
        assert line in text


@pytest.mark.parametrize("template", ["order_confirmation", "payment_reminder"])
@pytest.mark.parametrize(
    ("variant", "told"),
    [
        ("account", "8808123456789012"),
        ("bill", "992326882473"),
        ("bill", "70012"),
        ("bill", "407.500"),
        ("qris", "https://pay.example/inv-1"),
        ("any", "/orders/0d9c8b7a-1122-4333-8444-55667788990a"),
    ],
)
def test_a_confirmation_and_its_reminder_tell_how_to_pay_and_until_when(variant, told, template):  # NS-002, NS-004
    context = sample(f"order_confirmation-{variant}", "id").context
    mail = render(template, "id", context)
    for words in (mail.text, mail.html):
        assert told in words
        assert "Minggu, 1 November 2026, 10.30 WIB" in words


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_confirmation_of_a_paid_order_asks_for_no_money(language):
    mail = rendered("order_confirmation-paid", language)
    assert not re.search(r"(?i)bayar sekarang|pay now|paling lambat|pay by", mail.text + mail.html)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["e_ticket", "event_reminder", "ticket_delayed", "event_changed"])
def test_an_attendee_sees_no_order(template, language):
    mail = rendered(f"{template}-attendee", language)
    assert "0d9c8b7a-1122-4333-8444-55667788990a" not in mail.text + mail.html


def test_an_attendee_is_greeted_by_name():
    assert "Budi" in rendered("e_ticket-attendee", "en").text.splitlines()[0]


@pytest.mark.parametrize(
    ("variant", "language", "subject"),
    [
        ("buyer", "id", "Besok: Konser Senja"),
        ("today", "id", "Hari ini: Konser Senja"),
        ("buyer", "en", "Tomorrow: Konser Senja"),
        ("today", "en", "Today: Konser Senja"),
    ],
)
def test_a_reminder_says_which_day_it_is(variant, language, subject):  # NS-005
    assert rendered(f"event_reminder-{variant}", language).subject == subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("slug", ["sale_made", "sale_digest-event", "sale_digest-events"])
def test_a_notice_of_sales_can_be_ended(slug, language):  # NOTIFY-1
    mail = as_it_is(slug, language)
    assert "https://karcis.example/u?token=0" in mail.text
    assert 'href="https://karcis.example/u?token=0"' in mail.html


def test_a_code_is_not_in_the_subject():
    assert "123456" not in rendered("verify_email", "id").subject


def test_a_missing_fact_is_an_error_and_no_gap_in_a_mail():
    with pytest.raises(UndefinedError):
        render("verify_email", "id", {"full_name": "Siti"})


@pytest.mark.parametrize("language", LANGUAGES)
def test_tickets_that_are_too_many_to_attach_are_not_said_to_be_attached(language):
    many = [Ticket(UUID(int=number), "VIP", "Siti", None) for number in range(100)]
    mail = rendered("e_ticket-many", language, tickets=many)
    for words in (mail.text, words_of(mail.html)):
        assert "100 e-ti" in words
        assert "terlampir" not in words
        assert "are attached" not in words


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_attendee_who_has_proved_nothing_is_told_without_names(language):
    context = sample("event_reminder-attendee", language).context
    order = replace(context["order"], event=replace(context["order"].event, title="", where=""))
    held = [replace(line, tier_name="") for line in context["held"]]
    mail = render("event_reminder", language, {**context, "order": order, "held": held})
    assert mail.subject == {"id": "Besok: acara Anda", "en": "Tomorrow: your event"}[language]
    assert "\n\n\n" not in mail.text
