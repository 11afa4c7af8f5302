"""Rendering of mails from templates: subject, plain text and HTML."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from shared import rupiah
from shared.cloud.settings import settings


@dataclass(frozen=True)
class RenderedMail:
    """A mail ready to go. `text` says everything that `html` says."""

    subject: str
    text: str
    html: str


def render(template: str, language: str, context: Mapping[str, Any]) -> RenderedMail:
    """The mail `template` in `language` (`id` or `en`). A missing value is an error."""
    known = _with_common_context(language, context)
    plain = _templates().get_template(f"{language}/{template}.txt")
    subject = " ".join("".join(plain.blocks["subject"](plain.new_context(known))).split())
    html = _templates().get_template(f"{language}/{template}.html").render(known, subject=subject)
    return RenderedMail(subject, plain.render(known).strip() + "\n", html)


def render_page(template: str, language: str, context: Mapping[str, Any]) -> str:
    """The HTML page `template`, which a link in a mail leads to."""
    return _templates().get_template(f"{template}.html").render(_with_common_context(language, context)).strip() + "\n"


def _with_common_context(language: str, context: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **context,
        "language": language,
        "brand": settings().sender_name,
        "public_url": settings().public_url.rstrip("/"),
    }


@lru_cache(maxsize=1)
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("shared.messages"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"rupiah": _rupiah, "grouped": _grouped}
    return environment


@pass_context
def _rupiah(context: Context, amount: int) -> str:
    """An amount in the mail's language, which HTML keeps on one line."""
    words = rupiah.formatted(amount, context["language"])
    return words.replace(" ", "\u00a0") if context.eval_ctx.autoescape else words


@pass_context
def _grouped(context: Context, number: int) -> str:
    return rupiah.grouped(number, context["language"])
