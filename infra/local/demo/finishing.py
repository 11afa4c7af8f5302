"""`python -m infra.local.demo.finishing`: the rest of the demo events' data, made beside the running product.

Nobody waits for it: a few purchases, and the banners, whose drawing takes some seconds. The unfinished part is
done at the next start.
"""

import os

from infra.local.child import end_with_parent
from infra.local.demo import catalogue

_GENTLY = 10


def is_needed() -> bool:
    """True if anything is to be done."""
    organizer = catalogue.organizer()
    missing = catalogue.unfinished(organizer) if organizer else None
    return missing is not None and bool(missing.without_banner or missing.untaken)


def finish() -> None:
    """Do it."""
    from infra.local.demo import artwork, sales  # what takes long to import is imported where it is needed
    from shared.catalog import banner_upload

    organizer = catalogue.organizer()
    if organizer is None:
        return
    missing = catalogue.unfinished(organizer)
    for event_id, event in missing.untaken:
        sales.take_all(event_id, event)
    for event_id, event in missing.without_banner:
        banner_upload.set_banner(organizer, event_id, artwork.drawn(event.artwork))


if __name__ == "__main__":
    end_with_parent()
    os.nice(_GENTLY)
    finish()
