"""Dead letters, collected from the dead-letter subscriptions (PS-028)."""

from functions.manifest import manifest
from shared.cloud import dead_letters
from shared.web import App

app = App("dead_letter_collection")


@app.job("collect")
def collect() -> None:
    """Every five minutes: store the messages in the dead-letter subscriptions."""
    dead_letters.collect(manifest().topics)


main = app.entry_point()
