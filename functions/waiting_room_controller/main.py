"""Moves waiting rooms on: the draw, whose turn it is, and the page and status that everybody sees (QUEUE-1)."""

from shared.site import waiting_room_publishing
from shared.waiting_room import controller
from shared.web import App

app = App("waiting_room_controller")


@app.job("run")
def run() -> None:
    """Every minute: call whose turn it is every two seconds, until the next run begins."""
    controller.run(waiting_room_publishing.publish)


main = app.entry_point()
