"""Phones with WhatsApp, at the simulator of infra/local: what people see on them, and what they do with them."""

import json
from typing import Any

from tests.simulation.network import GATEWAYS, Network

PHONES = 4
_JSON = {"Content-Type": "application/json"}


class Phones:
    """The phones of a seed. What their people write reaches the product as webhooks do."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.ids: list[int] = []

    def begin(self) -> None:
        """Give each person a phone; the last one hides their number behind a username."""
        named = [{"name": f"Ponsel {number}", "phone": f"62813{number:08}"} for number in range(1, PHONES)]
        people: list[dict[str, str]] = [*named, {"name": "Tanpa Nomor", "username": "tanpa.nomor"}]
        self.ids = [self._call("POST", "", each)["id"] for each in people]

    def act(self, phone: int, action: str, **wanted: Any) -> None:
        """Write, choose, share, stop: an action of the simulator's phone."""
        self._call("POST", f"/{phone}/{action}", wanted)

    def choices(self, phone: int) -> list[tuple[str, str, str]]:
        """The id, the title and the kind of each button and row of the last messages."""
        items = self._call("GET", f"/{phone}/messages.json")["items"]
        return [choice for item in items[-6:] if item["is_from_business"] for choice in _choices(item["content"])]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = json.dumps(body) if body is not None else None
        return json.loads(self._network.carry(method, f"{GATEWAYS}/whatsapp/phones{path}", _JSON, data).body)


def _choices(content: dict[str, Any]) -> list[tuple[str, str, str]]:
    action = content.get("interactive", {}).get("action", {})
    rows = [row for section in action.get("sections", []) for row in section["rows"]]
    buttons = [each["reply"] for each in action.get("buttons", [])]
    return [(row["id"], row["title"], "list") for row in rows] + [
        (button["id"], button["title"], "button") for button in buttons
    ]
