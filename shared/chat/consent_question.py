"""The question whether somebody wants notices in their chat."""

from typing import Final

from shared.chat import wording
from shared.chat.contents import Option, Text
from shared.states import ChatNotices

WORDING_VERSION: Final = "2026-11-30"
"""The version of the question, here and on the account page. A changed question gets a new one."""
BUTTON: Final = "notices"
"""The prefix of its buttons' ids; the answer and the version follow."""


def question(language: str) -> Text:
    """The question, with a button for each answer."""
    answers = ((ChatNotices.ON, "notices_yes"), (ChatNotices.OFF, "notices_no"))
    buttons = (
        Option(id=f"{BUTTON}:{notices}:{WORDING_VERSION}", title=wording.sentence(key, language))
        for notices, key in answers
    )
    return Text(body=wording.sentence("ask_notices", language), buttons=tuple(buttons))
