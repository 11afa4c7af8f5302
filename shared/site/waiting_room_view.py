"""A waiting room as a page shows it: to everybody, from the bucket, and to who has a place in it."""

import json
from typing import Any, Final

from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.site import rendering
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.waiting_room import status
from shared.waiting_room.places import Place, PlaceState
from shared.waiting_room.rooms import ENDING, RoomState
from shared.waiting_room.schemas import status_path
from shared.web.pages import Page, PageRequest

PUBLIC_REFRESH_SECONDS = 15
"""How often everybody's page reloads itself where there is no script: from the CDN."""
OWN_REFRESH_SECONDS = (15, 120)
"""The same for one's own page, which is a call of a function: the longer the wait, the more seldom."""
_SAID: Final = {
    "turn": _("It is your turn"),
    "soon": _("less than a minute"),
    "minute": _("about one minute"),
    "minutes": _("about {minutes} minutes"),
    "unknown": _("not known yet"),
    "one": _("One person is ahead of you."),
    "ahead": _("{ahead} people are ahead of you."),
    "drawn": _("The order is drawn. Your position is {position}."),
    "begins": _("In {time}"),
}
"""The words of the page's script."""


def public_page(request: PageRequest, room: RoomState) -> Page:
    """The page for everybody."""
    return _page(request, room, refresh_seconds=0 if room.phase in ENDING else PUBLIC_REFRESH_SECONDS)


def own_page(
    request: PageRequest, room: RoomState, viewer: Principal, place: Place | None, problem: Problem | None = None
) -> Page:
    """The page of somebody who is signed in."""
    return _page(
        request, room, viewer=viewer, place=place, problem=problem, refresh_seconds=_own_refresh_seconds(place)
    )


def _page(
    request: PageRequest,
    room: RoomState,
    *,
    refresh_seconds: int,
    viewer: Principal | None = None,
    place: Place | None = None,
    problem: Problem | None = None,
) -> Page:
    return rendering.form_page(
        "waiting_room/room.html",
        request,
        viewer=viewer,
        problem=problem,
        address=f"/queue/{room.slug}" if viewer else "",
        room=room,
        place=place,
        refresh_seconds=refresh_seconds,
        status_path=status_path(room.slug),
        status_now=status.of_room(room).model_dump_json(),
        words=json.dumps(_words(request)),
    )


def _own_refresh_seconds(place: Place | None) -> int:
    """The seconds after which one's own page reloads itself without a script: a quarter of what is left of the wait."""
    least, most = OWN_REFRESH_SECONDS
    if place is None or place.state != PlaceState.WAITING or place.room.phase in ENDING:
        return 0
    wait = place.room.wait_minutes(place.number)
    return most if wait is None else min(most, max(least, wait * 60 // 4))


def _words(request: PageRequest) -> dict[str, Any]:
    return {name: translate(request.language, text) for name, text in _SAID.items()}
