"""The words of the pages: English in the templates, Indonesian in languages/id.po, read with Babel."""

import gettext
import io
from functools import lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.web.pages import Language

FOLDER = Path(__file__).parent / "languages"


@lru_cache(maxsize=2)
def translations(language: Language) -> gettext.NullTranslations:
    """The translations of the pages' English into `language`."""
    if language == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with (FOLDER / f"{language}.po").open("rb") as written:
        write_mo(compiled, read_po(written, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def gettext_noop(english: str) -> str:
    """Mark a sentence for the translators; it is translated where it is shown."""
    return english


def translate(language: Language, english: str, **values: object) -> str:
    """One of the pages' sentences in a language, with the values it names as `%(name)s`."""
    words = translations(language).gettext(english)
    return words % values if values else words
