"""Requests of people, and what they make of the answers."""

from typing import TYPE_CHECKING, Any

from tests.simulation.functions import Response
from tests.simulation.people import Buyer, Request
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

NO_ANSWER = "no answer"
_EDITS = ("/events/", "/admin/approvals/")
"""The acts that may change what is for sale."""


def ask(world: "World", method: str, path: str, headers: dict[str, str], body: Any = None) -> Response | None:
    """Send a request. A 500 is a violation, unless the process or the database failed in this step."""
    if method != "GET" and path.startswith(_EDITS):
        world.people.edited_at = world.clock.seconds
    answer = world.functions.request(method, path, headers=headers, body=body)
    if answer is not None and answer.status == 500 and not world.faults.excuses_requests:
        raise Violation("no request fails without a reason", [f"{method} {path}", world.errors.told()])
    return answer


def outcome(answer: Response | None) -> str:
    """An answer in a few words."""
    if answer is None:
        return NO_ANSWER
    if answer.ok:
        return str(answer.status)
    slug = str((answer.json() or {}).get("type", "")).rsplit("/", 1)[-1]
    return f"{answer.status} {slug}"


def send(world: "World", buyer: Buyer, request: Request) -> Response | None:
    """Send a request of a buyer's: what is not answered is sent again later, the same."""
    answer = ask(world, request.method, request.path, {**buyer.headers(), **request.headers}, request.body)
    is_unclear = answer is None or answer.status >= 500
    buyer.unanswered = request if is_unclear else None
    return answer


def show(world: "World", buyer: Buyer, answer: Response | None) -> None:
    """Let a buyer see the order in an answer: it must agree with all that they were shown before."""
    if answer is None or not answer.ok:
        return
    order = answer.json()
    if "total_amount" not in order:
        return  # the answer to a repeated request that was about no order
    buyer.saw(order)
    contradiction = world.promises.order_shown(order)
    if contradiction:
        raise Violation("I12: what people are told stays true", [contradiction])
