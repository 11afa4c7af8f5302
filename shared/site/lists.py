"""Pages of the desks' lists."""

from shared.site import forms
from shared.web.pages import PageRequest

PAGE_SIZE = 25
MAX_PAGES = 1000


def page_of(request: PageRequest) -> dict[str, int]:
    """The page of a list that a request asks for: the first, where it names none."""
    number = forms.whole_number(request.query.get("page", ""), MAX_PAGES)
    return {"page": number or 1, "page_size": PAGE_SIZE}
