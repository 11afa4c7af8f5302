"""A browser without scripts: it keeps cookies, asks for pages, and sends their forms."""

import re
from html import unescape

import requests

from tests.people import PASSWORD, Person, World
from tests.waiting import PATIENCE_SECONDS, until

_CODE = re.compile(r"\b(\d{4} ?\d{4}|\d{6})\b")
_HIDDEN = re.compile(r'type="hidden" name="(\w+)" value="([^"]*)"')


class Browser:
    """Somebody's browser at a running product."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.session = requests.Session()

    def get(self, path: str) -> requests.Response:
        """Open a page, wherever it leads."""
        return self.session.get(self.world.url + path, timeout=PATIENCE_SECONDS)

    def send(self, path: str, fields: dict[str, str], **headers: str) -> requests.Response:
        """Send a form of ours, unless `headers` say of whose page it is, and stay there."""
        return self.session.post(
            self.world.url + path,
            data=fields,
            headers={"Origin": self.world.url, **headers},
            timeout=PATIENCE_SECONDS,
            allow_redirects=False,
        )

    def sign_in(self, person: Person) -> None:
        """Sign in by password."""
        assert self.send("/login", {"email": person.address, "password": PASSWORD}).status_code == 303

    def sign_in_by_code(self, address: str) -> None:
        """Sign in by a mailed code, which opens an account without a password."""
        self.send("/login/code", {"email": address, "accept_terms": "true"})
        assert self.send("/login/verify", {"email": address, "code": self.code(address, "sign_in")}).status_code == 303

    def code(self, address: str, template: str) -> str:
        """The code of the newest mail of a kind to an address, once it has come."""
        found = until(
            lambda: [mail for mail in self.world.mails(address) if mail["template"] == template],
            what=f"for the mail {template}",
        )
        [code, *_] = _CODE.findall(found[0]["text"])
        return str(code)

    @property
    def is_signed_in(self) -> bool:
        """True if the pages of one's own are shown."""
        return self.get("/account").url == f"{self.world.url}/account"


def hidden_fields(page: requests.Response) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    return {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
