"""Templates into pages: the environment of each language, its filters, and what every page is given."""

import json
import re
from collections.abc import MutableMapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from werkzeug.datastructures import MultiDict

from shared import local_time, rupiah
from shared.cloud import clock
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.site import forms, languages, payment_methods, qr_code, refusals, static_files
from shared.web.caching import CachePolicy
from shared.web.pages import Language, Page, PageRequest

_UNBREAKABLE_SPACE = "\u00a0"
_BEFORE_ZONE = re.compile(r" (?=(?:WI|UTC)\S*$)")
OTHER: dict[Language, Language] = {"id": "en", "en": "id"}


def page(
    template: str,
    request: PageRequest,
    *,
    address: str = "",
    keep: CachePolicy | None = None,
    age_seconds: float = 0.0,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> Page:
    """The page that `template` makes of `context`, in the language of the request.

    `address` is where it can be asked for, if that is not where it was: a form's address only takes the form.
    """
    other = OTHER[request.language]
    html = (
        _environment(request.language)
        .get_template(template)
        .render(
            request=request,
            lang=request.language,
            other_language=other,
            other_path=_in(other, request.path),
            other_url=_in(other, address or _address(request)),
            address=address or request.path,
            public_url=settings().public_url,
            now=clock.now(),
            home_zone=local_time.HOME_ZONE,
            **context,
        )
    )
    return Page(
        html,
        status=status,
        keep=keep,
        age_seconds=age_seconds,
        language=None if keep else request.chosen,
        headers=headers or {},
    )


def form_page(
    template: str,
    request: PageRequest,
    *,
    viewer: Principal | None = None,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    given: "MultiDict[str, str] | None" = None,
    address: str = "",
    **context: Any,
) -> Page:
    """A page with a form: with what was typed, what is wrong with it by field, and why it was refused.

    `given` is what was typed where the request's form does not say it.
    """
    return page(
        template,
        request,
        address=address,
        viewer=viewer,
        errors=errors or {},
        refusal=refusals.of(problem, request.language) if problem else None,
        given=request.form if given is None else given,
        csrf=forms.csrf_token(viewer),
        key=uuid4(),
        **context,
    )


def _address(request: PageRequest) -> str:
    kept = [(name, value) for name, value in request.query.items(multi=True) if name != "lang"]
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def _in(language: Language, address: str) -> str:
    """The address of the same page in another language: in the path where it says it, else as a wish."""
    first, slash, rest = address.strip("/").partition("/")
    if first in OTHER:
        return f"/{language}{slash}{rest}"
    return f"{address}{'&' if '?' in address else '?'}lang={language}"


_COMPILING = RLock()


class _Templates(Environment):
    """Templates that are compiled once, however many requests of a new instance ask for them at the same moment."""

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - so it is called there
    ) -> Template:
        """A template, by its name; also what another one extends, imports or includes."""
        with _COMPILING:
            return super().get_template(name, parent, globals)


def _environment(language: Language) -> Environment:
    with _COMPILING:
        return _made_environment(language)


@lru_cache(maxsize=2)
def _made_environment(language: Language) -> Environment:
    environment = _Templates(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.install_gettext_translations(languages.translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "rupiah": lambda amount: rupiah.formatted(amount, language).replace(" ", _UNBREAKABLE_SPACE),
        "number": lambda number: rupiah.grouped(number, language),
        "date": lambda moment, zone: local_time.long_date(moment, zone, language),
        "moment": lambda moment, zone: _with_its_zone(local_time.long_moment(moment, zone, language)),
        "clock": lambda moment, zone: _with_its_zone(local_time.time_of_day(moment, zone, language)),
        "exact_clock": lambda moment, zone: _with_its_zone(local_time.exact_time_of_day(moment, zone, language)),
        "short_date": lambda moment, zone: local_time.short_date(moment, zone, language),
        "day": lambda day: local_time.short_day(day, language),
        "iso": _iso,
        "grouped": _in_fours,
        "pretty": _pretty,
        "method": payment_methods.name_of,
    }
    environment.globals |= {"static": static_files.url, "qr": qr_code.svg, "date_and_time": _date_and_time(language)}
    return environment


def _in_fours(number: str) -> str:
    """A long number in groups of four digits, to be read and compared."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _pretty(document: Any) -> str:
    """A JSON document, indented."""
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _date_and_time(language: Language) -> Any:
    def lines(event: Any) -> tuple[str, ...]:
        dates = local_time.date_and_time(event.start_date, event.end_date, event.timezone, language)
        return tuple(_with_its_zone(line) for line in dates)

    return lines


def _with_its_zone(time: str) -> str:
    """A time that ends with its zone, which no line break parts from it; a date as it is."""
    return _BEFORE_ZONE.sub(_UNBREAKABLE_SPACE, time)
