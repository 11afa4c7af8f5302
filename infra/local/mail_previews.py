"""Every mail as its reader sees it, in both languages, with short and with long names. Of a local run only.

/mails                                   the list
/mails/{mail}                            one mail: subjects, HTML and plain text, all four side by side
/mails/{mail}/{language}/{names}         its HTML alone: `id` or `en`, `short` or `long`
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from infra.local.mail_samples import LONG, SHORT, Names, Sample, samples
from shared.messages.rendering import RenderedMail, render

PATH = "/mails"
LANGUAGES = {"id": "Bahasa Indonesia", "en": "English"}
NAMES = {"short": SHORT, "long": LONG}

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_ROUTES = Map(
    [
        Rule(PATH, endpoint="overview"),
        Rule(f"{PATH}/<mail>", endpoint="mail"),
        Rule(f"{PATH}/<mail>/<any(id, en):language>/<any(short, long):names>", endpoint="html"),
    ]
)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer one request for a preview."""
    try:
        endpoint, values = _ROUTES.bind_to_environ(environ).match()
        answer = _ENDPOINTS[str(endpoint)](**values)
    except HTTPException as error:
        answer = Response(error.name, error.code or HTTPStatus.NOT_FOUND)
    return answer(environ, start_response)


def previewed(sample: Sample, language: str) -> RenderedMail:
    """A sample as it would be sent."""
    return render(sample.template, language, sample.context)


def _overview() -> Response:
    mails = [(sample, previewed(sample, "id").subject, previewed(sample, "en").subject) for sample in samples("id")]
    return _page("mails.html", mails=mails)


def _mail(mail: str) -> Response:
    shown = [
        (language, names, previewed(_sample(mail, language, chosen), language))
        for language in LANGUAGES
        for names, chosen in NAMES.items()
    ]
    return _page("mail_preview.html", mail=mail, shown=shown, languages=LANGUAGES)


def _html(mail: str, language: str, names: str) -> Response:
    content = previewed(_sample(mail, language, NAMES[names]), language).html
    return Response(content, mimetype="text/html", headers={"Content-Security-Policy": "sandbox allow-popups"})


def _sample(slug: str, language: str, names: Names) -> Sample:
    found = next((sample for sample in samples(language, names) if sample.slug == slug), None)
    if found is None:
        raise NotFound
    return found


def _page(template: str, **shown: Any) -> Response:
    return Response(_TEMPLATES.get_template(template).render(**shown), mimetype="text/html")


_ENDPOINTS: dict[str, Callable[..., Response]] = {"overview": _overview, "mail": _mail, "html": _html}
