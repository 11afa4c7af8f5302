"""A route that nobody thought about who may call is not served: it fails when its function is imported."""

from uuid import UUID

import pytest

from shared.models import ResponseModel
from shared.web import App, SignedIn, Viewer


class Done(ResponseModel):
    """An answer."""


def test_a_route_without_a_guard_is_refused():
    app = App("careless")
    with pytest.raises(TypeError, match="GET /api/v1/things: say who may call"):

        @app.get("/things")
        def things() -> Done: ...


def test_a_guard_and_anybody_together_are_refused():
    app = App("torn")
    with pytest.raises(TypeError, match="say who may call"):

        @app.get("/things", anybody=True)
        def things(who: SignedIn) -> Done: ...


def test_a_guard_or_anybody_is_enough_and_our_own_services_need_neither():
    app = App("careful")

    @app.get("/mine")
    def mine(who: SignedIn) -> Done: ...

    @app.get("/shown")
    def shown(who: Viewer) -> Done: ...

    @app.get("/open", anybody=True)
    def open_() -> Done: ...

    @app.task("later")
    def later() -> None: ...

    assert [bool(route.access) for route in app.routes] == [True, True, False, False]


def test_one_handler_serves_two_addresses_and_a_default_where_one_names_less():
    app = App("both")

    @app.get("/things", anybody=True)
    @app.get("/boxes/{box_id}/things", anybody=True)
    def things(box_id: UUID | None = None) -> Done: ...

    assert [[each.name for each in route.parameters] for route in app.routes] == [["box_id"], []]
