"""Pictures in the public media bucket."""

from shared.cloud import storage
from shared.cloud.settings import settings
from shared.pictures import Picture


def store(name: str, picture: Picture, *, cache_control: str) -> None:
    """Store a picture under `name`, unless there is one of that name already."""
    bucket = settings().media_bucket
    storage.put_once(bucket, name, picture.content, picture.content_type, cache_control=cache_control)


def url(name: str) -> str:
    """The public URL of an object."""
    return f"{settings().media_base_url}/{name}"
