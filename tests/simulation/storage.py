"""Cloud Storage in this process: objects in memory, all buckets in one, as their names begin with what they hold."""

from google.api_core.exceptions import NotFound, PreconditionFailed, ServiceUnavailable

from tests.simulation.faults import Faults, Point


class Storage:
    """Stands in for google.cloud.storage.Client."""

    def __init__(self, faults: Faults) -> None:
        self.objects: dict[str, bytes] = {}
        self._faults = faults

    def bucket(self, _: str) -> "Storage":
        """One bucket is all buckets."""
        return self

    def blob(self, name: str) -> "_Blob":
        """The object of that name, there or not."""
        return _Blob(self, name)

    def list_blobs(self, _: str, *, prefix: str) -> "list[_Blob]":
        """The objects whose names begin so."""
        return [_Blob(self, name) for name in sorted(self.objects) if name.startswith(prefix)]

    def write(self, name: str, content: bytes, *, only_new: bool) -> None:
        """Store an object. Raises PreconditionFailed, ServiceUnavailable."""
        self._faults.pass_by(Point.STORAGE, "before")
        if self._faults.due(Point.STORAGE):
            raise ServiceUnavailable("storage can't be reached")
        if only_new and name in self.objects:
            raise PreconditionFailed("there is one already")
        self.objects[name] = content
        self._faults.pass_by(Point.STORAGE, "after")

    def remove(self, name: str) -> None:
        """Delete an object. Raises NotFound."""
        self._faults.pass_by(Point.STORAGE, "before")
        if self.objects.pop(name, None) is None:
            raise NotFound(name)
        self._faults.pass_by(Point.STORAGE, "after")


class _Blob:
    def __init__(self, store: Storage, name: str) -> None:
        self._store, self._name = store, name
        self.cache_control: str | None = None

    def upload_from_string(self, content: bytes, *, if_generation_match: int | None = None, **_: object) -> None:
        """As google.cloud.storage.Blob does."""
        self._store.write(self._name, content, only_new=if_generation_match == 0)

    def download_as_bytes(self) -> bytes:
        """As google.cloud.storage.Blob does."""
        if self._name not in self._store.objects:
            raise NotFound(self._name)
        return self._store.objects[self._name]

    def delete(self) -> None:
        """As google.cloud.storage.Blob does."""
        self._store.remove(self._name)
