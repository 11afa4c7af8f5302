"""Publishing a waiting room in the bucket that the CDN shows: its status, and its page in both languages."""

from shared.cloud import storage
from shared.cloud.settings import settings
from shared.site import rendering, waiting_room_view
from shared.waiting_room import status
from shared.waiting_room.rooms import RoomState
from shared.waiting_room.schemas import status_path
from shared.web.pages import PageRequest

STATUS_CACHE = "public, max-age=2"
PAGE_CACHE = "public, max-age=5"


def publish(room: RoomState, with_pages: bool) -> None:
    """Replace the status, and its page in each language. Raises StorageUnavailable."""
    _put(status_path(room.slug), status.of_room(room).model_dump_json(), "application/json", STATUS_CACHE)
    for language in rendering.OTHER if with_pages else ():
        request = PageRequest(f"/{language}/queue/{room.slug}", language=language)
        page = waiting_room_view.public_page(request, room)
        _put(request.path, page.html, page.content_type, PAGE_CACHE)


def _put(path: str, content: str, content_type: str, cache_control: str) -> None:
    """Objects are named as their addresses, so that the load balancer has nothing to rewrite."""
    storage.put(
        settings().queue_bucket, path.removeprefix("/"), content.encode(), content_type, cache_control=cache_control
    )
