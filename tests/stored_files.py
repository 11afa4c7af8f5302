"""A stand-in for Cloud Storage at the one seam (shared/cloud/clients.py): files in memory.

The real client runs against a real server in tests/conformance.
"""

from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed, ServiceUnavailable


class StoredFiles:
    """Keeps what is uploaded in `files`, by object name; in `described` its type and for how long readers keep it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.described: dict[str, tuple[str, str | None]] = {}
        self.uploads = 0
        self.tries = 0
        """How often somebody has tried to store a file, in vain or not."""

        self.breaks_after: int | None = None
        """So many more uploads work, and then none: as when the storage goes away half way."""

        self.is_down = False
        """Set it and nothing can be listed or deleted."""

        self.forbids_uploads = False
        """Set it and every upload is answered 403, of a new object or of one that is there."""

    def bucket(self, _: str) -> "StoredFiles":
        """One bucket is all buckets."""
        return self

    def blob(self, name: str) -> "_File":
        """The object of that name, there or not."""
        return _File(self, name)

    def list_blobs(self, _: str, *, prefix: str) -> "list[_File]":
        """The objects whose names begin so, as google.cloud.storage.Client lists them."""
        if self.is_down:
            raise ServiceUnavailable("storage is down")
        return [_File(self, name) for name in sorted(self.files) if name.startswith(prefix)]


class _File:
    def __init__(self, store: StoredFiles, name: str) -> None:
        self._store = store
        self._name = name
        self.cache_control: str | None = None

    def upload_from_string(
        self, content: bytes, *, content_type: str, if_generation_match: int | None = None, **_: object
    ) -> None:
        """Take an upload as google.cloud.storage.Blob does: of a new object only, or in place of what is there."""
        assert if_generation_match in (0, None)
        self._store.tries += 1
        if self._store.forbids_uploads:
            raise Forbidden("no right to create, or to delete what would be replaced")
        if self._store.breaks_after is not None:
            if not self._store.breaks_after:
                raise ServiceUnavailable("storage is down")
            self._store.breaks_after -= 1
        if if_generation_match == 0 and self._name in self._store.files:
            raise PreconditionFailed("there is one already")
        self._store.files[self._name] = content
        self._store.described[self._name] = (content_type, self.cache_control)
        self._store.uploads += 1

    def exists(self) -> bool:
        """Tell as google.cloud.storage.Blob does."""
        return self._name in self._store.files

    def download_as_bytes(self) -> bytes:
        """Give the content as google.cloud.storage.Blob does."""
        if self._name not in self._store.files:
            raise NotFound(self._name)
        return self._store.files[self._name]

    def delete(self) -> None:
        """Delete the object as google.cloud.storage.Blob does."""
        if self._store.files.pop(self._name, None) is None:
            raise NotFound(self._name)
